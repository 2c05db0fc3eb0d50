//! What the servers count and measure, every fifteen seconds.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};
use plimsoll_model::Timestamp;

use super::places::{DATABASE, WAREHOUSES};
use super::work::{Done, Entry, WEB_WORKERS, Work};
use super::{BETWEEN_MEASUREMENTS, Step, World};
use crate::demo::fault::LockWait;
use crate::demo::telemetry::{Source, Telemetry, int, text, unix_nanos};

/// Traefik's own stop at ten seconds, which is too early for Odoo.
const BOUNDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 120.0];

#[derive(Debug)]
pub(super) struct Meters {
    started: Timestamp,
    /// Counted when it ends.
    under_way: Vec<Ending>,
    waits: Vec<LockWait>,
    buckets: [u64; BOUNDS.len() + 1],
    requests: u64,
    seconds: f64,
    commits: i64,
    rollbacks: i64,
    redis_commands: i64,
}

#[derive(Debug)]
struct Ending {
    at: Timestamp,
    took: Duration,
    entry: Entry,
    failed: bool,
}

impl Meters {
    pub(super) fn starting_at(started: Timestamp) -> Self {
        Self {
            started,
            under_way: Vec::new(),
            waits: Vec::new(),
            buckets: [0; BOUNDS.len() + 1],
            requests: 0,
            seconds: 0.0,
            commits: 0,
            rollbacks: 0,
            redis_commands: 0,
        }
    }

    pub(super) fn worked(&mut self, work: &Work, done: &Done) {
        let failed = done.error.is_some();
        self.under_way.push(Ending { at: done.at, took: done.took, entry: work.entry, failed });
        self.waits.extend(work.waits.iter().cloned());
    }

    pub(super) fn rolled_back(&mut self) {
        self.rollbacks += 1;
    }

    /// Counts what has ended by `now` and forgets it.
    fn catch_up(&mut self, now: Timestamp) {
        let (ended, under_way) =
            std::mem::take(&mut self.under_way).into_iter().partition(|work: &Ending| work.at <= now);
        self.under_way = under_way;
        let ended: Vec<Ending> = ended;
        for work in ended {
            self.count(&work);
        }
        self.waits.retain(|wait| wait.until > now);
    }

    fn count(&mut self, work: &Ending) {
        if work.failed {
            self.rollbacks += 1;
        } else {
            self.commits += 1;
        }
        if work.entry == Entry::Button {
            let seconds = work.took.as_secs_f64();
            let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
            self.buckets[bucket] += 1;
            self.requests += 1;
            self.seconds += seconds;
            self.redis_commands += 2;
        }
    }

    fn waiting(&self, now: Timestamp) -> i64 {
        let waiting = self.waits.iter().filter(|wait| wait.from <= now).count();
        i64::try_from(waiting).unwrap_or(i64::MAX)
    }
}

impl World {
    pub(super) fn measure(&mut self, at: Timestamp) {
        self.plan(at + BETWEEN_MEASUREMENTS, Step::Measure);
        self.meters.catch_up(at);
        // A healthy Odoo rolls back every read-only request.
        self.meters.rollbacks += 20 + self.dice.number(0..12);
        self.measure_traefik(at);
        self.measure_workers(at);
        self.measure_odoo(at);
        self.measure_postgresql(at);
        self.measure_redis(at);
    }

    fn measure_traefik(&mut self, at: Timestamp) {
        let point = HistogramDataPoint {
            attributes: vec![text("http.request.method", "POST"), int("http.response.status_code", 200)],
            start_time_unix_nano: unix_nanos(self.meters.started),
            time_unix_nano: unix_nanos(at),
            count: self.meters.requests,
            sum: Some(self.meters.seconds),
            bucket_counts: self.meters.buckets.to_vec(),
            explicit_bounds: BOUNDS.to_vec(),
            ..HistogramDataPoint::default()
        };
        let histogram = Histogram {
            data_points: vec![point],
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        };
        let metric = metric("http.server.request.duration", "s", Data::Histogram(histogram));
        self.say_metric(Source::Traefik, at, metric);
    }

    fn measure_workers(&mut self, at: Timestamp) {
        let waiting = self.meters.waiting(at);
        for pid in WEB_WORKERS {
            // Who waits for a lock does not compute.
            let busy = if waiting > 2 { 0.05..0.25 } else { 0.25..0.6 };
            let cpu = self.dice.seconds(busy).as_secs_f64();
            let megabytes = 310 + i64::from(pid % 7) * 14 + self.dice.number(0..9);
            let worker = Source::Odoo { pid };
            self.say_metric(
                worker,
                at,
                gauge("process.cpu.utilization", "1", at, &[(&[], Value::AsDouble(cpu))]),
            );
            self.say_metric(worker, at, level("process.memory.usage", "By", at, &[(&[], megabytes << 20)]));
        }
    }

