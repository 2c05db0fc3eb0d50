//! A lake in a folder of its own, rows that can be counted, and the ways in which a process ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_lake::{Config, FlushStep, FlushSteps, Lake, LakeError, Seams, UpkeepConfig, from_physical};
use plimsoll_model::{
    ManualClock, Original, OriginalFormat, ReadOriginal, RowsOutline, SignalBatch, Table, Timestamp,
    batch_from_rows,
};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_763_719_028);

pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: ManualClock,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), clock: ManualClock::at(NOW) }
    }

    pub(crate) fn config(&self) -> Config {
        config(self.folder.path())
    }

    pub(crate) async fn open(&self) -> Lake {
        self.open_with(Seams::default()).await
    }

    pub(crate) async fn open_with(&self, seams: Seams) -> Lake {
        self.open_reading(Arc::new(Numerals), seams).await
    }

    pub(crate) async fn open_as(&self, config: Config) -> Lake {
        let clock = Arc::new(self.clock.clone());
        Lake::open(config, clock, Arc::new(Numerals)).await.expect("opens")
    }

    pub(crate) async fn open_reading(&self, originals: Arc<dyn ReadOriginal>, seams: Seams) -> Lake {
        let clock = Arc::new(self.clock.clone());
        Lake::open_with(self.config(), clock, originals, seams).await.expect("opens")
    }

    pub(crate) fn folder_of(&self, table: Table) -> PathBuf {
        self.folder.path().join("lake/default").join(table.name())
    }

    pub(crate) fn log_of(&self, table: Table) -> PathBuf {
        self.folder_of(table).join("_delta_log")
    }
}

pub(crate) fn config(data_dir: &Path) -> Config {
    Config {
        data_dir: data_dir.to_path_buf(),
        flush_rows: 100,
        flush_age: Duration::from_secs(30),
        buffer_limit_bytes: 64 << 20,
        // The numbers are times of 1970, and most tests want to keep them.
        upkeep: UpkeepConfig {
            retention: Table::ALL.map(|table| (table, Duration::from_hours(100 * 366 * 24))).into(),
            ..UpkeepConfig::default()
        },
        ..Config::default()
    }
}

/// One decision for each number; the number is its event time in nanoseconds.
pub(crate) fn decisions(numbers: impl IntoIterator<Item = i64>) -> SignalBatch {
    let rows: Vec<_> = numbers
        .into_iter()
        .map(
            |number| serde_json::json!({"time": number, "ingest_time": 0, "stage": "rule", "reason": "test"}),
        )
        .collect();
    rows_of(Table::Decisions, &rows)
}

/// Originals are numbers in words of ASCII, and become decisions.
#[derive(Debug)]
pub(crate) struct Numerals;

impl ReadOriginal for Numerals {
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        let text = std::str::from_utf8(&original.bytes).map_err(|error| error.to_string())?;
        let number = |word: &str| word.parse().map_err(|error| format!("{word}: {error}"));
        let numbers: Vec<i64> = text.split_whitespace().map(number).collect::<Result<_, _>>()?;
        Ok(vec![decisions(numbers)])
    }
}

pub(crate) fn numerals(numbers: impl IntoIterator<Item = i64>) -> Original {
    let words: Vec<_> = numbers.into_iter().map(|number| number.to_string()).collect();
    Original { format: OriginalFormat(1), received: NOW, bytes: words.join(" ").into() }
}

