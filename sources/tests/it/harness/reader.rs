//! A reader under test: its sources on a door, stopped and started on the same cursors.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Clock, Intake, SourceStatus, TenantName};
use plimsoll_sources::{Config, DatabaseServer, KindSettings, OdooConfig, Settings, Sources, TlsMode};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Door, Postgres, WallClock};

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) door: Arc<Door>,
    folder: TempDir,
    settings: Settings,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    sources: Arc<Sources>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Reader {
    pub(crate) fn start(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut reader = Self { door: Arc::default(), folder, settings, running: None };
        reader.resume();
        reader
    }

    pub(crate) fn resume(&mut self) {
        let config =
            Config { data_dir: self.folder.path().to_owned(), seed: 1, sources: vec![self.settings.clone()] };
        let door: Arc<dyn Intake> = Arc::<Door>::clone(&self.door);
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let sources = Sources::open(&config, |_| Some(Arc::clone(&door)), clock).expect("valid settings");
        let (sources, stop) = (Arc::new(sources), CancellationToken::new());
        let (running, until) = (Arc::clone(&sources), stop.clone());
        let task = tokio::spawn(async move { running.run(until).await.expect("it ends when it is told to") });
        self.running = Some(Running { sources, stop, task });
    }

    /// As the process stops: what was taken is remembered.
    pub(crate) async fn stop(&mut self) {
        let Running { stop, task, .. } = self.running.take().expect("it runs");
        stop.cancel();
        task.await.expect("it ends well");
    }

    /// As `kill -9` stops it: between any two steps.
    pub(crate) async fn kill(&mut self) {
        let Running { task, .. } = self.running.take().expect("it runs");
        task.abort();
        let ended = task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    }

    pub(crate) fn status(&self) -> SourceStatus {
        let sources = &self.running.as_ref().expect("it runs").sources;
        sources.book(&TenantName::default()).sources(WallClock.now()).remove(0)
    }

    /// How often it looked since it was started.
    pub(crate) fn looks(&self) -> u64 {
        self.running.as_ref().expect("it runs").sources.stats().remove(0).polls.polls
    }
}

impl Drop for Reader {
    #[expect(clippy::print_stderr, reason = "whoever reads a failed test needs the reader's side of it")]
    fn drop(&mut self) {
        if std::thread::panicking() && self.running.is_some() {
            eprintln!("--- the source: {:?}", self.status());
        }
        if let Some(running) = &self.running {
            running.stop.cancel();
        }
    }
}

pub(crate) fn server(postgres: &Postgres, database: &str, user: &str) -> DatabaseServer {
    DatabaseServer {
        host: "127.0.0.1".into(),
        port: postgres.port,
        database: database.into(),
        user: user.into(),
        password: None,
        tls: TlsMode::Prefer,
        ca: None,
        connect_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        lock_timeout: Duration::from_millis(200),
    }
}

/// Quicker than anybody would configure it, so that tests are quick.
pub(crate) fn odoo_settings(postgres: &Postgres, database: &str, user: &str) -> Settings {
    let config = OdooConfig {
        server: server(postgres, database, user),
        interval: Duration::from_millis(200),
        gauges_interval: Duration::from_millis(100),
        backfill: Duration::from_hours(1),
        longest_transaction: Duration::from_mins(15),
    };
    Settings {
        name: "odoo-main".into(),
        tenant: TenantName::default(),
        kind: KindSettings::Odoo(Box::new(config)),
    }
}
