//! `sources` as SQL sees it: everything that sends to us or is fetched by us, and whether it still does.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use plimsoll_collector::{Beat, SentSources, Signal};
use plimsoll_model::{Clock, SourceBook, SourceKind, SourceStatus, StateTable, Timestamp, batch_from_rows};
use plimsoll_query::{QueryEngine, QueryError};
use serde::Deserialize;
use serde_json::{Value, json};

/// Clones share the books.
#[derive(Clone, Debug)]
pub(super) struct SourceTable {
    books: Arc<Mutex<Vec<Arc<dyn SourceBook>>>>,
    clock: Arc<dyn Clock>,
}

impl SourceTable {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { books: Arc::default(), clock }
    }

    /// From now on the table shows what `book` knows.
    pub(super) fn list(&self, book: Arc<dyn SourceBook>) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).push(book);
    }
}

/// All of them, also what both sends and is fetched: life is life.
impl SourceBook for SourceTable {
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner).clone();
        books.iter().flat_map(|book| book.sources(now)).collect()
    }
}

impl StateTable for SourceTable {
    fn name(&self) -> &'static str {
        "sources"
    }

    fn schema(&self) -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(schema);
        Arc::clone(&SCHEMA)
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let now = self.clock.now();
        let sources = self.sources(now);
        // What we fetch comes in by the collector's door too; who reads it knows more of it.
        let fetched: BTreeSet<&str> =
            sources.iter().filter(|source| is_fetched(source)).map(|it| &*it.name).collect();
        let seen_twice =
            |source: &&SourceStatus| source.kind == SourceKind::Otlp && fetched.contains(&*source.name);
        let rows: Vec<Value> =
            sources.iter().filter(|source| !seen_twice(source)).map(|source| row(source, now)).collect();
        Ok(batch_from_rows(&self.schema(), &rows)?)
    }
}

fn is_fetched(source: &SourceStatus) -> bool {
    !matches!(source.kind, SourceKind::Otlp | SourceKind::Heartbeat)
}

fn schema() -> SchemaRef {
    let field = |name: &str, data_type: DataType, nullable: bool| Field::new(name, data_type, nullable);
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        field("name", DataType::Utf8, false),
        field("kind", DataType::Utf8, false),
        field("signal", DataType::Utf8, false),
        field("state", DataType::Utf8, false),
        field("blind", DataType::Boolean, false),
        field("since", time(), false),
        field("watermark", time(), true),
        field("lag_ms", DataType::Float64, true),
        field("last_success", time(), true),
        field("expected_every_ms", DataType::Float64, true),
        field("items", DataType::Int64, false),
        field("errors", DataType::Int64, false),
        field("last_error", DataType::Utf8, true),
        field("lacks", DataType::Utf8, true),
    ]))
}

fn row(source: &SourceStatus, now: Timestamp) -> Value {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    json!({
        "name": source.name,
        "kind": source.kind.as_str(),
        "signal": source.signal,
        "state": source.state.as_str(),
        "blind": source.state.is_blind(),
        "since": source.since.nanos(),
        "watermark": source.watermark.map(Timestamp::nanos),
        "lag_ms": source.watermark.map(|watermark| ms(now.since(watermark))),
        "last_success": source.last_success.map(Timestamp::nanos),
        "expected_every_ms": source.expected_every.map(ms),
        "items": source.items,
        "errors": source.errors,
        "last_error": source.last_error,
        "lacks": (!source.lacks.is_empty()).then(|| source.lacks.join("; ")),
    })
}

/// So far back is looked for who used to send: a weekly job that died with us is missed all the same.
const SENDERS: &str = "
    SELECT source AS name, signal, CAST(max(time) AS BIGINT) AS last FROM ingest_ledger
    WHERE time > now() - INTERVAL '1 day' GROUP BY source, signal";
const HEARTBEATS: &str = "
    SELECT name, last, every, outcome, message FROM (
        SELECT attributes['heartbeat.name'] AS name, CAST(time AS BIGINT) AS last, outcome, body AS message,
               CAST(attributes['heartbeat.every'] AS DOUBLE) AS every,
               row_number() OVER (PARTITION BY attributes['heartbeat.name'] ORDER BY time DESC) AS place
        FROM business_events
        WHERE event_name = 'heartbeat.received' AND time > now() - INTERVAL '35 days'
    ) AS beats WHERE place = 1";

