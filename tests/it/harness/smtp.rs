//! A real mail server (`aiosmtpd`) as a child: STARTTLS with its own authority, user name and password required.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use super::python;

#[derive(Debug)]
pub(crate) struct SmtpServer {
    folder: TempDir,
    child: Child,
    port: u64,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl SmtpServer {
    pub(crate) const USER: &str = "plimsoll";
    pub(crate) const PASSWORD: &str = "load line";

    pub(crate) async fn start() -> Self {
        tokio::task::spawn_blocking(Self::spawn).await.expect("the mail server says its port")
    }

    fn spawn() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = python("smtp_server.py");
        command.arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("`make test` makes .venv with Python in it");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let port =
            next(&mut lines).and_then(|line| line["port"].as_u64()).expect("the first line has the port");

        let messages = Arc::new(Mutex::new(Vec::new()));
        let mailbox = Arc::clone(&messages);
        std::thread::spawn(move || {
            while let Some(message) = next(&mut lines) {
                mailbox.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            }
        });
        Self { folder, child, port, messages }
    }

    pub(crate) fn smarthost(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The authority that signed the server's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What was taken so far, oldest first.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        // Already gone is fine too.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The next line of JSON; `None` when the server has ended.
fn next(lines: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut line = String::new();
    lines.read_line(&mut line).ok().filter(|&read| read > 0)?;
    Some(serde_json::from_str(&line).expect("the server prints JSON"))
}
