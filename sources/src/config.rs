//! Settings, as values: `src/` reads the file and hands them down.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_model::TenantName;

/// Everything that is to be fetched.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Cursors are kept here, a folder for each tenant.
    pub data_dir: PathBuf,
    /// Of the spread of retries.
    pub seed: u64,
    pub sources: Vec<Settings>,
}

/// One source.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Unique for a tenant and kind; it becomes `service.name` and a file's name.
    pub name: String,
    pub tenant: TenantName,
    pub kind: KindSettings,
}

#[derive(Clone, Debug)]
pub enum KindSettings {
    Odoo(Box<OdooConfig>),
    Postgres(Box<PostgresConfig>),
    Logs(LogsConfig),
    Redis(RedisConfig),
    Scrape(ScrapeConfig),
}

/// A PostgreSQL server, and how gently it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseServer {
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Option<Password>,
    pub tls: TlsMode,
    /// Certificates in PEM that a server's must be signed by; without it those of the public authorities.
    pub ca: Option<Vec<u8>>,
    pub connect_timeout: Duration,
    pub statement_timeout: Duration,
    pub lock_timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Disable,
    /// If the server offers it; its certificate is not checked.
    Prefer,
    /// Or no connection. Its certificate is checked only against a CA file.
    Require,
    /// Or no connection, and the certificate must be the host's.
    VerifyFull,
}

/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    #[must_use]
    pub fn new(password: String) -> Self {
        Self(password)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// `[[sources.odoo]]`
#[derive(Clone, Debug)]
pub struct OdooConfig {
    pub server: DatabaseServer,
    /// How often events are looked for.
    pub interval: Duration,
    /// How often levels are measured.
    pub gauges_interval: Duration,
    /// How far back a first start begins.
    pub backfill: Duration,
    /// How long what an open transaction may still write holds the watermark back.
    pub longest_transaction: Duration,
}

/// `[[sources.postgres]]`
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    pub server: DatabaseServer,
    /// How often one looks who waits for whom.
    pub interval: Duration,
    /// How often the server's levels and counts are read.
    pub levels_interval: Duration,
    /// How often the costliest statements are told.
    pub queries_interval: Duration,
}

/// `[[sources.logs]]`
#[derive(Clone, Debug)]
pub struct LogsConfig {
    /// A pattern of files; an absolute path.
    pub path: String,
    pub format: LogFormat,
    /// Of times that carry none.
    pub timezone: chrono_tz::Tz,
    pub interval: Duration,
    /// A first start reads what is there already.
    pub from_beginning: bool,
    /// What the Odoo module tells of the Odoo that writes these files: not told a second time from here.
    pub module: ModuleTells,
}

/// How much the Odoo module says of what stands in a log as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModuleTells {
    /// It isn't there.
    #[default]
    Nothing,
    /// Scheduled actions and logins.
    Events,
    /// Requests as well, as spans.
    EventsAndSpans,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Of Odoo 16 to 19; records may have several lines.
    Odoo,
    /// A line is a record.
    Plain,
    /// A line is an object.
    Json,
}

/// `[[sources.redis]]`
#[derive(Clone, Debug)]
pub struct RedisConfig {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Password>,
    /// Anything but [`TlsMode::Disable`] is TLS from the first byte on: Redis can't be asked whether it offers it.
    pub tls: TlsMode,
    /// As of a [`DatabaseServer`].
    pub ca: Option<Vec<u8>>,
    pub interval: Duration,
    pub timeout: Duration,
}

/// `[[sources.scrape]]`
#[derive(Clone, Debug)]
pub struct ScrapeConfig {
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Password>,
    pub interval: Duration,
    pub timeout: Duration,
    pub max_bytes: usize,
    pub max_samples: usize,
}
