//! The day as a whole: repeatable, healthy while it should be, and hurt by the fault exactly where it hurts.

mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;

use super::{Telemetry, ValuationReport, World};

const HOUR: Duration = Duration::from_secs(3_600);

fn opens() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T08:00:00Z").expect("valid")
}

fn day(seed: u64, report: Option<ValuationReport>, length: Duration) -> Vec<Telemetry> {
    let mut world = World::opening_at(opens(), seed);
    if let Some(report) = report {
        world.suffer(report);
    }
    world.advance(opens() + length)
}

fn report() -> ValuationReport {
    let starts = opens() + Duration::from_secs(900);
    ValuationReport { warehouse: "ROT", starts, ends: starts + Duration::from_secs(600) }
}

fn logs(day: &[Telemetry]) -> impl Iterator<Item = &LogRecord> {
    day.iter().filter_map(|item| match item {
        Telemetry::Log(_, record) => Some(record),
        Telemetry::Span(..) | Telemetry::Metric(..) => None,
    })
}

fn events(day: &[Telemetry]) -> impl Iterator<Item = &LogRecord> {
    logs(day).filter(|record| !record.event_name.is_empty())
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn text<'a>(record: &'a LogRecord, key: &str) -> &'a str {
    match value(&record.attributes, key) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn seconds(record: &LogRecord) -> f64 {
    match value(&record.attributes, "business.duration") {
        Some(Value::DoubleValue(seconds)) => *seconds,
        _ => 0.0,
    }
}

/// Warehouse to (confirmations, those that were bad in the sense of the objective).
fn confirmations<'a>(events: impl Iterator<Item = &'a LogRecord>) -> BTreeMap<&'a str, (f64, f64)> {
    let mut counts = BTreeMap::new();
    for event in events.filter(|event| event.event_name == "odoo.sale.order.confirmed") {
        let count: &mut (f64, f64) = counts.entry(text(event, "business.warehouse")).or_default();
        count.0 += 1.0;
        if text(event, "business.outcome") != "ok" || seconds(event) > 2.0 {
            count.1 += 1.0;
        }
    }
    counts
}

#[test]
fn the_same_seed_gives_the_same_day_however_finely_time_is_cut() {
    let whole = day(7, Some(report()), HOUR / 2);
    let mut world = World::opening_at(opens(), 7);
    world.suffer(report());
    let mut cut = Vec::new();
    for second in (0..=1_800).step_by(7) {
        cut.extend(world.advance(opens() + Duration::from_secs(second)));
    }
    cut.extend(world.advance(opens() + HOUR / 2));
    assert_eq!(whole, cut);
    assert_ne!(whole, day(8, Some(report()), HOUR / 2));
}

#[test]
fn nothing_is_told_before_it_has_happened() {
    let mut world = World::opening_at(opens(), 3);
    for minute in 1..20 {
        let now = opens() + Duration::from_secs(minute * 60);
        for item in world.advance(now) {
            let at = match &item {
                Telemetry::Span(_, span) => span.end_time_unix_nano,
                Telemetry::Log(_, record) => record.time_unix_nano,
                Telemetry::Metric(..) => continue,
            };
            assert!(at <= u64::try_from(now.nanos()).expect("after 1970"), "{item:?}");
        }
    }
}

