//! What was acknowledged comes back from the log as it was: each signal, each encoding, with every field there is.

use arrow::array::RecordBatch;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plimsoll_collector::{Config, Signal};
use plimsoll_model::Table;
use tempfile::TempDir;

use super::clients::{COMPRESSIONS, TRANSPORTS, Transport, Verdict, assert_verdict};
use super::requests::{Request, span, spans};
use super::{Door, TELEMETRY, all_rows, reopened};

/// A process may die often before it gets anywhere.
const RESTARTS: usize = 3;

pub(crate) async fn assert_replays(folder: &TempDir, acknowledged: &[RecordBatch]) {
    for _ in 0..RESTARTS {
        let lake = reopened(folder).await;
        assert_eq!(lake.stats().quarantined, 0);
        for ((table, now), then) in TELEMETRY.iter().zip(all_rows(&lake)).zip(acknowledged) {
            assert_eq!(&now, then, "{table}");
        }
    }
}

/// The requests in which every field is set.
fn every_field() -> [Request; 3] {
    let json = include_str!("../../src/wire/tests/every_field.json");
    let json: serde_json::Value = serde_json::from_str(json).expect("valid JSON");
    let of = |signal: &str| serde_json::from_value(json[signal].clone());
    let of_metrics = serde_json::from_value(json["metrics"].clone());
    let of_logs = serde_json::from_value(json["logs"].clone());
    let traces: ExportTraceServiceRequest = of("traces").expect("the crate's reading");
    let metrics: ExportMetricsServiceRequest = of_metrics.expect("the crate's reading");
    let logs: ExportLogsServiceRequest = of_logs.expect("the crate's reading");
    [
        Request::new(Signal::Traces, &traces),
        Request::new(Signal::Metrics, &metrics),
        Request::new(Signal::Logs, &logs),
    ]
}

#[tokio::test]
async fn every_field_of_every_signal_in_every_encoding_comes_back_as_it_was() {
    let door = Door::open(Config::default()).await;
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            for request in every_field() {
                let answer = door.send(transport, &request, compression).await;
                assert_verdict(transport, &answer, Verdict::Accepted);
            }
        }
    }
    for table in [Table::Spans, Table::Metrics, Table::Logs] {
        assert!(door.rows(table) >= 9, "{table}");
    }
    let acknowledged = door.all_rows();
    assert_replays(&door.stop_serving().await, &acknowledged).await;
}

#[tokio::test]
async fn what_was_refused_stays_refused_when_limits_no_longer_count() {
    // One attribute a span: the second span is refused, and the log must not bring it back.
    let door = Door::open(Config { max_attributes: 1, ..Config::default() }).await;
    let mut many = span(&[1; 16]);
    many.attributes = vec![Default::default(), Default::default()];
    let request = spans(vec![span(&[1; 16]), many]);
    for transport in TRANSPORTS {
        let answer = door.send(transport, &request, "identity").await;
        assert_verdict(transport, &answer, Verdict::Accepted);
    }
    assert_eq!(door.rows(Table::Spans), 3);
    let acknowledged = door.all_rows();
    assert_replays(&door.stop_serving().await, &acknowledged).await;
}

#[tokio::test]
async fn a_limit_that_is_lowered_later_costs_nothing_that_was_acknowledged() {
    let door = Door::open(Config::default()).await;
    let mut many = span(&[1; 16]);
    let long =
        opentelemetry_proto::tonic::common::v1::KeyValue { key: "k".repeat(10_000), ..Default::default() };
    many.attributes = vec![long; 1_024];
    let answer = door.send(Transport::Grpc, &spans(vec![many]), "identity").await;
    assert_verdict(Transport::Grpc, &answer, Verdict::Accepted);
    let acknowledged = door.all_rows();
    assert_replays(&door.stop_serving().await, &acknowledged).await;
}
