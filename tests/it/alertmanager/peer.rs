//! The real Alertmanager as a child process, alone (no cluster), on a free port.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{closed_port, eventually, tool};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STARTS: usize = 5;

/// Dropping it kills it, and shows its log when the test failed.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Peer {
    pub(super) async fn start(routing: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client without options");
        for _ in 0..STARTS {
            let mut peer = Self::spawn(routing);
            let is_up = eventually("Alertmanager is ready", READY_WITHIN, async || {
                if peer.child.try_wait().expect("a child can be asked").is_some() {
                    return Some(false);
                }
                let answer = client.get(peer.url("/-/ready")).send().await.ok()?;
                answer.status().is_success().then_some(true)
            });
            if is_up.await {
                return peer;
            }
            assert!(peer.log().contains("address already in use"), "Alertmanager ended:\n{}", peer.log());
        }
        panic!("every port that was free was taken a moment later, {STARTS} times");
    }

    fn spawn(routing: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("alertmanager.yml"), routing).expect("writable");
        let port = closed_port();
        let log = File::create(path("log")).expect("writable");
        let mut command = tool("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", path("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", path("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().expect("prometheus-alertmanager: make test installs it");
        Self { child, folder, port }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Peer {
    #[expect(clippy::print_stderr, reason = "whoever reads a failed test needs the other side of it")]
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(20);
            eprintln!("--- Alertmanager's log, last lines");
            log.lines().skip(skipped).for_each(|line| eprintln!("{line}"));
        }
    }
}
