//! Requests that were made to kill: each is refused before the answer or kept and replayed, and neither the door, nor what
//! arrives behind them, nor any later start is the worse for it.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use plimsoll_collector::{Config, Signal};

use super::Door;
use super::clients::{Answer, TRANSPORTS, Transport, Verdict, assert_verdict};
use super::replayed::assert_replays;
use super::requests::{Request, event, gauge, log, logs, nested, span, spans, text};

/// R17 of our reliability tests asks for fifty.
const AT_LEAST: usize = 50;

#[tokio::test]
async fn fifty_hostile_requests_kill_neither_the_door_nor_a_replay() {
    let door = Door::open(Config::default()).await;
    let hostile = hostile();
    assert!(hostile.len() >= AT_LEAST, "{}", hostile.len());
    for (number, request) in hostile.iter().enumerate() {
        for transport in TRANSPORTS {
            let answer = door.send(transport, request, "identity").await;
            assert_decided(transport, &answer, number);
        }
        let behind = door.send(Transport::Grpc, &event("odoo.stock.picking.done"), "identity").await;
        assert_verdict(Transport::Grpc, &behind, Verdict::Accepted);
    }
    for signal in door.stats().signals {
        assert_eq!(signal.received, signal.stored + signal.refused_total() + signal.in_flight, "{signal:?}");
        assert_eq!(signal.in_flight, 0, "{signal:?}");
    }
    let acknowledged = door.all_rows();
    assert_replays(&door.stop_serving().await, &acknowledged).await;
}

/// Kept or refused for ever: a hostile request is neither a fault of ours nor worth another try.
fn assert_decided(transport: Transport, answer: &Answer, number: usize) {
    match transport {
        Transport::Grpc => {
            assert!(matches!(answer.header("grpc-status"), "0" | "3" | "8"), "{number} {answer:?}");
        }
        _ => assert!(matches!(answer.status, 200 | 400 | 413), "{number} {transport:?} {answer:?}"),
    }
}

fn hostile() -> Vec<Request> {
    let mut all: Vec<Request> = [31, 32, 33, 100, 1_000, 20_000, 200_000].map(nested).into();
    all.extend(declared_lengths());
    all.extend(damaged());
    all.extend(edges());
    all.extend(crowds());
    all
}

/// Four gibibytes, and more, announced at every level of an envelope.
fn declared_lengths() -> impl Iterator<Item = Request> {
    let lengths: [&[u8]; 3] = [
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xff; 11],
    ];
    lengths.into_iter().flat_map(|length| {
        (0..4).map(move |level| {
            let mut body = [0x0a_u8, 0x12, 0x12, 0x2a][level..=level].to_vec();
            body.extend_from_slice(length);
            // What stands around it is long enough to be well-formed.
            for tag in [0x0a_u8, 0x12, 0x12][..level].iter().rev() {
                let mut outer = vec![*tag];
                outer.push(u8::try_from(body.len()).expect("short"));
                outer.extend(body);
                body = outer;
            }
            Request::raw(&body)
        })
    })
}

/// A good request, cut and overwritten in many places.
fn damaged() -> impl Iterator<Item = Request> {
    let good = [event("odoo.sale.order.confirmed"), gauge(1.0), spans(vec![span(&[1; 16])])];
    good.into_iter().flat_map(|good| {
        (1..7_usize).map(move |step| {
            let mut bad = good.clone();
            for bytes in [&mut bad.protobuf, &mut bad.json] {
                let place = bytes.len() * step / 7;
                if step.is_multiple_of(2) {
                    bytes.truncate(place);
                } else {
                    bytes[place] = 0xff;
                }
            }
            bad
        })
    })
}

fn edges() -> Vec<Request> {
    let mut edges = vec![gauge(f64::INFINITY), gauge(f64::MIN_POSITIVE)];
    for time in [0, 1, i64::MAX as u64 - 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let mut span = span(&[1; 16]);
        (span.start_time_unix_nano, span.end_time_unix_nano) = (time, u64::MAX - time);
        edges.push(spans(vec![span.clone()]));
        span.end_time_unix_nano = time;
        edges.push(spans(vec![span]));
    }
    edges
}

/// Many of something, or much of it.
fn crowds() -> Vec<Request> {
    let entry = |key: String, value: AnyValue| KeyValue { key, value: Some(value), ..Default::default() };
    let mut many = span(&[1; 16]);
    many.attributes = (0..50_000).map(|number| entry(format!("key.{number}"), text("v"))).collect();
    let mut long = span(&[1; 16]);
    long.attributes = vec![entry("k".to_owned(), text("x".repeat(2_000_000)))];
    let mut twins = span(&[1; 16]);
    twins.attributes = vec![entry("k".to_owned(), text("v")); 1_000];
    let control = AnyValue {
        value: Some(Value::ArrayValue(ArrayValue { values: vec![text("\u{1}".repeat(1_000)); 1_000] })),
    };
    let mut crowds = vec![
        spans(vec![many]),
        spans(vec![long]),
        spans(vec![twins]),
        log(control),
        logs(vec![Default::default(); 20_000]),
        // Empty messages at each level: two bytes, and each could stand for a row.
        Request::raw(&[0x0a, 0x00].repeat(100_000)),
    ];
    for (signal, tag) in [(Signal::Traces, 0x12), (Signal::Metrics, 0x12), (Signal::Logs, 0x12)] {
        let mut request = Request::raw(&[tag, 0x00].repeat(50));
        request.protobuf.splice(0..0, [0x0a, 102, 0x12, 100]);
        request.signal = signal;
        crowds.push(request);
    }
    crowds
}