/// Appends an original as who received it does: read once before, and with what came of it.
pub(crate) async fn append_numerals(
    lake: &Lake,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<(), LakeError> {
    let original = numerals(numbers);
    let batches = Numerals.rows(&original).map_err(LakeError::Other)?;
    lake.append_original(original, batches).await
}

/// As `append_numerals`, of which only the outline is known; at least one number.
pub(crate) async fn append_outlined(lake: &Lake, numbers: &[i64]) -> Result<(), LakeError> {
    let times = || numbers.iter().map(|number| Timestamp::from_nanos(*number));
    let [earliest, latest] = [times().min(), times().max()].map(|time| time.expect("at least one"));
    let outline =
        RowsOutline { table: Table::Decisions, rows: numbers.len(), earliest, latest, bytes: 1_000 };
    lake.append_outlined(numerals(numbers.iter().copied()), outline).await
}

/// Spans with everything nested that the schema has.
pub(crate) fn spans(numbers: impl IntoIterator<Item = i64>) -> SignalBatch {
    let rows: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            serde_json::json!({
                "time": number, "ingest_time": 7_000, "trace_id": format!("{number:032x}"), "span_id": "1", "name": "GET",
                "duration_ms": 1.5, "resource": {"host.name": "h1"}, "attributes": {"a": "1", "b": null},
                "events": [{"time_unix_nano": number, "name": "e", "attributes": {"k": "v"}}, {"name": "f"}],
                "links": [],
            })
        })
        .collect();
    rows_of(Table::Spans, &rows)
}

fn rows_of(table: Table, rows: &[serde_json::Value]) -> SignalBatch {
    SignalBatch { table, batch: batch_from_rows(&table.schema(), rows).expect("fits") }
}

/// Every row of the table as a query would read it, hot and cold.
pub(crate) fn read(lake: &Lake, table: Table) -> Vec<RecordBatch> {
    let snapshot = lake.snapshot(table);
    let mut batches = snapshot.hot;
    batches.extend(snapshot.late.iter().filter_map(|rows| rows.once().ok()));
    for file in snapshot.cold {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path).expect("there"));
        let reader = reader.expect("a Parquet file").build().expect("readable");
        let rows_before: usize = batches.iter().map(RecordBatch::num_rows).sum();
        batches
            .extend(reader.map(|batch| from_physical(table, &batch.expect("readable")).expect("physical")));
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!((rows - rows_before) as u64, file.rows);
    }
    batches
}

pub(crate) fn times(batch: &RecordBatch) -> Vec<i64> {
    batch["time"].as_primitive::<TimestampNanosecondType>().values().to_vec()
}

/// The numbers of the rows, sorted.
pub(crate) fn numbers(lake: &Lake, table: Table) -> Vec<i64> {
    let mut numbers: Vec<_> = read(lake, table).iter().flat_map(times).collect();
    numbers.sort_unstable();
    numbers
}

/// Copies the whole data folder at some step of a flush: what a machine would find after a crash there.
#[derive(Debug)]
pub(crate) struct Photographer {
    data_dir: PathBuf,
    albums: tempfile::TempDir,
    pub(crate) pictures: Mutex<BTreeMap<String, PathBuf>>,
}

impl Photographer {
    pub(crate) fn of(house: &House) -> Arc<Self> {
        Arc::new(Self {
            data_dir: house.folder.path().to_path_buf(),
            albums: tempfile::tempdir().expect("a folder"),
            pictures: Mutex::default(),
        })
    }

    pub(crate) fn seams(self: &Arc<Self>) -> Seams {
        Seams { flush_steps: Arc::clone(self) as Arc<dyn FlushSteps>, ..Seams::default() }
    }
}

impl FlushSteps for Photographer {
    fn reached(&self, table: Table, step: FlushStep) -> Result<(), LakeError> {
        self.take(format!("{table}-{step:?}"));
        Ok(())
    }

    fn compacted(&self, table: Table, step: FlushStep) -> Result<(), LakeError> {
        self.take(format!("{table}-merge-{step:?}"));
        Ok(())
    }
}

impl Photographer {
    fn take(&self, name: String) {
        let picture = self.albums.path().join(&name);
        copy_folder(&self.data_dir, &picture);
        self.pictures.lock().expect("not poisoned").insert(name, picture);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("room");
    for file in fs::read_dir(from).expect("there") {
        let file = file.expect("readable");
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            copy_folder(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).expect("room");
        }
    }
}
