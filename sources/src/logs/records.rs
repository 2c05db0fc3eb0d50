//! From a record of a file to log records, events and spans.

use std::collections::HashMap;
use std::path::Path;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_model::Timestamp;

use super::lines::Assembled;
use super::odoo::{Line, Meaning, Request, meaning};
use crate::config::{LogFormat, LogsConfig, ModuleTells};
use crate::otlp::{Record, integer, number, text, unix_nanos};
use crate::source::Batch;

mod json;

/// One kill is told up to four times within this many seconds.
const SAME_KILL: i64 = 60;
const SERVER: i32 = 2;
const ERROR: i32 = 2;

/// Where a record stood.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) identity: &'a str,
    pub(super) offset: u64,
}

/// What one look made of the files.
#[derive(Debug)]
pub(super) struct Records<'a> {
    config: &'a LogsConfig,
    source: &'a str,
    logs: Vec<LogRecord>,
    events: Vec<LogRecord>,
    spans: Vec<Span>,
    now: Timestamp,
}

impl<'a> Records<'a> {
    pub(super) fn new(config: &'a LogsConfig, source: &'a str, now: Timestamp) -> Self {
        Self { config, source, logs: Vec::new(), events: Vec::new(), spans: Vec::new(), now }
    }

    pub(super) fn into_batches(self, batches: &mut Vec<Batch>) {
        for batch in [Batch::Events(self.events), Batch::Logs(self.logs)] {
            let is_empty =
                matches!(&batch, Batch::Events(records) | Batch::Logs(records) if records.is_empty());
            if !is_empty {
                batches.push(batch);
            }
        }
        if !self.spans.is_empty() {
            batches.push(Batch::Spans(self.spans));
        }
    }

    pub(super) fn add(
        &mut self,
        record: &Assembled,
        place: &Place<'_>,
        ended: &mut HashMap<i64, i64>,
        now: Timestamp,
    ) {
        let plain = without_colours(&record.text);
        if plain.trim().is_empty() {
            return;
        }
        let log = match self.config.format {
            LogFormat::Odoo => match Line::parse(&plain, self.config.timezone) {
                Some(line) => self.odoo(&line, place, ended),
                None => Record::at(now, now).severity(9, "INFO").body(plain),
            },
            LogFormat::Json => json::record(&plain, now).unwrap_or_else(|| Record::at(now, now).body(plain)),
            LogFormat::Plain => Record::at(now, now).body(plain),
        };
        let log = log.text("log.file.path", place.path.to_string_lossy());
        let log = if record.cut > 0 {
            log.integer("log.record.cut", i64::try_from(record.cut).unwrap_or(i64::MAX))
        } else {
            log
        };
        self.logs.push(log.build());
    }

    fn odoo(&mut self, line: &Line<'_>, place: &Place<'_>, ended: &mut HashMap<i64, i64>) -> Record {
        let (number_of, name) = line.severity();
        let mut log = Record::at(line.time, self.now)
            .severity(number_of, name)
            .body(line.body())
            .text("odoo.logger", line.logger)
            .integer("process.pid", line.pid)
            .some_text("odoo.db", line.database);
        let Some(meaning) = meaning(line) else {
            return log.some_text("error.type", exception(line.message));
        };
        if let Meaning::Request(request) = &meaning {
            let attributes = request.attributes();
            if self.config.module != ModuleTells::EventsAndSpans {
                self.spans.push(span(request, line, place, attributes.clone()));
            }
            return log.with_all(attributes);
        }
        if let Meaning::Retry { error } | Meaning::RetriesExhausted { error } = meaning {
            log = log.text("error.type", error);
        }
        if !(self.config.module != ModuleTells::Nothing && meaning.is_told_by_the_module()) {
            self.events.extend(self.event(&meaning, line, place, ended).map(Record::build));
        }
        log.some_text("error.type", exception(line.message))
    }

