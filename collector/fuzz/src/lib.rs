//! What every target does with its bytes: the structural check and the rows, as the door does, and prost beside them.
//! `cargo clippy --all-targets` in the workspace builds it as an example of the collector, so that it keeps up.
#![allow(
    unreachable_pub,
    unused_imports,
    reason = "a copy of the decoder, of which nobody else uses anything"
)]

#[allow(dead_code, reason = "a target needs a lease and no slots")]
mod admission;
#[allow(dead_code, reason = "the defaults will do")]
mod config;
#[allow(dead_code, reason = "the counts are not looked at")]
mod convert;
#[allow(dead_code, reason = "nobody keeps the books")]
mod ledger;
#[allow(dead_code, reason = "nothing is limited here")]
mod quota;
#[allow(dead_code, reason = "the defaults will do")]
mod redact;
#[allow(dead_code, reason = "nobody is answered here")]
mod refusal;
#[allow(dead_code, reason = "nobody listens here")]
mod signal;
#[allow(dead_code, reason = "media types are the door's")]
mod wire;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plimsoll_model::{Signal, Timestamp};
use prost::Message;

use crate::admission::{Admission, Received};
use crate::config::Config;
use crate::signal::OnTheWire;
use crate::wire::Encoding;

#[derive(Clone, Copy, Debug)]
pub enum Target {
    Traces,
    Logs,
    Metrics,
}

pub fn protobuf(target: Target, body: &[u8]) {
    decode(target, Encoding::Protobuf, body);
}

pub fn json(target: Target, body: &[u8]) {
    decode(target, Encoding::Json, body);
}

/// Panics are findings, and so is a request of which prost knows another number of items. That the rows say the same is
/// checked by the property tests in `src/convert/tests/oracle.rs`.
fn decode(target: Target, encoding: Encoding, body: &[u8]) {
    let signal = match target {
        Target::Traces => Signal::Traces,
        Target::Logs => Signal::Logs,
        Target::Metrics => Signal::Metrics,
    };
    let config = Config { max_inflight_bytes: 256 << 20, ..Config::default() };
    let received = Received { bytes: body.to_vec(), lease: Admission::new(&config).lease() };
    let Ok(Received { bytes, mut lease }) = wire::check(received, encoding, signal.request(), 32) else {
        return;
    };
    let now = Timestamp::from_secs(1_763_700_000);
    let Ok(converted) = convert::convert(signal, &bytes, now, &config, &mut lease, None) else { return };
    let theirs = match target {
        Target::Traces => ExportTraceServiceRequest::decode(bytes.as_slice()).map(|request| spans(&request)),
        Target::Logs => ExportLogsServiceRequest::decode(bytes.as_slice()).map(|request| records(&request)),
        // Counted by kind: the tests do it, and here every body would pay for it.
        Target::Metrics => ExportMetricsServiceRequest::decode(bytes.as_slice()).map(|_| converted.received),
    };
    // Prost stops at another depth than we do.
    if let Ok(theirs) = theirs {
        assert_eq!(converted.received, theirs);
    }
    let rows: usize = converted.batches.iter().map(|rows| rows.batch.num_rows()).sum();
    assert!(rows as u64 >= converted.received - converted.rejections.total());
}

fn spans(request: &ExportTraceServiceRequest) -> u64 {
    let scopes = request.resource_spans.iter().flat_map(|group| &group.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}

fn records(request: &ExportLogsServiceRequest) -> u64 {
    let scopes = request.resource_logs.iter().flat_map(|group| &group.scope_logs);
    scopes.map(|scope| scope.log_records.len() as u64).sum()
}
