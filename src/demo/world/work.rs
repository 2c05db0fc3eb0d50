//! One piece of work through an Odoo worker, as its servers trace and log it: a click that came through Traefik, a
//! queue job or a cron run, with its statements in PostgreSQL and its session in Redis.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use plimsoll_model::Timestamp;

use super::World;
use super::places::DATABASE;
use crate::demo::fault::{self, LockWait};
use crate::demo::telemetry::{Source, int, log, text, unix_nanos};

/// The statement that has to wait while somebody else holds the rows of the stock.
pub(super) const RESERVES_STOCK: &str = "UPDATE stock_quant";

pub(super) const WEB_WORKERS: [u32; 6] = [4711, 4712, 4713, 4714, 4715, 4716];
const CRON_WORKERS: [u32; 2] = [4721, 4722];

/// What Traefik adds before and after.
const HOP: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A button in the web client: HTTP, through Traefik.
    Button,
    /// OCA's queue_job, called over HTTP by its runner.
    Job,
    Cron,
}

#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) entry: Entry,
    pub(super) model: &'static str,
    pub(super) method: &'static str,
    /// Without any waiting.
    pub(super) own_time: Duration,
    pub(super) statements: &'static [&'static str],
    /// A concurrent update made Odoo sleep this long and try again.
    pub(super) retry_after: Option<Duration>,
    pub(super) waits: Vec<LockWait>,
    pub(super) error: Option<&'static str>,
}

/// Work that ended, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) at: Timestamp,
    pub(super) took: Duration,
    pub(super) error: Option<&'static str>,
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) worker: Source,
}

impl Work {
    /// A click on `method` that goes well.
    pub(super) fn button(
        model: &'static str,
        method: &'static str,
        own_time: Duration,
        statements: &'static [&'static str],
    ) -> Self {
        let entry = Entry::Button;
        Self { entry, model, method, own_time, statements, retry_after: None, waits: Vec::new(), error: None }
    }

    fn path(&self) -> String {
        match self.entry {
            Entry::Button => format!("/web/dataset/call_button/{}/{}", self.model, self.method),
            Entry::Job => "/queue_job/runjob".to_owned(),
            Entry::Cron => String::new(),
        }
    }

    fn verb(&self) -> &'static str {
        if self.entry == Entry::Job { "GET" } else { "POST" }
    }

    fn waited(&self) -> Duration {
        self.waits.iter().map(LockWait::duration).sum()
    }

    fn took(&self) -> Duration {
        self.own_time + self.waited() + self.retry_after.unwrap_or_default()
    }
}

impl World {
    /// Plans every span and log line of `work`, which begins at `at`, and tells how it will have ended.
    pub(super) fn perform(&mut self, at: Timestamp, work: &Work) -> Done {
        let workers: &[u32] = if work.entry == Entry::Cron { &CRON_WORKERS } else { &WEB_WORKERS };
        let worker = Source::Odoo { pid: self.dice.pick(workers) };
        let (trace_id, span_id) = (self.dice.bytes(), self.dice.bytes());
        let starts = at + HOP + HOP;
        let done = Done {
            at: starts + work.took(),
            took: work.took(),
            error: work.error,
            trace_id,
            span_id,
            worker,
        };
        let parent = match work.entry {
            Entry::Button => Some(self.through_traefik(at, work, &done)),
            Entry::Job | Entry::Cron => None,
        };
        self.serve(starts, work, &done, parent);
        let method_span = self.call_method(starts, work, &done);
        self.run_statements(starts, work, &done, method_span);
        self.log_request(starts, work, &done);
        self.meters.worked(work, &done);
        done
    }

    pub(super) fn through_traefik(&mut self, at: Timestamp, work: &Work, done: &Done) -> [u8; 8] {
        let (outer, inner) = (self.dice.bytes(), self.dice.bytes());
        let attributes = |kind: SpanKind| {
            let mut attributes = http(work);
            attributes.push(match kind {
                SpanKind::Server => text("entry_point", "websecure"),
                _ => text("server.address", "odoo-1"),
            });
            attributes
        };
        let server =
            Piece { parent: None, name: work.verb().to_owned(), kind: SpanKind::Server, error: None };
        let ends = done.at + HOP + HOP;
        self.trace(Source::Traefik, done, outer, server, (at, ends), attributes(SpanKind::Server));
        let client =
            Piece { parent: Some(outer), name: work.verb().to_owned(), kind: SpanKind::Client, error: None };
        let ends = done.at + HOP;
        self.trace(Source::Traefik, done, inner, client, (at + HOP, ends), attributes(SpanKind::Client));
        inner
    }

