//! Requests as they lie in the log: the checked protobuf of what was sent, read again after a crash by the same code as
//! when it came, with no limit tighter than at that time.

use bytes::Bytes;
use plimsoll_model::{Original, OriginalFormat, ReadOriginal, Signal, SignalBatch, Timestamp};

use crate::admission::{Admission, Lease, Received};
use crate::config::Config;
use crate::convert;
use crate::redact::Redactor;
use crate::refusal::Refusal;
use crate::signal::OnTheWire;
use crate::wire::{self, Encoding};

/// Gives the lake the rows of the OTLP requests in its log. What was acknowledged once is never refused here: limits that
/// were lowered since, or those of another configuration, do not count.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtlpReader;

impl ReadOriginal for OtlpReader {
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        let signal = signal_of(original.format)?;
        read(signal, original, Checks::All).map_err(|refusal| refusal.message)
    }

    fn rows_of_checked(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        let signal = signal_of(original.format)?;
        read(signal, original, Checks::Done).map_err(|refusal| refusal.message)
    }
}

/// JSON is in the log as the protobuf into which it was rewritten.
pub(crate) fn original(signal: Signal, received: Timestamp, bytes: Vec<u8>) -> Original {
    Original { format: format_of(signal), received, bytes: Bytes::from(bytes) }
}

/// These numbers lie on disk.
const fn format_of(signal: Signal) -> OriginalFormat {
    match signal {
        Signal::Traces => OriginalFormat(1),
        Signal::Logs => OriginalFormat(2),
        Signal::Metrics => OriginalFormat(3),
    }
}

fn signal_of(format: OriginalFormat) -> Result<Signal, String> {
    let signal = Signal::ALL.into_iter().find(|signal| format_of(*signal) == format);
    signal.ok_or_else(|| format!("format {} is none of OTLP's", format.0))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    All,
    /// Of these bytes, in this process.
    Done,
}

fn read(signal: Signal, original: &Original, checks: Checks) -> Result<Vec<SignalBatch>, Refusal> {
    let config = Config {
        max_request_bytes: usize::MAX,
        max_attributes: usize::MAX,
        max_attribute_bytes: usize::MAX,
        // Of what was altered, the log holds rows.
        redactor: Redactor::nothing(),
        ..Config::default()
    };
    let lease = Admission::new(&config).lease();
    if checks == Checks::Done {
        return rows(signal, &original.bytes, original, &config, lease);
    }
    let received = Received { bytes: original.bytes.to_vec(), lease };
    let checked = wire::check(received, Encoding::Protobuf, signal.request(), config.max_depth)?;
    rows(signal, &checked.bytes, original, &config, checked.lease)
}

fn rows(
    signal: Signal,
    bytes: &[u8],
    original: &Original,
    config: &Config,
    mut lease: Lease,
) -> Result<Vec<SignalBatch>, Refusal> {
    Ok(convert::convert(signal, bytes, original.received, config, &mut lease, None)?.batches)
}
