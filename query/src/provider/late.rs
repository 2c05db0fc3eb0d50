//! Rows that only the log holds: read and made part by part while the query asks for them, and let go behind it.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream;
use plimsoll_lake::{LateRows, Unmakable};
use plimsoll_model::Table;

pub(super) fn scan(
    session: &dyn Session,
    table: Table,
    late: &[LateRows],
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    // Who only counts needs no rows: they come from the outlines, as those of files come from the commits.
    let only_counts = projection.is_some_and(Vec::is_empty);
    let schema = if only_counts { Arc::new(Schema::empty()) } else { table.schema() };
    let projection = projection.filter(|_| !only_counts);
    let most = late.len().div_ceil(session.config().target_partitions()).max(1);
    let share = |parts: &[LateRows]| Share { schema: Arc::clone(&schema), parts: parts.to_vec() };
    let shares: Vec<Arc<dyn PartitionStream>> =
        late.chunks(most).map(|parts| Arc::new(share(parts)) as Arc<dyn PartitionStream>).collect();
    let (ordering, is_endless) = (Vec::new(), false);
    let scan = StreamingTableExec::try_new(schema, shares, projection, ordering, is_endless, limit)?;
    Ok(Arc::new(scan))
}

/// What one thread reads.
#[derive(Debug)]
struct Share {
    schema: SchemaRef,
    parts: Vec<LateRows>,
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let only_counts = schema.fields().is_empty();
        let rows =
            self.parts.clone().into_iter().filter_map(move |part| {
                if only_counts { Some(counted(&part, &schema)) } else { rows_of(&part) }
            });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(rows)))
    }
}

fn counted(part: &LateRows, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(part.outline().rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), Vec::new(), &options)?)
}

fn rows_of(part: &LateRows) -> Option<Result<RecordBatch>> {
    match part.once() {
        Ok(rows) => Some(Ok(rows)),
        Err(error @ Unmakable::Unreadable(_)) => {
            // The flush keeps them for a person.
            tracing::error!(%error, "rows can't be shown");
            None
        }
        Err(error) => Some(Err(DataFusionError::External(error.into()))),
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_lake::{Config, Lake};
    use plimsoll_model::{
        ManualClock, Original, OriginalFormat, ReadOriginal, RowsOutline, SignalBatch, Timestamp,
        batch_from_rows,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::QueryEngine;
    use crate::testing::NOW;

    const QUESTIONS: [&str; 6] = [
        "SELECT * FROM spans ORDER BY time",
        "SELECT count(*) AS n FROM spans",
        "SELECT name FROM spans WHERE time > now() - INTERVAL '4 seconds' ORDER BY time DESC",
        "SELECT trace_id FROM spans ORDER BY time DESC LIMIT 1",
        "SELECT count(*) AS n FROM spans a JOIN spans b USING (span_id)",
        "SELECT time FROM spans WHERE attributes['http.route'] = '/orders/3'",
    ];

    /// Originals are rows of JSON.
    #[derive(Debug)]
    struct Rows;

    impl ReadOriginal for Rows {
        fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
            let table = Table::Spans;
            let rows: Vec<Value> =
                serde_json::from_slice(&original.bytes).map_err(|error| error.to_string())?;
            let batch = batch_from_rows(&table.schema(), &rows).map_err(|error| error.to_string())?;
            Ok(vec![SignalBatch { table, batch }])
        }
    }

    async fn append(lake: &Lake, age: i64) {
        let time = NOW.nanos() - age * 1_000_000_000;
        let row = json!({
            "time": time, "ingest_time": NOW.nanos(), "name": format!("n{age}"), "trace_id": format!("{age:032x}"),
            "span_id": format!("{age:016x}"), "attributes": {"http.route": format!("/orders/{age}")},
        });
        let bytes = json!([row]).to_string().into_bytes().into();
        let original = Original { format: OriginalFormat(1), received: NOW, bytes };
        let earliest = Timestamp::from_nanos(time);
        let outline = RowsOutline { table: Table::Spans, rows: 1, earliest, latest: earliest, bytes: 1_000 };
        lake.append_outlined(original, outline).await.expect("kept");
    }

    async fn answers(lake: &Lake, folder: &std::path::Path) -> Vec<Value> {
        let config = crate::Config { spill_dir: folder.join("spill"), ..crate::Config::default() };
        let clock = Arc::new(ManualClock::at(NOW));
        let engine = QueryEngine::new(config, lake.clone(), Vec::new(), clock).expect("the engine starts");
        let mut answers = Vec::new();
        for question in QUESTIONS {
            let output =
                engine.sql(question, &[]).await.unwrap_or_else(|error| panic!("{question}: {error}"));
            answers.push(serde_json::from_slice(&output.to_json().expect("writes")).expect("is JSON"));
        }
        answers
    }

    #[tokio::test]
    async fn rows_in_the_log_give_the_answers_that_they_give_elsewhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = async |buffer_limit_bytes| {
            let config = Config { data_dir: folder.path().into(), buffer_limit_bytes, ..Config::default() };
            Lake::open(config, Arc::new(ManualClock::at(NOW)), Arc::new(Rows)).await.expect("opens")
        };
        let lake = open(1 << 20).await;
        for age in 1..=3 {
            append(&lake, age).await;
        }
        lake.flush().await.expect("flushes");
        for age in 4..=9 {
            append(&lake, age).await;
        }
        let held = answers(&lake, folder.path()).await;
        drop(lake);

        // Room for two more rows in memory, beside four in the log and three in a file.
        let lake = open(4_000).await;
        let snapshot = lake.snapshot(Table::Spans);
        assert_eq!((snapshot.hot.len(), snapshot.late.len(), snapshot.cold.len()), (2, 4, 1));
        assert_eq!(snapshot.unflushed_rows(), 6);
        let in_log = answers(&lake, folder.path()).await;
        lake.flush().await.expect("flushes");
        let in_files = answers(&lake, folder.path()).await;
        for (number, question) in QUESTIONS.iter().enumerate() {
            assert_eq!(in_log[number], held[number], "{question}");
            assert_eq!(in_log[number], in_files[number], "{question}");
        }
        assert_eq!(in_log[1], json!([{"n": 9}]));
    }
}
