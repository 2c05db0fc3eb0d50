//! The tables as others see them, and what a damaged log does.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use deltalake::DeltaTableBuilder;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_lake::{Lake, physical_schema};
use plimsoll_model::{Table, Timestamp};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::harness::{House, decisions, numbers, read, spans};

#[tokio::test]
async fn flushed_rows_are_read_back_unchanged_in_the_order_of_time() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![spans([1_999, 5, 1_001])]).await.expect("kept");
    lake.flush().await.expect("flushes");

    let snapshot = lake.snapshot(Table::Spans);
    assert!(snapshot.hot.is_empty());
    let file = &snapshot.cold[0];
    assert_eq!(
        (file.rows, file.min_time, file.max_time),
        (3, Timestamp::from_nanos(0), Timestamp::from_nanos(1_999))
    );
    assert_eq!(file.size_bytes, fs::metadata(&file.path).expect("there").len());
    assert_eq!(read(&lake, Table::Spans), [spans([5, 1_001, 1_999]).batch]);
}

#[tokio::test]
async fn flush_and_reopen_keep_each_row_once() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![decisions([1, 2]), spans([1])]).await.expect("kept");
    lake.flush().await.expect("flushes");
    lake.append(vec![decisions([3])]).await.expect("kept");
    let cold = lake.snapshot(Table::Decisions).cold;
    drop(lake);

    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3]);
    assert_eq!(numbers(&lake, Table::Spans), [1]);
    assert_eq!(lake.snapshot(Table::Decisions).cold, cold);
    lake.flush().await.expect("flushes");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3]);
}

#[tokio::test]
async fn another_reader_of_delta_finds_the_rows_the_types_and_the_position() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![spans([1, 2])]).await.expect("kept");
    lake.flush().await.expect("flushes");

    let folder = house.folder.path().join("lake/default/spans").canonicalize().expect("there");
    let url = Url::from_directory_path(folder).expect("absolute");
    let table = DeltaTableBuilder::from_url(url).expect("a table").load().await.expect("opens");
    let state = table.snapshot().expect("loaded");
    let adds: Vec<_> = state.log_data().iter().map(|file| (file.num_records(), file.size())).collect();
    let file = &lake.snapshot(Table::Spans).cold[0];
    assert_eq!(adds, [(Some(2), i64::try_from(file.size_bytes).expect("small"))]);
    let position = state.transaction_version(table.log_store().as_ref(), "plimsoll-wal").await;
    assert_eq!(position.expect("readable"), Some(1));

    let schema: arrow::datatypes::Schema = state.schema().as_ref().try_into_arrow().expect("converts");
    let written = physical_schema(Table::Spans);
    let names = |schema: &arrow::datatypes::Schema| -> Vec<_> {
        schema.fields().iter().map(|field| (field.name().clone(), field.is_nullable())).collect()
    };
    assert_eq!(names(&schema), names(&written));

    // Parquet's own names inside lists and maps, which is what the Delta schema calls them too.
    let bytes = fs::File::open(&file.path).expect("there");
    let parquet = parquet::file::reader::SerializedFileReader::new(bytes).expect("a Parquet file");
    let parquet = parquet::file::reader::FileReader::metadata(&parquet)
        .file_metadata()
        .schema_descr()
        .columns()
        .to_vec();
    let paths: Vec<_> = parquet.iter().map(|column| column.path().string()).collect();
    for path in ["attributes.key_value.key", "events.list.element.attributes.key_value.value", "time_nanos"] {
        assert!(paths.iter().any(|found| found == path), "{path} in {paths:?}");
    }
}

#[tokio::test]
async fn a_damaged_newest_commit_is_put_right_from_its_copy() {
    for damaged in [&b""[..], br#"{"commitInfo":{"timestamp""#] {
        let house = House::new();
        let lake = house.open().await;
        lake.append(vec![decisions([1])]).await.expect("kept");
        lake.flush().await.expect("flushes");
        lake.append(vec![decisions([2])]).await.expect("kept");
        lake.flush().await.expect("flushes");
        drop(lake);
        fs::write(house.log_of(Table::Decisions).join("00000000000000000002.json"), damaged).expect("room");

        let lake = house.open().await;
        assert_eq!((lake.stats().quarantined, lake.stats().upkeep.restored_commits), (0, 1));
        assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
        lake.flush().await.expect("flushes");
        drop(lake);
        assert_eq!(numbers(&house.open().await, Table::Decisions), [1, 2]);
    }
}

#[tokio::test]
async fn a_damaged_commit_without_a_copy_is_moved_aside_and_its_rows_come_from_the_log() {
    let house = House::new();
    let lake = house.open().await;
    for number in [1, 2] {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    drop(lake);
    fs::remove_dir_all(house.folder_of(Table::Decisions).join("_commits")).expect("there");
    fs::write(house.log_of(Table::Decisions).join("00000000000000000002.json"), "").expect("room");

    let lake = house.open().await;
    assert_eq!((lake.stats().quarantined, lake.stats().upkeep.restored_commits), (1, 0));
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2], "the log still has them");
    lake.flush().await.expect("flushes");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), [1, 2]);
}

