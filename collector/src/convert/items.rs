//! Checks and small conversions of single fields.

use super::rejections::ItemReason;

pub(super) fn nanos(unix_nanos: u64) -> Result<i64, ItemReason> {
    i64::try_from(unix_nanos).map_err(|_| ItemReason::TimeOutOfRange)
}

/// Zero is how OTLP writes "not known".
pub(super) fn known_nanos(unix_nanos: u64) -> Result<Option<i64>, ItemReason> {
    Ok(Some(nanos(unix_nanos)?).filter(|nanos| *nanos != 0))
}

/// An id that is what it should be: of its length, and not all zero.
#[inline]
fn id<const LENGTH: usize>(bytes: &[u8]) -> Option<&[u8; LENGTH]> {
    bytes.as_array().filter(|id| **id != [0; LENGTH])
}

#[inline]
pub(super) fn trace_id(bytes: &[u8]) -> Option<&[u8; 16]> {
    id(bytes)
}

#[inline]
pub(super) fn span_id(bytes: &[u8]) -> Option<&[u8; 8]> {
    id(bytes)
}
