//! Bodies, read back by the standard's own decoder.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::*;

fn bodies(signals: &[Signal], items_per_request: u64, spans_per_trace: u64) -> Bodies {
    Bodies::new(Contents { run: Run::new(3), signals: signals.to_vec(), items_per_request, spans_per_trace })
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_600_000)
}

#[test]
fn a_body_of_spans_is_what_the_standards_decoder_reads() {
    let bodies = bodies(&[Signal::Spans], 1_000, 1);
    let mut ids = HashSet::new();
    for request in 0..3 {
        let body = bodies.make(request, now());
        let decoded = ExportTraceServiceRequest::decode(body.bytes.clone()).expect("OTLP");
        assert_eq!(decoded.encode_to_vec(), body.bytes, "as the standard's encoder writes it");
        let scope = &decoded.resource_spans[0].scope_spans[0];
        let named = scope.scope.as_ref().expect("a scope");
        assert_eq!(
            (named.name.as_str(), named.version.as_str()),
            ("plimsoll.load/0000000000000003", request.to_string().as_str())
        );
        assert_eq!(scope.spans.len(), 1_000);
        let bytes = body.bytes.len() / 1_000;
        assert!((230..300).contains(&bytes), "{bytes} bytes a span");
        for span in &scope.spans {
            assert!(ids.insert((span.trace_id.clone(), span.span_id.clone())), "an id twice");
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
            assert!(span.start_time_unix_nano.cast_signed() <= body.latest.nanos());
            assert_eq!((span.attributes.len(), span.parent_span_id.len()), (6, 8));
        }
    }
}

#[test]
fn every_signal_takes_its_turn_and_keeps_its_own_count() {
    let signals = [Signal::Spans, Signal::Logs, Signal::Metrics, Signal::Spans, Signal::Events];
    let bodies = bodies(&signals, 10, 1);
    let mut values = Vec::new();
    let mut events = Vec::new();
    for request in 0..10 {
        let bytes = bodies.make(request, now()).bytes;
        match bodies.contents().signal_of(request) {
            Signal::Spans => drop(ExportTraceServiceRequest::decode(bytes).expect("OTLP")),
            Signal::Metrics => {
                let metrics = ExportMetricsServiceRequest::decode(bytes).expect("OTLP");
                values.extend(metrics.resource_metrics[0].scope_metrics[0].metrics.iter().map(number));
            }
            Signal::Logs => {
                let logs = ExportLogsServiceRequest::decode(bytes).expect("OTLP");
                assert_eq!(logs.resource_logs[0].scope_logs[0].log_records[0].event_name, "");
            }
            Signal::Events => {
                let logs = ExportLogsServiceRequest::decode(bytes).expect("OTLP");
                events.extend(logs.resource_logs[0].scope_logs[0].log_records.clone());
            }
        }
    }
    assert_eq!(values, (0..20).map(f64::from).collect::<Vec<_>>());
    let ids: HashSet<String> = events.iter().map(|event| format!("{:?}", event.attributes[0])).collect();
    assert_eq!((events.len(), ids.len()), (20, 20));
    let run = Run::new(3);
    assert_eq!(events[7].trace_id, run.trace_id(14), "an event belongs to a trace that has spans");
}

#[test]
fn spans_of_a_trace_share_it_and_hang_from_its_root() {
    let body = bodies(&[Signal::Spans], 8, 4).make(1, now());
    let decoded = ExportTraceServiceRequest::decode(body.bytes).expect("OTLP");
    let spans = &decoded.resource_spans[0].scope_spans[0].spans;
    for trace in spans.chunks(4) {
        assert_eq!(trace[0].parent_span_id, [0; 8]);
        assert!(trace.iter().all(|span| span.trace_id == trace[0].trace_id));
        assert!(trace[1..].iter().all(|span| span.parent_span_id == trace[0].span_id));
    }
    assert_ne!(spans[0].trace_id, spans[4].trace_id);
}

fn number(metric: &opentelemetry_proto::tonic::metrics::v1::Metric) -> f64 {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    let Some(Data::Gauge(gauge)) = &metric.data else { panic!("a gauge: {metric:?}") };
    match gauge.data_points[0].value {
        Some(Value::AsDouble(value)) => value,
        other => panic!("a double: {other:?}"),
    }
}
