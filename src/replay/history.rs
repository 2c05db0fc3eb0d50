//! Stored history, read as it came: from a lake that nobody uses, or from the server that does, by its SQL. Both answer the
//! same statements, within the limits of people's queries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arrow::array::{Array, AsArray, RecordBatch, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::TimestampNanosecondType;
use arrow::ipc::reader::StreamReader;
use plimsoll_lake::Lake;
use plimsoll_model::{SignalBatch, Table, Timestamp};
use plimsoll_query::{QueryEngine, QueryError};

use super::Stretch;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::server::Server;

/// A question that answers more than the limits allow is asked again in halves, down to this.
const SHORTEST: Duration = Duration::from_secs(1);

/// Where rows come from.
#[derive(Debug)]
pub enum History {
    Lake(QueryEngine),
    Server(Server),
}

/// What a receiver got, by fingerprint.
pub(super) type ToldThen = BTreeMap<String, Vec<(Timestamp, String)>>;

enum Refusal {
    /// More than may be asked at once.
    TooMuch,
    Other(anyhow::Error),
}

impl History {
    /// The lake of a configuration. It must be in nobody's use.
    pub async fn of_lake(config: &Config) -> anyhow::Result<Self> {
        let tenant = config.tenants().first().context("there is always a default tenant")?;
        let clock: Arc<dyn plimsoll_model::Clock> = Arc::new(SystemClock);
        let lake = Lake::open(config.lake(&tenant.name), Arc::clone(&clock), crate::app::originals()).await?;
        Self::of(config, lake, clock)
    }

    fn of(config: &Config, lake: Lake, clock: Arc<dyn plimsoll_model::Clock>) -> anyhow::Result<Self> {
        Ok(Self::Lake(QueryEngine::new(config.query(), lake, Vec::new(), clock)?))
    }

    /// Rows that came in [from, to), in the order they came.
    pub(super) async fn between(
        &self,
        table: Table,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Vec<SignalBatch>> {
        let mut rows = Vec::new();
        let mut stretches = vec![(from, to)];
        while let Some((from, to)) = stretches.pop() {
            let sql = format!(
                "SELECT * FROM {table} WHERE ingest_time >= TIMESTAMP '{}' AND ingest_time < TIMESTAMP '{}' \
                 ORDER BY ingest_time, time",
                exact(from),
                exact(to)
            );
            match self.ask(&sql).await {
                Ok(batches) => {
                    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
                        rows.push(SignalBatch { table, batch: fitted(table, batch)? });
                    }
                }
                Err(Refusal::TooMuch) if to.since(from) > SHORTEST => {
                    let middle = from + to.since(from) / 2;
                    stretches.extend([(middle, to), (from, middle)]);
                }
                Err(Refusal::TooMuch) => {
                    bail!(
                        "more rows of {table} came within a second than may be asked at once: raise query.max_rows"
                    )
                }
                Err(Refusal::Other(error)) => return Err(error),
            }
        }
        Ok(rows)
    }

    /// Slices and the rules' decisions as they were known at `since`.
    pub(super) async fn state_before(
        &self,
        since: Timestamp,
        decisions: Duration,
    ) -> anyhow::Result<Vec<SignalBatch>> {
        let mut state =
            self.between(Table::SliSlices, since - Duration::from_secs(92 * 86_400), since).await?;
        state.extend(self.between(Table::Decisions, since - decisions, since).await?);
        Ok(state)
    }

    /// Who was told of what, in truth.
    pub(super) async fn told(&self, stretch: Stretch) -> anyhow::Result<ToldThen> {
        let margin = Duration::from_secs(3_600);
        let sql = format!(
            "SELECT time, fingerprint, receiver FROM decisions WHERE stage = 'send' AND outcome = 'sent' \
             AND fingerprint <> '' AND time >= TIMESTAMP '{}' AND time < TIMESTAMP '{}' ORDER BY time LIMIT 90000",
            exact(stretch.since),
            exact(stretch.until + margin)
        );
        let batches = match self.ask(&sql).await {
            Ok(batches) => batches,
            Err(Refusal::TooMuch) => bail!("too many notifications were sent then: choose a shorter stretch"),
            Err(Refusal::Other(error)) => return Err(error),
        };
        let mut told = ToldThen::new();
        for batch in &batches {
            let text =
                |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let times = batch.column_by_name("time").context("no column time")?;
            let times = cast(times, &nanos())?;
            let times: &TimestampNanosecondArray = times.as_primitive::<TimestampNanosecondType>();
            let (prints, receivers) = text("fingerprint").zip(text("receiver")).context("no texts")?;
            for row in 0..batch.num_rows() {
                let receiver = if receivers.is_valid(row) { receivers.value(row) } else { "" };
                let at = Timestamp::from_nanos(times.value(row));
                told.entry(prints.value(row).to_owned()).or_default().push((at, receiver.to_owned()));
            }
        }
        Ok(told)
    }

    async fn ask(&self, sql: &str) -> Result<Vec<RecordBatch>, Refusal> {
        match self {
            Self::Lake(engine) => match engine.sql(sql, &[]).await {
                Ok(output) => Ok(output.batches),
                Err(QueryError::Limit(_)) => Err(Refusal::TooMuch),
                Err(error) => Err(Refusal::Other(error.into())),
            },
            Self::Server(server) => ask_server(server, sql).await,
        }
    }
}

async fn ask_server(server: &Server, sql: &str) -> Result<Vec<RecordBatch>, Refusal> {
    let other = |error: anyhow::Error| Refusal::Other(error);
    let answer = server.sql(sql, "application/vnd.apache.arrow.stream").await.map_err(other)?;
    let status = answer.status();
    if status == reqwest::StatusCode::UNPROCESSABLE_ENTITY {
        return Err(Refusal::TooMuch);
    }
    let body = answer.bytes().await.context("the answer broke off").map_err(other)?;
    if !status.is_success() {
        let said = String::from_utf8_lossy(&body).chars().take(500).collect::<String>();
        return Err(other(anyhow::anyhow!("the server answered {status}: {said}")));
    }
    let reader = StreamReader::try_new(body.as_ref(), None).map_err(|error| other(error.into()))?;
    reader.collect::<Result<_, _>>().map_err(|error| other(error.into()))
}

/// To the nanosecond, for a statement.
fn exact(time: Timestamp) -> String {
    time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
}

fn nanos() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, Some("UTC".into()))
}

/// An answer's columns as the table has them.
fn fitted(table: Table, batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name());
        let column = column.with_context(|| format!("{table} came without {}", field.name()))?;
        Ok(cast(column, field.data_type())?)
    });
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
