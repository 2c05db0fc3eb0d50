//! Decompression that stops in time: the decoded size, its ratio to what was sent, and the memory left are checked
//! after every chunk.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::body::{Received, too_large};
use crate::config::Config;
use crate::refusal::{Refusal, RequestReason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Identity,
    Gzip,
    Zstd,
}

const CHUNK_BYTES: usize = 64 * 1024;

/// Small bodies may repeat themselves as much as they like.
const RATIO_FLOOR_BYTES: usize = 1024 * 1024;

/// 8 MiB, which RFC 9659 allows for HTTP: a frame's header decides how much a decoder allocates.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

impl Compression {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

pub(crate) fn decompress(
    received: Received,
    compression: Compression,
    config: &Config,
) -> Result<Received, Refusal> {
    let Received { bytes, lease } = received;
    if bytes.is_empty() {
        return Ok(Received { bytes, lease });
    }
    let source = bytes.as_slice();
    let decoded = Received { bytes: Vec::new(), lease };
    match compression {
        Compression::Identity => Ok(Received { bytes, ..decoded }),
        Compression::Gzip => expand(MultiGzDecoder::new(source), "gzip", source.len(), decoded, config),
        Compression::Zstd => {
            let decoder = zstd_decoder(source).map_err(|error| broken("zstd", &error))?;
            expand(decoder, "zstd", source.len(), decoded, config)
        }
    }
}

fn zstd_decoder(source: &[u8]) -> io::Result<zstd::Decoder<'static, BufReader<&[u8]>>> {
    let mut decoder = zstd::Decoder::new(source)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

fn expand(
    mut decoder: impl Read,
    name: &str,
    compressed_len: usize,
    mut decoded: Received,
    config: &Config,
) -> Result<Received, Refusal> {
    let ratio_limit = compressed_len.saturating_mul(config.max_ratio).max(RATIO_FLOOR_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = decoder.read(&mut chunk).map_err(|error| broken(name, &error))?;
        if read == 0 {
            return Ok(decoded);
        }
        let size = decoded.bytes.len() + read;
        if size > config.max_request_bytes {
            return Err(too_large(config.max_request_bytes));
        }
        if size > ratio_limit {
            let (ratio, limit) = (config.max_ratio, "max_ratio");
            let message =
                format!("the {name} body grows more than {ratio}-fold; compress less or raise {limit}");
            return Err(Refusal::new(RequestReason::Ratio, message));
        }
        decoded.lease.grow(read)?;
        decoded.bytes.extend_from_slice(&chunk[..read]);
    }
}

fn broken(name: &str, error: &io::Error) -> Refusal {
    Refusal::new(RequestReason::Malformed, format!("the {name} body is broken: {error}"))
}

#[cfg(test)]
mod tests;
