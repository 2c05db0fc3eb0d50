//! The folder that a process is started in: `plimsoll.toml`, rules, routing.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use toml::{Table, Value};

use super::ports::Ports;

/// Nobody is told, so that tests of other rooms need no receiver.
const QUIET: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

/// Changes to the smallest configuration; every other key keeps its default.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    settings: Vec<(String, Value)>,
    files: Vec<(String, String)>,
    launcher: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        // Our own telemetry would be rows that a test did not send.
        Self { settings: Vec::new(), files: Vec::new(), launcher: Vec::new() }
            .set("telemetry.enabled", false)
            .file("alertmanager.yml", QUIET)
    }
}

impl Setup {
    /// A key of `plimsoll.toml` with its table: `lake.flush_age`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.push((key.to_owned(), value.into()));
        self
    }

    /// A file beside `plimsoll.toml`; the last one of a name counts.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// A program that is given ours and its arguments, and becomes it.
    pub(crate) fn started_by(mut self, launcher: &[&str]) -> Self {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The binary, behind its launcher.
    pub(super) fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_plimsoll");
        let Some((program, arguments)) = self.launcher.split_first() else { return Command::new(binary) };
        let mut command = Command::new(program);
        command.args(arguments).arg(binary);
        command
    }

    pub(crate) fn write(&self, ports: Ports) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for (path, text) in &self.files {
            write(&folder.path().join(path), text);
        }
        write(&folder.path().join("plimsoll.toml"), &self.configuration(ports).to_string());
        folder
    }

    fn configuration(&self, ports: Ports) -> Table {
        let mut configuration = Table::new();
        let listeners = [
            ("collector.grpc", ports.grpc),
            ("collector.http", ports.http),
            ("query.postgres", ports.postgres),
            ("dashboards.listen", ports.console),
        ];
        for (key, port) in listeners {
            put(&mut configuration, key, format!("127.0.0.1:{port}").into());
        }
        for (key, value) in &self.settings {
            put(&mut configuration, key, value.clone());
        }
        configuration
    }
}

fn put(configuration: &mut Table, key: &str, value: Value) {
    let Some((table, key)) = key.split_once('.') else {
        configuration.insert(key.to_owned(), value);
        return;
    };
    let table = configuration.entry(table).or_insert_with(|| Value::Table(Table::new()));
    table.as_table_mut().expect("a dotted key names a table").insert(key.to_owned(), value);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}