    /// The worker's own span: a request, a job or a cron run.
    pub(super) fn serve(&mut self, starts: Timestamp, work: &Work, done: &Done, parent: Option<[u8; 8]>) {
        let (name, kind, attributes) = match work.entry {
            Entry::Cron => (format!("cron {}", work.method), SpanKind::Internal, Vec::new()),
            Entry::Button | Entry::Job => {
                let mut attributes = http(work);
                attributes.push(text("http.route", work.path()));
                (format!("{} {}", work.verb(), work.path()), SpanKind::Server, attributes)
            }
        };
        let piece = Piece { parent, name, kind, error: done.error };
        self.trace(done.worker, done, done.span_id, piece, (starts, done.at), attributes);
    }

    fn call_method(&mut self, starts: Timestamp, work: &Work, done: &Done) -> [u8; 8] {
        let span_id = self.dice.bytes();
        let attributes = vec![
            text("odoo.model", work.model),
            text("odoo.method", work.method),
            text("odoo.db", DATABASE),
            text("code.function.name", format!("{}.{}", work.model, work.method)),
        ];
        let piece = Piece {
            parent: Some(done.span_id),
            name: format!("{}.{}", work.model, work.method),
            kind: SpanKind::Internal,
            error: done.error,
        };
        self.trace(done.worker, done, span_id, piece, (starts + HOP, done.at - HOP), attributes);
        span_id
    }

    /// Half of the worker's own time is spent in its statements, one after the other.
    fn run_statements(&mut self, starts: Timestamp, work: &Work, done: &Done, parent: [u8; 8]) {
        let count = u32::try_from(work.statements.len()).unwrap_or(1).max(1);
        let share = work.own_time / (2 * count + 1);
        let mut at = starts + share;
        if work.entry == Entry::Button {
            self.redis(at - share / 2, done, "GET");
        }
        if let Some(sleep) = work.retry_after {
            self.log_retry(at, done, sleep);
            at = at + sleep;
        }
        for summary in work.statements {
            let waits: &[LockWait] = if *summary == RESERVES_STOCK { &work.waits } else { &[] };
            let ends = self.statement(at, summary, (share, waits), done, parent);
            at = ends + share;
        }
    }

    pub(super) fn statement(
        &mut self,
        at: Timestamp,
        summary: &str,
        (share, waits): (Duration, &[LockWait]),
        done: &Done,
        parent: [u8; 8],
    ) -> Timestamp {
        let ends = at + share + waits.iter().map(LockWait::duration).sum();
        let span_id = self.dice.bytes();
        let (operation, collection) = summary.split_once(' ').unwrap_or((summary, ""));
        let mut attributes = database("postgresql", DATABASE, operation, 5432);
        attributes.extend([text("db.collection.name", collection), text("db.query.summary", summary)]);
        let error = if waits.is_empty() { None } else { done.error };
        attributes.extend(error.map(|error| text("db.response.status_code", fault::sql_state(error))));
        let piece = Piece { parent: Some(parent), name: summary.to_owned(), kind: SpanKind::Client, error };
        self.trace(done.worker, done, span_id, piece, (at, ends), attributes);
        self.log_lock_waits(waits, done, span_id);
        ends
    }

    fn redis(&mut self, at: Timestamp, done: &Done, command: &str) {
        let span_id = self.dice.bytes();
        let attributes = database("redis", "0", command, 6379);
        let piece = Piece {
            parent: Some(done.span_id),
            name: command.to_owned(),
            kind: SpanKind::Client,
            error: None,
        };
        let took = self.dice.latency(Duration::from_micros(300), 0.4);
        self.trace(done.worker, done, span_id, piece, (at, at + took), attributes);
    }

