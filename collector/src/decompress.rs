//! Decompression that stops in time: the decoded size, its ratio to what was sent, and the memory left are checked
//! after every chunk.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::admission::Received;
use crate::body::too_large;
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

/// A body that grows past this is first read to its end without being kept: a bomb then costs a bounded time and no
/// memory. Few requests are that large, and those are decompressed twice.
const TRUSTED_BYTES: usize = 8 * 1024 * 1024;

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
        Compression::Gzip => {
            let limit = Limit::new("gzip", source, config);
            expand(|| Ok(MultiGzDecoder::new(source)), &limit, decoded)
        }
        Compression::Zstd => expand(|| zstd_decoder(source), &Limit::new("zstd", source, config), decoded),
    }
}

fn zstd_decoder(source: &[u8]) -> io::Result<zstd::Decoder<'static, BufReader<&[u8]>>> {
    let mut decoder = zstd::Decoder::new(source)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// How far a body may grow.
struct Limit<'a> {
    name: &'static str,
    by_ratio: usize,
    config: &'a Config,
}

impl<'a> Limit<'a> {
    fn new(name: &'static str, source: &[u8], config: &'a Config) -> Self {
        let by_ratio = source.len().saturating_mul(config.max_ratio).max(RATIO_FLOOR_BYTES);
        Self { name, by_ratio, config }
    }

    fn check(&self, size: usize) -> Result<(), Refusal> {
        if size > self.config.max_request_bytes {
            return Err(too_large(self.config.max_request_bytes));
        }
        if size > self.by_ratio {
            let (name, ratio, limit) = (self.name, self.config.max_ratio, "max_ratio");
            let message =
                format!("the {name} body grows more than {ratio}-fold; compress less or raise {limit}");
            return Err(Refusal::new(RequestReason::Ratio, message));
        }
        Ok(())
    }

    /// Reads to the end and keeps nothing.
    fn check_all(&self, mut decoder: impl Read, chunk: &mut [u8]) -> Result<(), Refusal> {
        let mut size = 0;
        loop {
            let read = decoder.read(chunk).map_err(|error| broken(self.name, &error))?;
            if read == 0 {
                return Ok(());
            }
            size += read;
            self.check(size)?;
        }
    }
}

fn expand<R: Read>(
    open: impl Fn() -> io::Result<R>,
    limit: &Limit<'_>,
    mut decoded: Received,
) -> Result<Received, Refusal> {
    let opened = || open().map_err(|error| broken(limit.name, &error));
    let mut decoder = opened()?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut is_trusted = false;
    loop {
        let read = decoder.read(&mut chunk).map_err(|error| broken(limit.name, &error))?;
        if read == 0 {
            return Ok(decoded);
        }
        let size = decoded.bytes.len() + read;
        limit.check(size)?;
        decoded.lease.grow(read)?;
        decoded.bytes.extend_from_slice(&chunk[..read]);
        if size > TRUSTED_BYTES && !is_trusted {
            limit.check_all(opened()?, &mut chunk)?;
            is_trusted = true;
        }
    }
}

fn broken(name: &str, error: &io::Error) -> Refusal {
    Refusal::new(RequestReason::Malformed, format!("the {name} body is broken: {error}"))
}

#[cfg(test)]
mod tests;
