//! One sender is hostile, the others are honest: the honest ones notice nothing, and nothing of what was sent kills the
//! process, neither at once nor when its log is replayed.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::conformance::Make;
use crate::harness::{
    Event, Http2, Outcome, Plimsoll, RawLogs, Sender, Setup, WAYS, Way, framed, gzip, request,
};

const EXPORT_SPANS: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[derive(Clone, Debug)]
struct Hostile {
    way: Way,
    encoding: Option<&'static str>,
    body: Vec<u8>,
}

impl Hostile {
    fn plain(way: Way, body: Vec<u8>) -> Self {
        Self { way, encoding: None, body }
    }
}

/// Fifty, of which some are taken: what they hold may be odd and still be valid.
fn hostile_requests() -> Vec<Hostile> {
    let mut hostile = Vec::new();
    for levels in [32, 33, 20_000, 200_000] {
        for way in WAYS {
            hostile.push(Hostile::plain(way, Make::Lists { levels }.bytes(way == Way::Json, "hostile")));
        }
    }
    hostile.push(Hostile::plain(Way::Protobuf, Make::Keys { count: 1_000_000 }.bytes(false, "hostile")));
    hostile.push(Hostile::plain(Way::Grpc, Make::Value { bytes: 10 << 20 }.bytes(false, "hostile")));
    let bomb = gzip(&vec![0; 100 << 20]);
    hostile.extend(WAYS.map(|way| Hostile { way, encoding: Some("gzip"), body: bomb.clone() }));
    for declared in [b"\x0A\xFF\xFF\xFF\xFF\x0F".as_slice(), b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"] {
        hostile.extend([Way::Grpc, Way::Protobuf].map(|way| Hostile::plain(way, declared.to_vec())));
    }
    hostile.extend(WAYS.map(|way| Hostile::plain(way, odd_values(way == Way::Json))));
    hostile.extend(damaged());
    assert_eq!(hostile.len(), 50);
    hostile
}

/// Times at the edges of 64 bits, numbers that are none, every key the same.
fn odd_values(is_json: bool) -> Vec<u8> {
    let mut odd =
        request(vec![Event::new("odd", "hostile").number("nan", f64::NAN).number("inf", f64::INFINITY)]);
    let record = odd.resource_logs[0].scope_logs[0].log_records[0].clone();
    let same = KeyValue {
        key: "same".into(),
        value: Some(AnyValue { value: Some(Value::DoubleValue(-0.0)) }),
        ..KeyValue::default()
    };
    for time in [0, 1, i64::MAX as u64 - 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let mut record = record.clone();
        (record.time_unix_nano, record.observed_time_unix_nano) = (time, time);
        record.severity_number = i32::MIN;
        record.attributes.extend(vec![same.clone(); 500]);
        odd.resource_logs[0].scope_logs[0].log_records.push(record);
    }
    if is_json { serde_json::to_vec(&odd).expect("OTLP/JSON") } else { odd.encode_to_vec() }
}