    /// Odoo's access line: query count, seconds in SQL, the remaining seconds.
    pub(super) fn log_request(&mut self, starts: Timestamp, work: &Work, done: &Done) {
        if work.entry == Entry::Cron {
            return;
        }
        let queries = work.statements.len() * 11 + 7;
        let in_sql = (work.own_time / 2 + work.waited()).as_secs_f64();
        let rest = done.at.since(starts).as_secs_f64() - in_sql;
        let body = format!(
            "10.0.3.2 - - [{}] \"{} {} HTTP/1.1\" 200 - {queries} {in_sql:.3} {rest:.3}",
            done.at.to_utc().format("%d/%b/%Y %H:%M:%S"),
            work.verb(),
            work.path(),
        );
        self.odoo_log(done.at, done, SeverityNumber::Info, "werkzeug", body);
    }

    fn log_retry(&mut self, at: Timestamp, done: &Done, sleep: Duration) {
        let body =
            format!("SERIALIZATION_FAILURE, 4 tries left, try again in {:.4} sec... ", sleep.as_secs_f64());
        self.odoo_log(at, done, SeverityNumber::Info, "odoo.service.model", body);
        let record = fault::concurrent_update(at, done.worker);
        self.say_log(Source::Postgresql, at, record);
        self.meters.rolled_back();
    }

    pub(super) fn odoo_log(
        &mut self,
        at: Timestamp,
        done: &Done,
        severity: SeverityNumber,
        logger: &str,
        body: String,
    ) {
        let mut record =
            log(at, severity, body, vec![text("logger.name", logger), text("odoo.db", DATABASE)]);
        record.trace_id = done.trace_id.to_vec();
        record.span_id = done.span_id.to_vec();
        self.say_log(done.worker, at, record);
    }

    fn trace(
        &mut self,
        source: Source,
        done: &Done,
        span_id: [u8; 8],
        piece: Piece,
        (starts, ends): (Timestamp, Timestamp),
        mut attributes: Vec<KeyValue>,
    ) {
        attributes.extend(piece.error.map(|error| text("error.type", error)));
        let status =
            piece.error.map(|error| Status { code: StatusCode::Error.into(), message: error.to_owned() });
        let span = Span {
            trace_id: done.trace_id.to_vec(),
            span_id: span_id.to_vec(),
            parent_span_id: piece.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
            name: piece.name,
            kind: piece.kind.into(),
            start_time_unix_nano: unix_nanos(starts),
            end_time_unix_nano: unix_nanos(ends),
            attributes,
            status,
            ..Span::default()
        };
        self.say_span(source, ends, span);
    }

    /// A call to somebody else's server, as part of `done`: a carrier, a payment provider, an EDI partner.
    pub(super) fn call_out(&mut self, at: Timestamp, took: Duration, done: &Done, host: &str, path: &str) {
        let span_id = self.dice.bytes();
        let attributes = vec![
            text("http.request.method", "POST"),
            int("http.response.status_code", 200),
            text("server.address", host),
            text("url.full", format!("https://{host}{path}")),
        ];
        let piece = Piece {
            parent: Some(done.span_id),
            name: "POST".to_owned(),
            kind: SpanKind::Client,
            error: None,
        };
        self.trace(done.worker, done, span_id, piece, (at, at + took), attributes);
    }
}

/// A span without its times.
struct Piece {
    parent: Option<[u8; 8]>,
    name: String,
    kind: SpanKind,
    error: Option<&'static str>,
}

/// Odoo answers 200 also when it fails: the error is in the JSON.
fn http(work: &Work) -> Vec<KeyValue> {
    vec![
        text("http.request.method", work.verb()),
        int("http.response.status_code", 200),
        text("url.scheme", "https"),
        text("url.path", work.path()),
        text("network.protocol.version", "1.1"),
    ]
}

fn database(system: &str, namespace: &str, operation: &str, port: i64) -> Vec<KeyValue> {
    vec![
        text("db.system.name", system),
        text("db.namespace", namespace),
        text("db.operation.name", operation),
        text("server.address", format!("{system}-1")),
        int("server.port", port),
    ]
}
