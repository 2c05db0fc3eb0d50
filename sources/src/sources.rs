//! All sources of the process: opened together, run together, awaited together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Clock, Intake, SourceBook, SourceKind, TenantName};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::{self, Book, Line, SourceStats};
use crate::config::{Config, KindSettings, LogFormat, Settings};
use crate::cursor::CursorFile;
use crate::logs::LogReader;
use crate::odoo::OdooReader;
use crate::otlp::Origin;
use crate::platform::PlatformReader;
use crate::redis::RedisReader;
use crate::runner::{Jitter, Runner};
use crate::scrape::ScrapeReader;
use crate::source::Source;

/// Why the sources can't be opened; what goes wrong later is in their status.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    #[error("source \"{name}\": there is no tenant \"{tenant}\"")]
    NoSuchTenant { name: String, tenant: TenantName },
    #[error("source \"{name}\": its cursor can't be read")]
    Cursor { name: String, source: std::io::Error },
    #[error("source \"{name}\": {message}")]
    Settings { name: String, message: String },
    #[error("the reader of a source panicked")]
    Panicked(#[from] tokio::task::JoinError),
    #[error("the reader of a source ended without being told to")]
    Ended,
}

/// Every source with its status; [`Self::run`] reads them.
#[derive(Debug)]
pub struct Sources {
    runners: tokio::sync::Mutex<Vec<Runner>>,
    lines: Arc<[Arc<Line>]>,
    clock: Arc<dyn Clock>,
}

impl Sources {
    /// `door` gives a tenant's intake, if there is such a tenant. Calls nobody yet.
    pub fn open(
        config: &Config,
        door: impl Fn(&TenantName) -> Option<Arc<dyn Intake>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourcesError> {
        let mut runners = Vec::with_capacity(config.sources.len());
        for settings in &config.sources {
            let intake = door(&settings.tenant).ok_or_else(|| SourcesError::NoSuchTenant {
                name: settings.name.clone(),
                tenant: settings.tenant.clone(),
            })?;
            runners.push(open(settings, config, intake, &clock)?);
        }
        let lines = runners.iter().map(|runner| Arc::clone(&runner.line)).collect();
        Ok(Self { runners: tokio::sync::Mutex::new(runners), lines, clock })
    }

    /// What a tenant's table of sources is made of.
    #[must_use]
    pub fn book(&self, tenant: &TenantName) -> Arc<dyn SourceBook> {
        let lines = self.lines.iter().filter(|line| line.tenant() == tenant);
        Arc::new(Book(lines.map(Arc::clone).collect()))
    }

    #[must_use]
    pub fn stats(&self) -> Vec<SourceStats> {
        board::stats(&self.lines, self.clock.as_ref())
    }

    /// Until `stop`, and until every reader has ended. What they took is durable and remembered then.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), SourcesError> {
        let mut tasks = JoinSet::new();
        for runner in self.runners.lock().await.drain(..) {
            tasks.spawn(runner.run(stop.clone()));
        }
        if tasks.is_empty() {
            stop.cancelled().await;
        }
        while let Some(ended) = tasks.join_next().await {
            ended?;
            if !stop.is_cancelled() {
                return Err(SourcesError::Ended);
            }
        }
        Ok(())
    }
}

fn open(
    settings: &Settings,
    config: &Config,
    intake: Arc<dyn Intake>,
    clock: &Arc<dyn Clock>,
) -> Result<Runner, SourcesError> {
    let kind = settings.kind.of();
    let cursor = cursor_file(&config.data_dir, settings, kind);
    let remembered =
        cursor.load().map_err(|source| SourcesError::Cursor { name: settings.name.clone(), source })?;
    let opened = reader(settings, remembered, clock)
        .map_err(|message| SourcesError::Settings { name: settings.name.clone(), message })?;
    let line = Line::new(
        &settings.name,
        kind,
        &settings.tenant,
        settings.kind.signals(),
        settings.kind.interval(),
        clock.now(),
    );
    Ok(Runner {
        source: opened,
        origin: Origin { service: settings.name.clone(), kind },
        intake,
        cursor,
        line: Arc::new(line),
        clock: Arc::clone(clock),
        interval: settings.kind.interval(),
        jitter: Jitter::seeded(config.seed, &settings.name),
    })
}

fn cursor_file(data_dir: &Path, settings: &Settings, kind: SourceKind) -> CursorFile {
    let folder = data_dir.join(settings.tenant.as_str());
    CursorFile::at(folder.join(format!("{}-{}.json", kind.as_str(), settings.name)))
}

fn reader(
    settings: &Settings,
    remembered: Option<serde_json::Value>,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Source>, String> {
    Ok(match &settings.kind {
        KindSettings::Odoo(config) => {
            Box::new(OdooReader::new((**config).clone(), remembered, Arc::clone(clock))?)
        }
        KindSettings::Postgres(config) => {
            Box::new(PlatformReader::new((**config).clone(), Arc::clone(clock)))
        }
        KindSettings::Logs(config) => {
            Box::new(LogReader::new(&settings.name, config.clone(), remembered, Arc::clone(clock))?)
        }
        KindSettings::Redis(config) => {
            Box::new(RedisReader::new(&settings.name, config.clone(), remembered, Arc::clone(clock))?)
        }
        KindSettings::Scrape(config) => Box::new(ScrapeReader::new(config.clone(), Arc::clone(clock))?),
    })
}

impl KindSettings {
    /// As in `[[sources.NAME]]`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.of().as_str()
    }

    const fn of(&self) -> SourceKind {
        match self {
            Self::Odoo(_) => SourceKind::Odoo,
            Self::Postgres(_) => SourceKind::Postgres,
            Self::Logs(_) => SourceKind::Logs,
            Self::Redis(_) => SourceKind::Redis,
            Self::Scrape(_) => SourceKind::Scrape,
        }
    }

    const fn signals(&self) -> &'static [&'static str] {
        match self {
            Self::Odoo(_) => &["business_events", "metrics"],
            Self::Postgres(_) | Self::Redis(_) => &["logs", "metrics"],
            Self::Logs(config) => match config.format {
                LogFormat::Odoo => &["logs", "business_events", "traces"],
                LogFormat::Plain | LogFormat::Json => &["logs"],
            },
            Self::Scrape(_) => &["metrics"],
        }
    }

    const fn interval(&self) -> Duration {
        match self {
            Self::Odoo(config) => config.interval,
            Self::Postgres(config) => config.interval,
            Self::Logs(config) => config.interval,
            Self::Redis(config) => config.interval,
            Self::Scrape(config) => config.interval,
        }
    }
}