#[tokio::test]
async fn a_hundred_commits_leave_a_checkpoint_and_everything_is_found_behind_it() {
    let house = House::new();
    let lake = house.open().await;
    for number in 1..=101 {
        lake.append(vec![decisions([number * 1_000])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    let mut cold = lake.snapshot(Table::Decisions).cold;
    lake.keep_house(&CancellationToken::new()).await.expect("no damage");
    assert_eq!(lake.stats().upkeep.checkpoints, 1);
    assert!(cold.len() > lake.snapshot(Table::Decisions).cold.len(), "and 32 files were merged before");
    cold = lake.snapshot(Table::Decisions).cold;
    cold.sort_by(|one, other| one.path.cmp(&other.path));
    drop(lake);
    let hint = house.log_of(Table::Decisions).join("_last_checkpoint");
    assert!(hint.exists());

    let check = async || {
        let lake = house.open().await;
        let mut found = lake.snapshot(Table::Decisions).cold;
        found.sort_by(|one, other| one.path.cmp(&other.path));
        assert_eq!(found, cold);
        assert!(lake.snapshot(Table::Decisions).hot.is_empty());
    };
    check().await;
    fs::write(&hint, "{\"version\":9").expect("room");
    check().await;
    let checkpoint = house.log_of(Table::Decisions).join("00000000000000000102.checkpoint.parquet");
    let mut bytes = fs::read(&checkpoint).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&checkpoint, bytes).expect("room");
    check().await;
    assert!(!checkpoint.exists(), "it is moved aside");
}

#[tokio::test]
async fn a_table_that_lacks_a_new_nullable_column_is_widened() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![decisions([1])]).await.expect("kept");
    drop(lake);
    let commit = house.log_of(Table::Decisions).join("00000000000000000000.json");
    let text = fs::read_to_string(&commit).expect("there");
    let column = r#",{\"name\":\"details\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}"#;
    assert!(text.contains(column), "{text}");
    fs::write(&commit, text.replace(column, "")).expect("room");
    fs::remove_dir_all(house.folder_of(Table::Decisions).join("_commits")).expect("there");

    let lake = house.open().await;
    lake.flush().await.expect("flushes");
    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1]);
    let log = fs::read_to_string(house.log_of(Table::Decisions).join("00000000000000000001.json"))
        .expect("widened");
    assert!(log.contains(column), "{log}");
}

#[tokio::test]
async fn a_file_without_a_newer_column_is_read_and_merged_with_null_in_it() {
    let house = House::new();
    let lake = house.open().await;
    for number in 1..=8 {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    let old = lake.snapshot(Table::Decisions).cold[0].clone();
    drop(lake);
    without_column(&old.path, "reason");
    // Its commit must say the new size, and the commit's copy must not put it right.
    let size = fs::metadata(&old.path).expect("there").len();
    let commit = house.log_of(Table::Decisions).join("00000000000000000001.json");
    let text = fs::read_to_string(&commit).expect("there");
    let sizes = |size| format!("\"size\":{size},");
    assert!(text.contains(&sizes(old.size_bytes)), "{text}");
    fs::write(&commit, text.replace(&sizes(old.size_bytes), &sizes(size))).expect("room");
    fs::remove_dir_all(house.folder_of(Table::Decisions).join("_commits")).expect("there");

    let reasons = |lake: &Lake| {
        let batches = read(lake, Table::Decisions);
        let nulls: usize = batches.iter().map(|batch| batch["reason"].null_count()).sum();
        (numbers(lake, Table::Decisions).len(), nulls)
    };
    let lake = house.open().await;
    assert_eq!(lake.stats().upkeep.damaged_files, 0);
    assert_eq!(reasons(&lake), (8, 1));
    lake.keep_house(&CancellationToken::new()).await.expect("merges");
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 1);
    assert_eq!(reasons(&lake), (8, 1));
}

/// As a program wrote it that did not know the column.
fn without_column(path: &Path, column: &str) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).expect("there"));
    let rows: Vec<_> = reader.expect("a Parquet file").build().expect("readable").collect();
    let rows: Vec<_> = rows.into_iter().map(|rows| rows.expect("readable")).collect();
    let keep: Vec<usize> =
        (0..rows[0].num_columns()).filter(|index| rows[0].schema().field(*index).name() != column).collect();
    let schema = Arc::new(rows[0].schema().project(&keep).expect("a column less"));
    let mut writer =
        ArrowWriter::try_new(fs::File::create(path).expect("room"), schema, None).expect("a schema");
    for rows in rows {
        writer.write(&rows.project(&keep).expect("a column less")).expect("room");
    }
    writer.close().expect("room");
}