#[derive(Debug, Deserialize)]
struct Sender {
    name: String,
    signal: String,
    last: i64,
}

#[derive(Debug, Deserialize)]
struct Heart {
    name: String,
    last: i64,
    every: Option<f64>,
    outcome: Option<String>,
    message: Option<String>,
}

/// Tells the collector who was heard by an earlier process: before the first evaluation, or an alert on what is missed would
/// resolve and fire anew. What can't be read is missing in the table, and stops nothing.
pub(super) async fn remember(engine: &QueryEngine, sent: &SentSources, now: Timestamp) {
    match ask::<Sender>(engine, SENDERS, now).await {
        Ok(senders) => senders.iter().for_each(|sender| sender.remember(sent, now)),
        Err(error) => tracing::warn!(%error, "who used to send could not be read"),
    }
    match ask::<Heart>(engine, HEARTBEATS, now).await {
        Ok(hearts) => hearts.into_iter().for_each(|heart| sent.remember_heartbeat(heart.into())),
        Err(error) => tracing::warn!(%error, "the heartbeats could not be read"),
    }
}

async fn ask<T: serde::de::DeserializeOwned>(
    engine: &QueryEngine,
    sql: &str,
    now: Timestamp,
) -> Result<Vec<T>, QueryError> {
    let answer = engine.evaluate(sql, &[], now).await?.to_json()?;
    serde_json::from_slice(&answer).map_err(|error| QueryError::Internal(error.to_string()))
}

impl Sender {
    fn remember(&self, sent: &SentSources, now: Timestamp) {
        let signal = Signal::ALL.into_iter().find(|signal| signal.name() == self.signal);
        let last = Timestamp::from_nanos(self.last);
        signal.into_iter().for_each(|signal| sent.remember_sender(&self.name, signal, last, now));
    }
}

impl From<Heart> for Beat {
    fn from(heart: Heart) -> Self {
        let said = heart.message.filter(|message| !message.is_empty());
        Self {
            name: heart.name,
            time: Timestamp::from_nanos(heart.last),
            every: heart.every.and_then(|secs| Duration::try_from_secs_f64(secs).ok()),
            failure: (heart.outcome.as_deref() == Some("failed"))
                .then(|| said.unwrap_or_else(|| "it said that it failed".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use plimsoll_model::{ManualClock, SourceState};

    use super::*;

    #[derive(Debug)]
    struct Book(Vec<(&'static str, SourceKind)>);

    impl SourceBook for Book {
        fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
            let status = |(name, kind): &(&str, SourceKind)| SourceStatus {
                name: (*name).to_owned(),
                kind: *kind,
                signal: "metrics",
                state: SourceState::Failing,
                since: now,
                watermark: Some(now - Duration::from_secs(2)),
                last_success: None,
                expected_every: None,
                items: 0,
                errors: 3,
                last_error: Some("refused".to_owned()),
                lacks: vec!["a right; GRANT it".to_owned(), "a table".to_owned()],
            };
            self.0.iter().map(status).collect()
        }
    }

    #[test]
    fn what_is_fetched_is_shown_by_its_reader_and_not_again_as_a_sender() {
        let table = SourceTable::new(Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000))));
        table.list(Arc::new(Book(vec![("odoo-main", SourceKind::Otlp), ("traefik", SourceKind::Otlp)])));
        table.list(Arc::new(Book(vec![("odoo-main", SourceKind::Odoo), ("traefik", SourceKind::Heartbeat)])));
        let rows = table.rows().expect("rows");
        let texts = |column: &str| rows[column].as_string::<i32>().iter().flatten().collect::<Vec<_>>();
        assert_eq!(texts("name"), ["traefik", "odoo-main", "traefik"]);
        assert_eq!(texts("kind"), ["otlp", "odoo", "heartbeat"]);
        assert_eq!(texts("lacks")[0], "a right; GRANT it; a table");
        assert!(rows["blind"].as_boolean().iter().all(|blind| blind == Some(true)));
    }
}
