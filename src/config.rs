//! `plimsoll.toml`: read once, unknown keys refused, every path made absolute, each room given its own `Config`.

mod alerting;
mod database;
mod defaults;
mod outbound;
mod reload;
mod secrets;
mod simulated;
mod sources;
mod tenants;
mod units;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use plimsoll_model::{Table, TenantName};
use plimsoll_query::View;
use plimsoll_rules::Pack;
use serde::Deserialize;

use alerting::Alerting;
use database::AlertDatabase;
use tenants::TenantEntry;
use units::{Size, Span};

pub(crate) use simulated::RuleFiles;
pub use tenants::Tenant;
pub(crate) use units::duration;

/// The file as it is written. Each room's table is turned into that room's `Config` by a method below.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    data_dir: PathBuf,
    collector: Collector,
    lake: Lake,
    query: Query,
    rules: Rules,
    alerting: Alerting,
    dashboards: Dashboards,
    telemetry: Telemetry,
    #[serde(rename = "sources")]
    source_entries: sources::Sources,
    #[serde(rename = "tenants")]
    tenant_entries: Vec<TenantEntry>,
    /// What the entries say, and the default tenant first.
    #[serde(skip)]
    tenants: Vec<Tenant>,
    /// What the entries say, with their secrets.
    #[serde(skip)]
    sources: Vec<plimsoll_sources::Settings>,
    /// Where the state of alerting lies when it isn't beside the data, with its secrets.
    #[serde(skip)]
    alert_database: Option<Arc<AlertDatabase>>,
    /// Where all this was read, and how it was written there.
    #[serde(skip)]
    written: Option<reload::Written>,
    /// The folder that relative paths start from.
    #[serde(skip)]
    base: PathBuf,
    /// What becomes of notifications; a simulation keeps them.
    #[serde(skip)]
    sending: plimsoll_alerting::Sending,
    /// Whose webhooks are believed.
    #[serde(skip)]
    pagerduty_secrets: Vec<plimsoll_alerting::WebhookSecret>,
    /// Objectives and alerts to load; all when there are none.
    #[serde(skip)]
    only: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Collector {
    grpc: SocketAddr,
    http: SocketAddr,
    max_request: Size,
    max_concurrent_requests: usize,
    redact_attributes: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lake {
    flush_rows: usize,
    flush_age: Span,
    buffer_limit: Size,
    target_file: Size,
    compactions_per_hour: u32,
    vacuum_grace: Span,
    /// By the name of a table.
    retention: BTreeMap<String, Span>,
    log_segment: Size,
    event_window: Span,
    event_ids: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Query {
    postgres: SocketAddr,
    timeout: Span,
    memory_limit: Size,
    spill_limit: Size,
    max_rows: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rules {
    files: Vec<String>,
    packs: Vec<String>,
    skip: Vec<String>,
    calendars: PathBuf,
    interval: Span,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Dashboards {
    listen: SocketAddr,
    public_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Telemetry {
    enabled: bool,
    interval: Span,
}

const MIB: usize = 1024 * 1024;
const SMALLEST_BUFFER: usize = 32 * MIB;

impl Config {
    /// Reads and checks the file. Errors name the file, the line and the cure.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read the configuration {}", file.display()))?;
        let not_valid = || format!("{} is not valid", file.display());
        let mut config: Self = toml::from_str(&text).with_context(not_valid)?;
        config.base = folder_of(file).context("the configuration's folder has no absolute path")?;
        config.written = Some(reload::Written::new(file, &text).with_context(not_valid)?);
        config.check().with_context(not_valid)?;
        config.tenants = tenants::read(&config.tenant_entries, &config.base).with_context(not_valid)?;
        config.pagerduty_secrets = config.read_pagerduty_secrets().with_context(not_valid)?;
        config.sources =
            sources::read(&config.source_entries, &config.tenants, &config.base).with_context(not_valid)?;
        config.alert_database =
            database::read(&config.alerting, &config.base).with_context(not_valid)?.map(Arc::new);
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        for (key, address) in self.listeners() {
            if !address.ip().is_loopback() {
                bail!(
                    "{key} = \"{address}\" listens beyond this machine, which needs tokens and TLS, and this version \
                     has neither: use a loopback address such as 127.0.0.1:{} and put a proxy before it",
                    address.port()
                );
            }
        }
        self.check_lake()?;
        if let Some(unknown) = self.rules.packs.iter().find(|name| Pack::named(name).is_none()) {
            let known = Pack::all().iter().map(|pack| pack.name).collect::<Vec<_>>().join(", ");
            bail!("rules.packs names \"{unknown}\", which is not in this program: there are {known}");
        }
        Ok(())
    }

    #[must_use]
    pub fn listeners(&self) -> [(&'static str, SocketAddr); 4] {
        [
            ("collector.grpc", self.collector.grpc),
            ("collector.http", self.collector.http),
            ("query.postgres", self.query.postgres),
            ("dashboards.listen", self.dashboards.listen),
        ]
    }

    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.base.join(&self.data_dir)
    }

    /// The same configuration with its data elsewhere: `check` must not touch a running server's.
    #[must_use]
    pub fn with_data_dir(mut self, data_dir: PathBuf) -> Self {
        self.data_dir = data_dir;
        self
    }

    /// Where the console shows a tenant's data.
    fn public_url_of(&self, tenant: &TenantName) -> String {
        let url = self.public_url();
        if tenant.is_default() { url } else { format!("{url}/t/{tenant}") }
    }

    #[must_use]
    pub fn public_url(&self) -> String {
        let default = || format!("http://{}", self.dashboards.listen);
        let url = self.dashboards.public_url.clone().unwrap_or_else(default);
        url.trim_end_matches('/').to_owned()
    }

    /// Who has data here, the default tenant first.
    #[must_use]
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// What is fetched. Retries are spread by the process's number: two of ours mustn't try in step.
    #[must_use]
    pub fn sources(&self) -> plimsoll_sources::Config {
        plimsoll_sources::Config {
            data_dir: self.data_dir().join("sources"),
            seed: u64::from(std::process::id()),
            sources: self.sources.clone(),
        }
    }

    /// What is allowed and probably not meant, each with its place and cure.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        sources::warnings(&self.source_entries)
    }

    #[must_use]
    pub fn telemetry_interval(&self) -> Option<Duration> {
        self.telemetry.enabled.then_some(self.telemetry.interval.0)
    }

    #[must_use]
    pub fn evaluation_interval(&self) -> Duration {
        self.rules.interval.0
    }

    #[must_use]
    pub fn flush_age(&self) -> Duration {
        self.lake.flush_age.0
    }

    #[must_use]
    pub fn collector(&self) -> plimsoll_collector::Config {
        plimsoll_collector::Config {
            max_request_bytes: self.collector.max_request.0,
            max_concurrent_requests: self.collector.max_concurrent_requests,
            redactor: plimsoll_collector::Redactor::new(&self.collector.redact_attributes),
            ..plimsoll_collector::Config::default()
        }
    }

    #[must_use]
    pub fn lake(&self, tenant: &TenantName) -> plimsoll_lake::Config {
        // The written limit is what all may take together; a share below this would be all waiting.
        let buffer_limit = self.lake.buffer_limit.0 / self.tenants.len();
        plimsoll_lake::Config {
            data_dir: self.data_dir(),
            tenant: tenant.clone(),
            flush_rows: self.lake.flush_rows,
            flush_age: self.lake.flush_age.0,
            buffer_limit_bytes: buffer_limit.max(SMALLEST_BUFFER.min(self.lake.buffer_limit.0)),
            upkeep: plimsoll_lake::UpkeepConfig {
                target_file_bytes: self.lake.target_file.0 as u64,
                compactions_per_hour: self.lake.compactions_per_hour,
                vacuum_grace: self.lake.vacuum_grace.0,
                retention: self.retention().collect(),
            },
            log_segment_bytes: self.lake.log_segment.0 as u64,
            event_window: self.lake.event_window.0,
            event_ids: self.lake.event_ids,
        }
    }

    /// `check` has refused the names that are no table's.
    fn retention(&self) -> impl Iterator<Item = (Table, Duration)> {
        let named = self.lake.retention.iter();
        named.filter_map(|(name, kept)| Some((Table::from_name(name)?, kept.0)))
    }

    fn check_lake(&self) -> anyhow::Result<()> {
        let unknown = self.lake.retention.keys().find(|name| Table::from_name(name).is_none());
        if let Some(name) = unknown {
            let known = Table::ALL.map(Table::name).join(", ");
            bail!("lake.retention names \"{name}\", which is no table: they are {known}");
        }
        if self.lake.compactions_per_hour == 0 {
            bail!("lake.compactions_per_hour = 0 would leave every flush as a file for ever: use at least 1");
        }
        if self.lake.vacuum_grace.0 < 2 * self.query.timeout.0 {
            bail!(
                "lake.vacuum_grace must be at least twice query.timeout, or a slow query's files are deleted under it"
            );
        }
        Ok(())
    }

    #[must_use]
    pub fn query(&self) -> plimsoll_query::Config {
        plimsoll_query::Config {
            postgres: self.query.postgres,
            timeout: self.query.timeout.0,
            memory_limit_bytes: self.query.memory_limit.0,
            max_rows: self.query.max_rows,
            spill_dir: self.data_dir().join("spill"),
            spill_limit_bytes: self.query.spill_limit.0 as u64,
            views: self
                .packs()
                .flat_map(Pack::views)
                .map(|(name, sql)| View { name: name.into(), sql: sql.into() })
                .collect(),
        }
    }

    /// Expands the globs; a pattern that matches nothing is fine, a plain file that isn't there is not.
    pub fn rules(&self, tenant: &Tenant) -> anyhow::Result<plimsoll_rules::Config> {
        let mut files = Vec::new();
        for pattern in tenant.rules.as_ref().unwrap_or(&self.rules.files) {
            files.extend(self.expand(pattern)?);
        }
        Ok(plimsoll_rules::Config {
            files,
            calendars: Some(self.base.join(&self.rules.calendars)),
            packs: self.packs().collect(),
            skip: self.rules.skip.clone(),
            only: self.only.clone(),
            interval: self.rules.interval.0,
            public_url: self.public_url_of(&tenant.name),
            tenant: tenant.name.clone(),
        })
    }

    /// `check` has refused the names of none.
    pub(crate) fn packs(&self) -> impl Iterator<Item = &'static Pack> {
        self.rules.packs.iter().filter_map(|name| Pack::named(name))
    }

    fn expand(&self, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
        let full = self.base.join(pattern);
        if !pattern.contains(['*', '?', '[']) {
            if !full.exists() {
                bail!("rules.files names {}, which doesn't exist", full.display());
            }
            return Ok(vec![full]);
        }
        let paths = glob::glob(&full.to_string_lossy())
            .with_context(|| format!("rules.files: \"{pattern}\" is not a valid pattern"))?;
        paths.map(|path| path.context("rules.files: a folder can't be read")).collect()
    }
}

/// Absolute before the file's name is cut off: the folder of a bare `plimsoll.toml` would be the empty path.
fn folder_of(file: &Path) -> std::io::Result<PathBuf> {
    let mut folder = std::path::absolute(file)?;
    folder.pop();
    Ok(folder)
}

#[cfg(test)]
mod tests;
