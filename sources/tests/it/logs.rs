//! Log files as Odoo and logrotate treat them: renamed, truncated, cut in the middle of a line, with tracebacks.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, LogFormat, LogsConfig, ModuleTells, Settings};
use tempfile::TempDir;

use crate::harness::{Reader, eventually};

fn settings(folder: &Path, format: LogFormat, from_beginning: bool) -> Settings {
    let config = LogsConfig {
        path: folder.join("*.log*").to_string_lossy().into_owned(),
        format,
        timezone: chrono_tz::Europe::Berlin,
        interval: Duration::from_millis(50),
        module: ModuleTells::Nothing,
        from_beginning,
    };
    Settings { name: "odoo-log".into(), tenant: TenantName::default(), kind: KindSettings::Logs(config) }
}

/// The log of a running program, which keeps its file open over a rename.
struct Log {
    folder: TempDir,
    file: File,
    written: u32,
}

impl Log {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = append(&folder.path().join("odoo.log"));
        Self { folder, file, written: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn line(&mut self) {
        let i = self.written;
        self.written += 1;
        writeln!(self.file, "2026-11-21 10:00:00,{:03} 7 INFO o18 odoo.test: line {i} ", i % 1_000)
            .expect("written");
    }

    fn raw(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).expect("written");
    }

