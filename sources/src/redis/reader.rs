//! The reader of one Redis.

use std::sync::Arc;

use async_trait::async_trait;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use super::info::Info;
use super::protocol::{Answer, Connection};
use crate::config::RedisConfig;
use crate::cursor;
use crate::otlp::{Readings, Record};
use crate::source::{Batch, FetchError, Fetched, Source};

/// Entries of the slow log that are asked for; the server keeps 128 unless told otherwise.
const SLOW_ENTRIES: &str = "128";

/// What is remembered over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    role: Option<String>,
    /// Entries of the slow log count up until the server restarts, which its `run_id` tells.
    run: Option<String>,
    slow: i64,
}

#[derive(Debug)]
pub(crate) struct RedisReader {
    name: String,
    config: RedisConfig,
    clock: Arc<dyn Clock>,
    connection: Option<Connection>,
    memory: Memory,
    next: Option<Memory>,
}

impl RedisReader {
    pub(crate) fn new(
        name: &str,
        config: RedisConfig,
        remembered: Option<serde_json::Value>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let memory: Memory = cursor::memory(remembered)?;
        Ok(Self { name: name.to_owned(), config, clock, connection: None, memory, next: None })
    }

    async fn look(&mut self, connection: &mut Connection) -> Result<Fetched, FetchError> {
        let Answer::Text(text) = connection.ask(&["INFO"]).await? else {
            return Err(FetchError::new("INFO is no text: this is no Redis"));
        };
        let (info, now) = (Info::parse(&text), self.clock.now());
        let mut fetched = Fetched::default();
        let mut memory = Memory { role: info.get("role").map(str::to_owned), ..self.memory.clone() };
        let mut records = Vec::new();
        if let (Some(before), Some(role)) = (&self.memory.role, &memory.role)
            && before != role
        {
            records.push(self.role_changed(before, role, now));
        }
        let run = info.get("run_id").map(str::to_owned);
        if run != memory.run {
            (memory.run, memory.slow) = (run, -1);
        }
        match connection.ask(&["SLOWLOG", "GET", SLOW_ENTRIES]).await {
            Ok(Answer::List(entries)) => records.extend(slow_commands(&entries, &mut memory, now)),
            Ok(_) => {}
            Err(error) => fetched.lacks.push(format!("no slow log: {error}; ACL SETUSER ... +slowlog|get")),
        }
        if !records.is_empty() {
            fetched.batches.push(Batch::Logs(records));
        }
        let mut readings = Readings::at(now);
        info.measure(&mut readings, now);
        fetched.batches.push(Batch::Metrics(readings.finish()));
        fetched.late =
            info.lost_master().then(|| "the replica has lost its master: what it shows is old".to_owned());
        fetched.cursor = (memory != self.memory).then(|| serde_json::to_value(&memory).ok()).flatten();
        self.next = Some(memory);
        Ok(fetched)
    }

    fn role_changed(&self, before: &str, role: &str, now: Timestamp) -> LogRecord {
        Record::at(now, now)
            .named("redis.role_changed")
            .severity(13, "WARN")
            .body(format!("{} was {before} and is {role} now", self.name))
            .text("role", role)
            .build()
    }
}

/// `[id, unix seconds, microseconds, [command, arguments...], client, name]`, the newest first; arguments are left out.
fn slow_commands(entries: &[Answer], memory: &mut Memory, now: Timestamp) -> Vec<LogRecord> {
    let (known, mut records) = (memory.slow, Vec::new());
    for entry in entries.iter().rev() {
        let Answer::List(fields) = entry else { continue };
        let [Answer::Number(id), Answer::Number(at), Answer::Number(micros), Answer::List(command), ..] =
            fields.as_slice()
        else {
            continue;
        };
        if *id <= known {
            continue;
        }
        memory.slow = memory.slow.max(*id);
        let Some(Answer::Text(operation)) = command.first() else { continue };
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a command")]
        let milliseconds = *micros as f64 / 1e3;
        let record = Record::at(Timestamp::from_secs(*at), now)
            .named("redis.slow_command")
            .severity(9, "INFO")
            .body(operation.to_uppercase())
            .text("db.operation.name", operation.to_uppercase())
            .some_number("duration_ms", Some(milliseconds));
        records.push(record.build());
    }
    records
}

#[async_trait]
impl Source for RedisReader {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.config, &self.clock).await?,
        };
        let fetched = self.look(&mut connection).await?;
        self.connection = Some(connection);
        Ok(fetched)
    }

    fn taken(&mut self) {
        if let Some(next) = self.next.take() {
            self.memory = next;
        }
    }
}