/// A good request, cut off or with one bit turned over.
fn damaged() -> impl Iterator<Item = Hostile> {
    let good = request(vec![Event::new("good", "hostile").text("business.outcome", "ok")]).encode_to_vec();
    let cuts = (1..=13).map(|part| part * good.len() / 14);
    let cut: Vec<Vec<u8>> = cuts.map(|length| good[..length].to_vec()).collect();
    let flipped = (0..13).map(move |number| {
        let bit = number * 61 % (good.len() * 8);
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    cut.into_iter().chain(flipped).map(|body| Hostile::plain(Way::Protobuf, body))
}

/// What it was told is stored, and whether anybody refused it anything.
#[derive(Clone, Debug, Default)]
struct Ledger(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Ledger {
    fn note(&self, id: String, answer: Result<(), String>) {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(()) => ledger.0.push(id),
            Err(refused) => ledger.1.push(refused),
        }
    }

    fn acknowledged(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn refused(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

async fn send_honestly(endpoint: String, name: &'static str, ledger: Ledger, stop: CancellationToken) {
    let mut sender = Sender::to(&endpoint);
    for number in 0_usize.. {
        if stop.is_cancelled() {
            return;
        }
        let id = format!("{name}-{number}");
        let event = Event::new("odoo.stock.picking.done", &id).text("business.process_id", "honest");
        let answer = sender.try_send(vec![event]).await;
        ledger.note(id, answer);
    }
}

async fn assert_honest_rows(plimsoll: &Plimsoll, acknowledged: &[String]) {
    let rows = plimsoll
        .sql("SELECT event_id, count(*) AS n FROM business_events WHERE process_id = 'honest' GROUP BY event_id")
        .await;
    assert!(rows.iter().all(|row| row["n"] == 1), "something is there twice");
    let stored: std::collections::HashSet<&str> =
        rows.iter().filter_map(|row| row["event_id"].as_str()).collect();
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !stored.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hostile_requests_kill_nothing_neither_now_nor_at_a_replay() {
    let mut plimsoll = Plimsoll::start_with(Setup::default().set("lake.flush_age", "1h")).await;
    let (ledger, stop) = (Ledger::default(), CancellationToken::new());
    let honest = tokio::spawn(send_honestly(plimsoll.grpc(), "before", ledger.clone(), stop.clone()));
    let logs = RawLogs::to(&plimsoll);
    let mut taken = 0;
    for hostile in hostile_requests() {
        let Hostile { way, encoding, body } = hostile;
        let shown = format!("{} bytes over {way:?}", body.len());
        let answer = logs.send(way, encoding, body).await.unwrap_or_else(|error| panic!("{shown}: {error}"));
        match answer.outcome() {
            Outcome::Accepted => taken += 1,
            outcome => {
                assert!([Outcome::Invalid, Outcome::TooLarge].contains(&outcome), "{shown}: {answer:?}")
            }
        }
        plimsoll.assert_alive();
    }
    assert!(taken >= 8, "only {taken} were taken: a log without odd records proves nothing");
    let acknowledged_so_far = ledger.acknowledged().len();
    plimsoll.kill();
    stop.cancel();
    honest.await.expect("the honest sender does not panic");
    assert!(acknowledged_so_far > 10, "{acknowledged_so_far} honest events");

    let mut rows = None;
    for restart in ["first", "second", "third"] {
        plimsoll.resume().await;
        assert_honest_rows(&plimsoll, &ledger.acknowledged()).await;
        let counted = plimsoll.number("SELECT count(*) AS n FROM logs WHERE service_name <> 'after'").await;
        let before = *rows.get_or_insert(counted);
        assert_eq!(counted, before, "the {restart} restart has other rows");
        let good = Event::new("odoo.stock.picking.done", restart).text("business.process_id", "honest");
        Sender::to(&plimsoll.grpc()).send(vec![good]).await;
        ledger.note(restart.to_owned(), Ok(()));
        rows = Some(before + 1);
        plimsoll.kill();
    }
    plimsoll.resume().await;
    assert_honest_rows(&plimsoll, &ledger.acknowledged()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_source_harms_no_other() {
    let mut plimsoll = Plimsoll::start().await;
    let (ledger, stop) = (Ledger::default(), CancellationToken::new());
    let mut honest = JoinSet::new();
    for name in ["one", "two"] {
        honest.spawn(send_honestly(plimsoll.grpc(), name, ledger.clone(), stop.clone()));
    }
    let spans = Http2::to(&plimsoll.grpc());
    let values = framed(0, &Make::Spans { count: 65_537 }.bytes(false, "poison"));
    let answer = spans.call(EXPORT_SPANS, None, values).await.expect("an answer");
    assert_eq!(answer.outcome(), Outcome::Accepted, "many values are no crime: {answer:?}");

    let logs = RawLogs::to(&plimsoll);
    for make in [Make::Keys { count: 1_000_000 }, Make::Value { bytes: 10 << 20 }] {
        for way in WAYS {
            let answer =
                logs.send(way, None, make.bytes(way == Way::Json, "poison")).await.expect("an answer");
            let outcome = answer.outcome();
            assert!(
                [Outcome::Accepted, Outcome::TooLarge].contains(&outcome),
                "{make:?} {way:?}: {answer:?}"
            );
        }
    }
    for way in WAYS {
        let answer = logs.send(way, None, odd_values(way == Way::Json)).await.expect("an answer");
        assert_eq!(answer.outcome(), Outcome::Accepted, "{answer:?}");
    }
    stop.cancel();
    honest.join_all().await;

    plimsoll.assert_alive();
    assert_eq!(ledger.refused(), Vec::<String>::new(), "the honest ones were refused something");
    assert!(ledger.acknowledged().len() > 20, "{} honest events", ledger.acknowledged().len());
    assert_honest_rows(&plimsoll, &ledger.acknowledged()).await;
    let poison =
        "SELECT count(*) AS n, count(DISTINCT name) AS names FROM spans WHERE service_name = 'poison'";
    assert_eq!(plimsoll.sql(poison).await[0]["names"], 65_537);
    let long = "SELECT count(*) AS n FROM logs WHERE service_name = 'poison'";
    assert_eq!(plimsoll.number(long).await, 0, "what is too long or too much is told and not kept");
}