    fn reopen(&mut self) {
        self.file = append(&self.path("odoo.log"));
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a file")
}

fn bodies(reader: &Reader) -> Vec<String> {
    let mut bodies: Vec<String> = reader
        .door
        .records()
        .into_iter()
        .filter(|record| record.name.is_empty())
        .map(|record| record.body)
        .collect();
    bodies.retain(|body| body.starts_with("line "));
    bodies
}

async fn everything_once(reader: &Reader, log: &Log) {
    let expected: Vec<String> = (0..log.written).map(|i| format!("line {i}")).collect();
    eventually("every line is read", async || (bodies(reader).len() >= expected.len()).then_some(())).await;
    let mut read = bodies(reader);
    read.sort_by_key(|body| body.trim_start_matches("line ").parse::<u32>().ok());
    assert_eq!(read, expected, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_loses_nothing_also_while_the_reader_is_away() {
    let mut log = Log::new();
    log.line();
    let mut reader = Reader::start(settings(log.folder.path(), LogFormat::Odoo, true));
    for round in 0..4 {
        (0..50).for_each(|_| log.line());
        if round % 2 == 0 {
            reader.stop().await;
        }
        fs::rename(log.path("odoo.log"), log.path(&format!("odoo.log.{round}"))).expect("renamed");
        // The program goes on writing into the renamed file until it is told.
        (0..20).for_each(|_| log.line());
        log.reopen();
        (0..20).for_each(|_| log.line());
        if round % 2 == 0 {
            reader.resume();
        }
        fs::write(log.path(&format!("old.log.{round}.gz")), b"\x1f\x8bpacked").expect("written");
    }
    everything_once(&reader, &log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_begins_anew() {
    let mut log = Log::new();
    let reader = Reader::start(settings(log.folder.path(), LogFormat::Odoo, true));
    for _ in 0..3 {
        (0..40).for_each(|_| log.line());
        everything_once(&reader, &log).await;
        // copytruncate: the copy is somewhere else, and the program's next line stands at the beginning.
        log.file.set_len(0).expect("truncated");
    }
    (0..5).for_each(|_| log.line());
    everything_once(&reader, &log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_read_when_it_is_whole_and_a_traceback_is_one_record() {
    let mut log = Log::new();
    let reader = Reader::start(settings(log.folder.path(), LogFormat::Odoo, true));
    log.raw("2026-07-01 12:00:00,500 9 ERROR o18 odoo.http: Exception during req");
    eventually("it looked", async || (reader.looks() > 5).then_some(())).await;
    assert!(reader.door.records().is_empty());
    log.raw("uest handling. \nTraceback (most recent call last):\n  File \"x.py\", line 1\npsycopg2.errors.LockNotAvailable: no\n");
    log.line();
    let record = eventually("the record", async || reader.door.records().into_iter().next()).await;
    assert!(
        record.body.starts_with("Exception during request handling.")
            && record.body.ends_with("LockNotAvailable: no")
    );
    assert_eq!((record.get("error.type"), record.severity.as_str()), ("LockNotAvailable", "ERROR"));
    assert_eq!(record.time, 1_782_900_000_500_000_000, "Berlin is two hours ahead in July");
    assert_eq!(record.get("process.pid"), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_begins_at_the_end_and_a_missing_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = Reader::start(settings(folder.path(), LogFormat::Plain, false));
    eventually("it is failing", async || (reader.status().state == SourceState::Failing).then_some(())).await;
    assert!(reader.status().last_error.expect("a reason").contains("no file is named"));

    let mut log = Log::new();
    log.line();
    let reader = Reader::start(settings(log.folder.path(), LogFormat::Plain, false));
    eventually("it is well", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    log.raw("{\"what\": 1}\n");
    let record = eventually("the new line", async || reader.door.records().pop()).await;
    assert_eq!((record.body.as_str(), reader.door.records().len()), ("{\"what\": 1}", 1));
}

/// logrotate's copytruncate, while the reader is away: what was written last stands only in the copy.
#[tokio::test(flavor = "multi_thread")]
async fn what_stands_only_in_the_copy_of_a_truncated_file_is_read_there_and_the_rest_of_it_is_not() {
    let mut log = Log::new();
    let mut reader = Reader::start(settings(log.folder.path(), LogFormat::Odoo, true));
    for round in 0..3 {
        (0..40).for_each(|_| log.line());
        everything_once(&reader, &log).await;
        reader.stop().await;
        (0..15).for_each(|_| log.line());
        fs::copy(log.path("odoo.log"), log.path(&format!("odoo.log.{round}"))).expect("copied");
        log.file.set_len(0).expect("truncated");
        (0..5).for_each(|_| log.line());
        reader.resume();
        everything_once(&reader, &log).await;
    }
}

/// What real servers wrote, version by version: every line is understood, and what it means is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_all_four_versions_mean_the_same() {
    for (version, starts, failures, kills) in [(16, 4, 1, 0), (17, 4, 1, 0), (18, 5, 1, 6), (19, 5, 1, 0)] {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = crate::harness::root().join(format!("tests/data/odoo/odoo-{version}.0.log"));
        let text = fs::read_to_string(sample).expect("a sample");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("---")).collect();
        fs::write(folder.path().join("odoo.log"), lines.join("\n") + "\n").expect("written");
        let reader = Reader::start(settings(folder.path(), LogFormat::Odoo, true));
        let heads = lines.iter().filter(|line| line.starts_with("2026-11-21 0")).count();
        let plain =
            || reader.door.records().into_iter().filter(|record| record.name.is_empty()).collect::<Vec<_>>();
        eventually(&format!("{version}: every record"), async || (plain().len() >= heads).then_some(()))
            .await;
        assert_eq!(plain().len(), heads, "{version}");
        assert!(
            plain().iter().all(|record| !record.get("odoo.logger").is_empty()),
            "{version}: every head is understood"
        );
        let of = |name: &str, outcome: &str| {
            reader
                .door
                .events(name)
                .into_iter()
                .filter(|event| event.get("business.outcome") == outcome)
                .count()
        };
        let counts = (
            of("odoo.ir.cron.started", "ok"),
            of("odoo.ir.cron.done", "failed"),
            of("odoo.worker.killed", "failed"),
        );
        println!("{version}: {counts:?}, {} spans", reader.door.spans());
        assert!(counts.0 >= starts, "{version}: {counts:?}");
        assert_eq!(counts.1, failures, "{version}");
        assert!(counts.2 >= kills, "{version}: {counts:?}");
        assert!(of("odoo.transaction.retried", "ok") >= 2, "{version}");
        assert!(reader.door.spans() > 3, "{version}");
        let requests = plain().into_iter().filter(|record| !record.get("http.route").is_empty()).count();
        assert_eq!(requests, reader.door.spans(), "{version}");
        let queries: Vec<String> = plain()
            .into_iter()
            .map(|record| record.body)
            .filter(|body| body.starts_with("bad query"))
            .collect();
        assert!(
            !queries.is_empty() && queries.iter().all(|body| !body.contains("2026-11-21")),
            "{queries:?}"
        );
    }
}
