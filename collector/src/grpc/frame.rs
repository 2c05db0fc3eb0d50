//! gRPC's frame: one byte that says whether the message is compressed, four of length, the message.

use bytes::{BufMut, Bytes, BytesMut};

use crate::body::too_large;
use crate::decompress::Compression;
use crate::refusal::{Refusal, RequestReason};

pub(super) const HEADER_BYTES: usize = 5;

/// Leaves the message in `bytes` and says how it is compressed. `negotiated` is what the call's headers announced.
pub(super) fn unwrap(
    bytes: &mut Vec<u8>,
    negotiated: Compression,
    limit: usize,
) -> Result<Compression, Refusal> {
    let Some(([flag, length @ ..], message)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(malformed("the call ended before a whole message frame; an export sends exactly one"));
    };
    let length = u32::from_be_bytes(*length) as usize;
    if length > limit {
        return Err(too_large(limit));
    }
    if length != message.len() {
        let sent = message.len();
        return Err(malformed(&format!(
            "the frame declares {length} bytes and {sent} came; send one message a call"
        )));
    }
    let compression = match (flag, negotiated) {
        (0, _) => Compression::Identity,
        (1, Compression::Identity) => {
            return Err(malformed("the message is marked compressed, but no grpc-encoding says how"));
        }
        (1, negotiated) => negotiated,
        _ => return Err(malformed("the frame's first byte must be 0 or 1")),
    };
    bytes.drain(..HEADER_BYTES);
    Ok(compression)
}

pub(super) fn wrap(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("an answer is a few hundred bytes");
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.put_slice(message);
    frame.freeze()
}

fn malformed(problem: &str) -> Refusal {
    Refusal::new(RequestReason::Malformed, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], negotiated: Compression) -> Result<(Compression, Vec<u8>), RequestReason> {
        let mut bytes = bytes.to_vec();
        let compression = unwrap(&mut bytes, negotiated, 100).map_err(|refusal| refusal.reason)?;
        Ok((compression, bytes))
    }

    #[test]
    fn a_message_is_unwrapped_and_only_a_marked_one_is_compressed() {
        let plain = wrap(b"abc");
        assert_eq!(check(&plain, Compression::Gzip), Ok((Compression::Identity, b"abc".to_vec())));
        let marked = [1, 0, 0, 0, 3, 7, 8, 9];
        assert_eq!(check(&marked, Compression::Zstd), Ok((Compression::Zstd, vec![7, 8, 9])));
        assert_eq!(check(&marked, Compression::Identity), Err(RequestReason::Malformed));
    }

    #[test]
    fn a_frame_that_lies_about_its_length_is_refused() {
        for frame in [&[0, 0, 0, 0, 3, 7][..], &[0, 0, 0, 0, 0, 7], &[0, 0, 0], &[], &[9, 0, 0, 0, 0]] {
            assert_eq!(check(frame, Compression::Identity), Err(RequestReason::Malformed), "{frame:?}");
        }
        assert_eq!(check(&[0, 255, 255, 255, 255], Compression::Identity), Err(RequestReason::TooLarge));
    }
}
