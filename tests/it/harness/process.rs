//! The real binary as a child: started, asked, stopped, killed, started again on what it left.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ports::Ports;
use super::{Setup, eventually, finish, tool};

/// Generous: a debug build on two cores that are busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
/// What it logs when it listens.
const READY: &str = "ready otlp_grpc=";
/// A port that was free may be taken before the process binds it.
const STARTS: usize = 5;

/// A running Plimsoll; dropping it kills it, and shows its log when the test failed.
#[derive(Debug)]
pub(crate) struct Plimsoll {
    setup: Setup,
    folder: TempDir,
    ports: Ports,
    child: Child,
    /// How often those before it on this folder said that they were ready.
    said_before: usize,
    client: reqwest::Client,
}

impl Plimsoll {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        for _ in 0..STARTS {
            let ports = Ports::free();
            let folder = setup.write(ports);
            let child = spawn(&setup, folder.path());
            let client = reqwest::Client::builder().no_proxy().build().expect("a client without options");
            let mut plimsoll = Self { setup: setup.clone(), folder, ports, child, said_before: 0, client };
            if plimsoll.is_up().await {
                return plimsoll;
            }
            assert!(
                plimsoll.log().contains("is another process using the port?"),
                "serve ended:\n{}",
                plimsoll.log()
            );
        }
        panic!("every port that was free was taken a moment later, {STARTS} times");
    }

    /// `kill -9`: whatever it was doing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// SIGTERM, as systemd stops it; it must end well.
    pub(crate) async fn stop(&mut self) {
        let mut kill = tool("kill");
        kill.args(["-TERM", &self.child.id().to_string()]);
        finish(kill).await;
        let status = self.ended("it stops on SIGTERM", STOPPED_WITHIN).await;
        assert!(status.success(), "serve ended with {status}:\n{}", self.log());
    }

    /// Starts it again on the same folder and ports, without waiting for anything.
    pub(crate) fn spawn_again(&mut self) {
        self.said_before = self.log().matches(READY).count();
        self.child = spawn(&self.setup, self.folder.path());
    }

    /// Starts it again and waits until it says that it is ready.
    pub(crate) async fn resume(&mut self) {
        self.spawn_again();
        assert!(self.is_up().await, "serve ended:\n{}", self.log());
    }

    /// False when the process ended before it was ready.
    async fn is_up(&mut self) -> bool {
        let url = self.console("/-/ready");
        let (client, child, before) = (&self.client, &mut self.child, self.said_before);
        let log = self.folder.path().join("plimsoll.log");
        // Another process may have taken the port meanwhile, and answer in its place.
        let is_ours = || fs::read_to_string(&log).is_ok_and(|log| log.matches(READY).count() > before);
        eventually("the process says that it is ready", READY_WITHIN, async || {
            if child.try_wait().expect("a child can be asked").is_some() {
                return Some(false);
            }
            let answer = client.get(&url).send().await.ok()?;
            (answer.status().is_success() && is_ours()).then_some(true)
        })
        .await
    }

    async fn ended(&mut self, what: &str, limit: Duration) -> ExitStatus {
        let child = &mut self.child;
        eventually(what, limit, async || child.try_wait().expect("a child can be asked")).await
    }

    /// Fails when the process has ended in the meantime.
    pub(crate) fn assert_alive(&mut self) {
        let ended = self.child.try_wait().expect("a child can be asked");
        assert_eq!(ended, None, "the process must live:\n{}", self.log());
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.grpc)
    }

    pub(crate) fn grpc_port(&self) -> u16 {
        self.ports.grpc
    }

    pub(crate) fn http_port(&self) -> u16 {
        self.ports.http
    }

    pub(crate) fn otlp_http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.http)
    }

    pub(crate) fn console(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.console)
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The rows of a statement as JSON objects; an error is the test's.
    pub(crate) async fn sql(&self, statement: &str) -> Vec<Value> {
        let (status, body) = self.ask(statement).await;
        assert_eq!(status, StatusCode::OK, "{statement}\n{body}\n{}", self.log());
        body.as_array().expect("an array of rows").clone()
    }

    /// Like [`Self::sql`], of a process that may not listen yet; whatever it answers must be an answer.
    pub(crate) async fn try_sql(&self, statement: &str) -> Option<Vec<Value>> {
        let request = self.client.post(self.console("/api/v1/sql")).json(&json!({"sql": statement}));
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let body: Value = answer.json().await.expect("a JSON body");
        assert_eq!(status, StatusCode::OK, "{statement}\n{body}\n{}", self.log());
        Some(body.as_array().expect("an array of rows").clone())
    }

    /// The one number in column `n` of the one row.
    pub(crate) async fn number(&self, statement: &str) -> i64 {
        let rows = self.sql(statement).await;
        assert_eq!(rows.len(), 1, "{statement}: {rows:?}");
        rows[0]["n"].as_i64().unwrap_or_else(|| panic!("{statement}: no number n in {}", rows[0]))
    }

    /// Whatever `POST /api/v1/sql` answers, with its media type checked.
    pub(crate) async fn ask(&self, statement: &str) -> (StatusCode, Value) {
        let request = self.client.post(self.console("/api/v1/sql")).json(&json!({"sql": statement}));
        let answer = request.send().await.expect("the console answers");
        let status = answer.status();
        let media_type = answer.headers()[reqwest::header::CONTENT_TYPE].to_str().expect("ASCII").to_owned();
        let expected = if status.is_success() { "application/json" } else { "application/problem+json" };
        assert!(media_type.starts_with(expected), "{statement}: {status} as {media_type}");
        (status, answer.json().await.expect("a JSON body"))
    }

    /// psql, connected, without start-up file; `arguments` say what to ask and how to print it.
    pub(crate) fn psql(&self, arguments: &[&str]) -> Command {
        let mut psql = tool("psql");
        psql.args(["-X", "-w", "-h", "127.0.0.1", "-p", &self.ports.postgres.to_string()]);
        psql.args(["-U", "plimsoll", "-d", "default", "-v", "ON_ERROR_STOP=1"]).args(arguments);
        psql
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("plimsoll.log")).unwrap_or_default()
    }
}

impl Drop for Plimsoll {
    #[expect(clippy::print_stderr, reason = "whoever reads a failed test needs the server's side of it")]
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(80);
            eprintln!("--- the server's log, last lines");
            log.lines().skip(skipped).for_each(|line| eprintln!("{line}"));
        }
    }
}

fn spawn(setup: &Setup, folder: &Path) -> Child {
    let log =
        File::options().create(true).append(true).open(folder.join("plimsoll.log")).expect("a log file");
    let output = log.try_clone().expect("a second handle of a file");
    setup
        .command()
        .args(["serve", "--config"])
        .arg(folder.join("plimsoll.toml"))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(log)
        .spawn()
        .expect("cargo built the binary")
}
