//! `[[sources.logs]]`, `[[sources.redis]]`, `[[sources.scrape]]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use plimsoll_sources::{
    KindSettings, LogFormat, LogsConfig, ModuleTells, RedisConfig, ScrapeConfig, Settings,
};
use serde::Deserialize;
use url::Url;

use super::defaults::{a_second, fifteen_seconds, five_seconds, ten_seconds};
use super::{Size, Span, Tls, at_least, certificates, password, secret, settings};

/// Files that grow.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogsEntry {
    pub(super) name: String,
    #[serde(default)]
    tenant: Option<String>,
    path: String,
    #[serde(default)]
    format: Format,
    #[serde(default = "utc")]
    timezone: String,
    #[serde(default = "a_second")]
    interval: Span,
    #[serde(default)]
    from_beginning: bool,
    module: Option<Module>,
}

/// What the Odoo module tells of the Odoo that writes the files.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Module {
    Absent,
    Events,
    EventsAndSpans,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Odoo,
    Plain,
    Json,
}

/// A Redis.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedisEntry {
    pub(super) name: String,
    #[serde(default)]
    tenant: Option<String>,
    host: String,
    #[serde(default = "redis_port")]
    port: u16,
    user: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default = "no_tls")]
    tls: Tls,
    ca_file: Option<PathBuf>,
    #[serde(default = "fifteen_seconds")]
    interval: Span,
    #[serde(default = "five_seconds")]
    timeout: Span,
}

/// A page of an exporter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScrapeEntry {
    pub(super) name: String,
    #[serde(default)]
    tenant: Option<String>,
    url: String,
    token_env: Option<String>,
    token_file: Option<PathBuf>,
    #[serde(default = "fifteen_seconds")]
    interval: Span,
    #[serde(default = "ten_seconds")]
    timeout: Span,
    #[serde(default = "sixteen_mebibytes")]
    max_size: Size,
    #[serde(default = "fifty_thousand")]
    max_samples: usize,
}

impl LogsEntry {
    /// What is worth a warning: read together with the module, the same thing is told twice.
    pub(super) fn warning(&self) -> Option<&'static str> {
        (matches!(self.format, Format::Odoo) && self.module.is_none()).then_some(
            "module is not said: where the Odoo that writes these files has the Plimsoll module, its scheduled actions, \
             logins and requests come twice. Write module = \"events-and-spans\", \"events\" (the module sends no spans) or \"absent\"",
        )
    }

    pub(super) fn read(&self, base: &Path) -> anyhow::Result<Settings> {
        let timezone = self.timezone.parse().ok().with_context(|| {
            format!("timezone: \"{}\" is no zone: write it like \"Europe/Berlin\" or \"UTC\"", self.timezone)
        })?;
        let config = LogsConfig {
            path: base.join(&self.path).to_string_lossy().into_owned(),
            format: match self.format {
                Format::Odoo => LogFormat::Odoo,
                Format::Plain => LogFormat::Plain,
                Format::Json => LogFormat::Json,
            },
            timezone,
            interval: at_least("interval", self.interval, Duration::from_millis(200))?,
            from_beginning: self.from_beginning,
            module: match self.module {
                None | Some(Module::Absent) => ModuleTells::Nothing,
                Some(Module::Events) => ModuleTells::Events,
                Some(Module::EventsAndSpans) => ModuleTells::EventsAndSpans,
            },
        };
        glob::Pattern::new(&config.path).context("path is no pattern")?;
        settings(&self.name, self.tenant.as_deref(), KindSettings::Logs(config))
    }
}

impl RedisEntry {
    pub(super) fn read(&self, base: &Path) -> anyhow::Result<Settings> {
        ensure!(
            !matches!(self.tls, Tls::Prefer),
            "tls = \"prefer\": a Redis can't be asked whether it offers TLS; write disable, require or verify-full"
        );
        let config = RedisConfig {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            password: password(self.password_env.as_deref(), self.password_file.as_deref(), base)?,
            tls: self.tls.into(),
            ca: certificates(self.tls, self.ca_file.as_deref(), base)?,
            interval: at_least("interval", self.interval, Duration::from_secs(1))?,
            timeout: self.timeout.0,
        };
        settings(&self.name, self.tenant.as_deref(), KindSettings::Redis(config))
    }
}

impl ScrapeEntry {
    pub(super) fn read(&self, base: &Path) -> anyhow::Result<Settings> {
        let url = Url::parse(&self.url).context("url")?;
        ensure!(matches!(url.scheme(), "http" | "https"), "url must begin with http:// or https://");
        ensure!(
            url.password().is_none(),
            "url holds a password, which would be shown: use token_file or token_env"
        );
        let config = ScrapeConfig {
            url: self.url.clone(),
            token: secret("token", self.token_env.as_deref(), self.token_file.as_deref(), base)?,
            interval: at_least("interval", self.interval, Duration::from_secs(1))?,
            timeout: self.timeout.0,
            max_bytes: self.max_size.0,
            max_samples: self.max_samples,
        };
        settings(&self.name, self.tenant.as_deref(), KindSettings::Scrape(config))
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn no_tls() -> Tls {
    Tls::Disable
}

const fn redis_port() -> u16 {
    6379
}

const fn sixteen_mebibytes() -> Size {
    Size(16 << 20)
}

const fn fifty_thousand() -> usize {
    50_000
}