#[test]
fn a_healthy_hour_keeps_the_objective_in_every_warehouse() {
    for seed in 0..5 {
        let day = day(seed, None, HOUR);
        let counts = confirmations(events(&day));
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["GDN", "LYO", "ROT"]);
        let (total, bad) = counts.values().fold((0.0, 0.0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        assert!((1_200.0..3_600.0).contains(&total), "{total} orders in an hour");
        assert!(bad / total < 0.005, "seed {seed}: {bad} of {total}");
        let retries =
            logs(&day).filter(|record| body(record).contains("SERIALIZATION_FAILURE, 4 tries left"));
        assert!(retries.count() > 5, "a healthy day has a few retries");
    }
}

#[test]
fn the_report_makes_most_of_one_warehouse_late_and_none_elsewhere() {
    let day = day(1, Some(report()), HOUR);
    let (from, until) = (report().starts, report().ends);
    let during = events(&day).filter(|event| {
        let at = Timestamp::from_nanos(i64::try_from(event.time_unix_nano).expect("this century"));
        at > from && at <= until
    });
    let counts = confirmations(during);
    let (total, bad) = counts["ROT"];
    assert!(bad / total > 0.6, "ROT: {bad} of {total}");
    for elsewhere in ["LYO", "GDN"] {
        assert!(counts[elsewhere].1 <= 1.0, "{elsewhere}: {:?}", counts[elsewhere]);
    }
    let late: Vec<f64> = events(&day)
        .filter(|event| event.event_name == "odoo.sale.order.confirmed")
        .map(seconds)
        .filter(|seconds| *seconds > 4.0)
        .collect();
    assert!(late.iter().all(|seconds| *seconds < 28.0), "{late:?}");
    let errors: BTreeSet<&str> = events(&day).map(|event| text(event, "error.type")).collect();
    assert_eq!(errors, BTreeSet::from(["", "LockNotAvailable", "SerializationFailure"]));
}

#[test]
fn lock_waits_lie_within_the_orders_they_delay_and_most_carry_their_trace() {
    let day = day(1, Some(report()), HOUR);
    let waits: Vec<&LogRecord> =
        logs(&day).filter(|record| value(&record.attributes, "postgresql.lock.wait_ms").is_some()).collect();
    assert!(waits.len() > 50, "{} waits", waits.len());
    let traced = waits.iter().filter(|wait| !wait.trace_id.is_empty()).count();
    assert!(traced * 10 > waits.len() * 5 && traced < waits.len(), "{traced} of {}", waits.len());
    for wait in waits {
        assert!(value(&wait.attributes, "postgresql.blocking.pid").is_some());
        assert_eq!(text(wait, "postgresql.blocking.application_name"), "odoo-report");
        assert!(value(&wait.attributes, "business.warehouse").is_none(), "PostgreSQL cannot know it");
    }
}

#[test]
fn the_report_announces_itself_when_it_starts() {
    let day = day(1, Some(report()), HOUR);
    let started = events(&day).find(|event| text(event, "business.workload") == "report").expect("announced");
    assert_eq!(started.event_name, "odoo.ir.actions.report.started");
    assert_eq!(i64::try_from(started.time_unix_nano).ok(), Some(report().starts.nanos()));
    let is_its_span =
        |item: &&Telemetry| matches!(item, Telemetry::Span(_, span) if span.trace_id == started.trace_id);
    assert!(day.iter().filter(is_its_span).count() > 10, "its statements and its request are spans");
}

#[test]
fn events_speak_the_contract_and_each_has_an_identity_of_its_own() {
    const KNOWN: [&str; 18] = [
        "event.id",
        "business.outcome",
        "business.duration",
        "business.process_id",
        "business.due",
        "business.company",
        "business.warehouse",
        "business.channel",
        "business.carrier",
        "business.product",
        "business.user_group",
        "business.customer",
        "business.amount",
        "business.currency",
        "business.workload",
        "error.type",
        "odoo.model",
        "odoo.res_id",
    ];
    let day = day(2, Some(report()), HOUR);
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for event in events(&day) {
        assert!(ids.insert(text(event, "event.id")), "{} twice", text(event, "event.id"));
        let model = text(event, "odoo.model");
        let transition = event.event_name.strip_prefix(&format!("odoo.{model}."));
        assert!(
            transition.is_some_and(|word| word.ends_with("ed") || word == "done"),
            "{}",
            event.event_name
        );
        assert!(event.trace_id.len() == 16 && event.span_id.len() == 8);
        for attribute in &event.attributes {
            let key = attribute.key.as_str();
            assert!(KNOWN.contains(&key) || ["odoo.method", "odoo.db"].contains(&key), "{key}");
        }
        names.insert(event.event_name.as_str());
    }
    let expected = [
        "odoo.account.move.posted",
        "odoo.edi.exchange.record.processed",
        "odoo.ir.actions.report.started",
        "odoo.ir.cron.done",
        "odoo.payment.transaction.done",
        "odoo.queue.job.done",
        "odoo.sale.order.confirmed",
        "odoo.sale.order.quoted",
        "odoo.stock.move.done",
        "odoo.stock.picking.batch.done",
        "odoo.stock.picking.done",
        "odoo.stock.picking.labelled",
    ];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn every_span_has_its_parent_in_its_trace_and_inside_the_parents_time() {
    let day = day(4, None, HOUR / 2);
    let end = opens() + HOUR / 2;
    let spans: Vec<_> = day
        .iter()
        .filter_map(|item| match item {
            Telemetry::Span(_, span) => Some(span),
            Telemetry::Log(..) | Telemetry::Metric(..) => None,
        })
        .collect();
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), *span)).collect();
    assert_eq!(by_id.len(), spans.len(), "span ids are unique");
    for span in spans.iter().filter(|span| !span.parent_span_id.is_empty()) {
        let Some(parent) = by_id.get(&span.parent_span_id) else {
            // What is still under way at the end has no parent yet.
            let is_late =
                u64::try_from(end.nanos()).expect("after 1970") - span.end_time_unix_nano < 30_000_000_000;
            assert!(is_late, "{} is an orphan", span.name);
            continue;
        };
        assert_eq!(parent.trace_id, span.trace_id);
        assert!(span.start_time_unix_nano >= parent.start_time_unix_nano, "{} in {}", span.name, parent.name);
    }
}

fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}
