//! Other people's programs: Python, Node, psql, amtool.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const CURE: &str = "`make test` installs what the product tests need";

/// A script of `tests/clients` in the virtual environment that `make test` made.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(root().join(".venv/bin/python"));
    command.arg(clients().join(script));
    command
}

/// A script of `tests/clients`, with its packages.
pub(crate) fn node(script: &str) -> Command {
    assert!(clients().join("node_modules").is_dir(), "tests/clients/node_modules is missing: {CURE}");
    let mut command = tool("node");
    command.arg(clients().join(script));
    command
}

/// A program of the machine.
pub(crate) fn tool(name: &str) -> Command {
    Command::new(name)
}

/// Runs it to its end, off the runtime's threads; its standard input is empty.
pub(crate) async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    let name = command.get_program().to_string_lossy().into_owned();
    let run = tokio::task::spawn_blocking(move || command.output());
    match run.await.expect("running a program does not panic") {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => panic!("{name} is missing: {CURE}"),
        Err(error) => panic!("{name} can't be started: {error}"),
    }
}

/// Runs it to its end and gives what it printed; a failure of it is the test's.
pub(crate) async fn finish(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = output(command).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("programs print UTF-8")
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clients() -> PathBuf {
    root().join("tests/clients")
}