    #[expect(clippy::too_many_lines, reason = "one line of a table for each meaning")]
    /// The business event of a line, when it is one and was not told before.
    fn event(
        &self,
        meaning: &Meaning,
        line: &Line<'_>,
        place: &Place<'_>,
        ended: &mut HashMap<i64, i64>,
    ) -> Option<Record> {
        let database = line.database.unwrap_or("-");
        let micros = line.time.nanos() / 1_000;
        let seconds = micros / 1_000_000;
        let tell = |name: &str, id: String, failed: Option<&str>| {
            Record::at(line.time, self.now)
                .named(name)
                .text("event.id", id)
                .text("business.outcome", if failed.is_some() { "failed" } else { "ok" })
                .some_text("odoo.db", line.database)
                .some_text("error.type", failed.filter(|class| !class.is_empty()))
        };
        let cron = |name: &str, step: &str, id: Option<i64>, action: &str, failed: Option<&str>| {
            let who = id.map_or_else(|| action.to_owned(), |id| id.to_string());
            let failure = if failed.is_some() { format!(":failed:{micros:016x}") } else { String::new() };
            tell(name, format!("{database}:ir.cron:{who}:{step}:{micros}{failure}"), failed)
                .text("odoo.model", "ir.cron")
                .text("business.workload", "scheduled")
                .text("odoo.cron.name", action)
                .some_integer("odoo.res_id", id)
                .integer("odoo.worker.pid", line.pid)
        };
        Some(match meaning {
            Meaning::Retry { error } => {
                let id = format!("{database}:{}:{}", place.identity, place.offset);
                tell("odoo.transaction.retried", id, None)
                    .text("error.type", *error)
                    .integer("odoo.worker.pid", line.pid)
            }
            Meaning::CronStarted { id, name } => cron("odoo.ir.cron.started", "started", *id, name, None),
            Meaning::CronDone { id, name, seconds, records } => {
                cron("odoo.ir.cron.done", "done", *id, name, None)
                    .some_number("business.duration", *seconds)
                    .some_integer("odoo.records", *records)
            }
            Meaning::CronFailed { id, name, error } => {
                let class = exception(line.message).unwrap_or_else(|| (*error).to_owned());
                cron("odoo.ir.cron.done", "done", *id, name, Some(&class))
            }
            Meaning::WorkerKilled { pid, kind, reason } => {
                if ended.insert(*pid, seconds).is_some_and(|told| seconds - told < SAME_KILL) {
                    return None;
                }
                tell("odoo.worker.killed", format!("{}:{pid}:killed:{seconds}", self.source), Some(reason))
                    .integer("odoo.worker.pid", *pid)
                    .text("odoo.worker.type", *kind)
                    .text("odoo.worker.reason", *reason)
            }
            Meaning::WorkerEnded { pid, kind, reason } => {
                // Why it ends is said first, that it exits afterwards.
                if ended.insert(*pid, seconds).is_some_and(|told| seconds - told < SAME_KILL) {
                    return None;
                }
                tell("odoo.worker.ended", format!("{}:{pid}:ended:{seconds}", self.source), None)
                    .integer("odoo.worker.pid", *pid)
                    .some_text("odoo.worker.type", *kind)
                    .text("odoo.worker.reason", *reason)
            }
            Meaning::Login { is_ok, login, database: named } => {
                let database = named.as_deref().unwrap_or(database);
                let who = format!("login-{:016x}", hash(&[self.source, database, login]));
                let id = format!("{database}:res.users:{who}:logged_in:{micros}");
                tell("odoo.res.users.logged_in", id, (!is_ok).then_some("access"))
                    .text("business.customer", who)
                    .text("odoo.login.method", "password")
            }
            Meaning::QueueJobDied { uuid } => tell(
                "odoo.queue.job.died",
                format!("{database}:queue.job:{uuid}:died:{micros}"),
                Some("died"),
            )
            .integer("odoo.worker.pid", line.pid),
            Meaning::Request(_)
            | Meaning::RetriesExhausted { .. }
            | Meaning::BadQuery
            | Meaning::CronProgress
            | Meaning::WorkerStarted
            | Meaning::QueueJobStarted => return None,
        })
    }
}

impl Request {
    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            text("http.request.method", &self.method),
            text("http.route", self.route()),
            text("url.path", &self.path),
            integer("http.response.status_code", self.status),
        ];
        attributes.extend(self.queries.map(|queries| integer("odoo.http.queries", queries)));
        attributes.extend(self.sql_seconds.map(|seconds| number("odoo.http.sql_duration", seconds)));
        if let Some((model, method)) = &self.call {
            attributes.extend([text("odoo.model", model), text("odoo.method", method)]);
        }
        attributes
    }
}

/// The line is written when the request has ended, so it began as long before as it took.
fn span(request: &Request, line: &Line<'_>, place: &Place<'_>, mut attributes: Vec<KeyValue>) -> Span {
    let took = std::time::Duration::from_secs_f64(request.seconds.unwrap_or_default().clamp(0.0, 86_400.0));
    let offset = place.offset.to_string();
    let id = |salt: &str| hash(&[place.identity, &offset, salt]).to_be_bytes();
    attributes.extend(line.database.map(|database| text("odoo.db", database)));
    attributes.push(integer("process.pid", line.pid));
    let status = (request.status >= 500)
        .then(|| opentelemetry_proto::tonic::trace::v1::Status { code: ERROR, ..Default::default() });
    Span {
        // The same line is the same span, however often it is read.
        trace_id: [id("trace"), id("of")].concat(),
        span_id: id("span").to_vec(),
        name: format!("{} {}", request.method, request.route()),
        kind: SERVER,
        start_time_unix_nano: unix_nanos(line.time - took),
        end_time_unix_nano: unix_nanos(line.time),
        attributes,
        status,
        ..Span::default()
    }
}

/// The class of the exception that a traceback ends with.
fn exception(message: &str) -> Option<String> {
    if !message.contains("Traceback (most recent call last)") {
        return None;
    }
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    let lines = message.lines().rev().filter(|line| !line.starts_with([' ', '\t', '"', '\'']));
    let mut classes =
        lines.filter_map(|line| line.split_once(':').map_or(Some(line), |(name, _)| Some(name)));
    let class =
        classes.find(|name| is_name(name) && name.contains(|letter: char| letter.is_ascii_uppercase()))?;
    Some(class.rsplit('.').next().unwrap_or(class).to_owned())
}

fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a terminal would have shown.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}
