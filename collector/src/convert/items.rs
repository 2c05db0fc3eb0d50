//! Checks and small conversions of single fields.

use super::rejections::ItemReason;

/// What an [`AttributeMap`](super::attributes::AttributeMap) calls a sender without a name.
pub(super) const UNKNOWN_SERVICE: &str = "unknown_service";

pub(super) fn nanos(unix_nanos: u64) -> Result<i64, ItemReason> {
    i64::try_from(unix_nanos).map_err(|_| ItemReason::TimeOutOfRange)
}

/// Zero is how OTLP writes "not known".
pub(super) fn known_nanos(unix_nanos: u64) -> Result<Option<i64>, ItemReason> {
    Ok(Some(nanos(unix_nanos)?).filter(|nanos| *nanos != 0))
}

/// Lower-case hex of an id that is what it should be.
pub(super) fn hex_id<const LENGTH: usize>(id: &[u8]) -> Option<String> {
    let valid = id.len() == LENGTH && id.iter().any(|byte| *byte != 0);
    valid.then(|| hex::encode(id))
}

pub(super) fn trace_id(id: &[u8]) -> Option<String> {
    hex_id::<16>(id)
}

pub(super) fn span_id(id: &[u8]) -> Option<String> {
    hex_id::<8>(id)
}

/// Proto3 cannot tell an empty string from none.
pub(super) fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