    fn measure_odoo(&mut self, at: Timestamp) {
        let source = Source::Odoo { pid: WEB_WORKERS[0] };
        let used = 4 + self.dice.number(0..6) + self.meters.waiting(at);
        let pool = text("db.client.connection.pool.name", DATABASE);
        let state = |name: &str| [pool.clone(), text("db.client.connection.state", name)];
        let (in_use, idle) = (state("used"), state("idle"));
        let connections = [(&in_use[..], used), (&idle[..], (64 - used).max(0))];
        self.say_metric(source, at, level("db.client.connection.count", "{connection}", at, &connections));

        let jobs = Value::AsInt(self.dice.number(0..5));
        let pending = [text("odoo.queue.job.state", "pending")];
        self.say_metric(source, at, gauge("odoo.queue.job.count", "{job}", at, &[(&pending, jobs)]));
        for (index, warehouse) in WAREHOUSES.iter().enumerate() {
            let waiting = i64::try_from(self.floors[index].len()).unwrap_or(i64::MAX);
            let place = [text("business.warehouse", warehouse.code)];
            let points: [(&[KeyValue], _); 1] = [(&place, Value::AsInt(waiting))];
            self.say_metric(source, at, gauge("odoo.stock.picking.waiting", "{picking}", at, &points));
        }
    }

    fn measure_postgresql(&mut self, at: Timestamp) {
        let (source, started) = (Source::Postgresql, self.meters.started);
        let waiting = self.meters.waiting(at);
        let backends = 22 + waiting + self.dice.number(0..4);
        let database = [text("postgresql.database.name", DATABASE)];
        let (commits, rollbacks) = (self.meters.commits, self.meters.rollbacks);
        self.say_metric(source, at, level("postgresql.backends", "1", at, &[(&database, backends)]));
        self.say_metric(source, at, counter("postgresql.commits", "1", (started, at), &database, commits));
        self.say_metric(
            source,
            at,
            counter("postgresql.rollbacks", "1", (started, at), &database, rollbacks),
        );
        let row_locks = 6 + self.dice.number(0..10) + waiting * 3;
        let held = lock("stock_quant", "RowExclusiveLock", "relation");
        let wanted = lock("", "ShareLock", "transactionid");
        let locks: [(&[KeyValue], _); 2] =
            [(&held, Value::AsInt(row_locks)), (&wanted, Value::AsInt(waiting))];
        self.say_metric(source, at, gauge("postgresql.database.locks", "{lock}", at, &locks));
    }

    fn measure_redis(&mut self, at: Timestamp) {
        let (source, started) = (Source::Redis, self.meters.started);
        let clients = 12 + self.dice.number(0..4);
        let memory = (48 << 20) + self.dice.number(0..2_000_000);
        let commands = self.meters.redis_commands;
        self.say_metric(source, at, level("redis.clients.connected", "{client}", at, &[(&[], clients)]));
        self.say_metric(source, at, gauge("redis.memory.used", "By", at, &[(&[], Value::AsInt(memory))]));
        self.say_metric(
            source,
            at,
            counter("redis.commands.processed", "{command}", (started, at), &[], commands),
        );
        self.say_metric(source, at, counter("redis.keys.evicted", "{key}", (started, at), &[], 0));
    }

    fn say_metric(&mut self, source: Source, at: Timestamp, metric: Metric) {
        self.plan(at, Step::Say(Box::new(Telemetry::Metric(source, metric))));
    }
}

fn lock(relation: &str, mode: &str, kind: &str) -> [KeyValue; 3] {
    [text("relation", relation), text("mode", mode), text("lock_type", kind)]
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn gauge(name: &str, unit: &str, at: Timestamp, points: &[(&[KeyValue], Value)]) -> Metric {
    let data_points = points.iter().map(|(attributes, value)| point(attributes, None, at, *value)).collect();
    metric(name, unit, Data::Gauge(Gauge { data_points }))
}

/// Goes up and down: a sum that is not monotonic.
fn level(name: &str, unit: &str, at: Timestamp, points: &[(&[KeyValue], i64)]) -> Metric {
    let data_points =
        points.iter().map(|(attributes, value)| point(attributes, None, at, Value::AsInt(*value))).collect();
    metric(name, unit, Data::Sum(sum(data_points, false)))
}

/// Counts since `started` and never goes back.
fn counter(
    name: &str,
    unit: &str,
    (started, at): (Timestamp, Timestamp),
    attributes: &[KeyValue],
    value: i64,
) -> Metric {
    let data_points = vec![point(attributes, Some(started), at, Value::AsInt(value))];
    metric(name, unit, Data::Sum(sum(data_points, true)))
}

fn sum(data_points: Vec<NumberDataPoint>, is_monotonic: bool) -> Sum {
    Sum { data_points, aggregation_temporality: AggregationTemporality::Cumulative.into(), is_monotonic }
}

fn point(
    attributes: &[KeyValue],
    started: Option<Timestamp>,
    at: Timestamp,
    value: Value,
) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes.to_vec(),
        start_time_unix_nano: started.map(unix_nanos).unwrap_or_default(),
        time_unix_nano: unix_nanos(at),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}
