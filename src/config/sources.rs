//! `[[sources.*]]`: what is fetched, from where, and how gently. Passwords are named, never written here.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use plimsoll_model::TenantName;
use plimsoll_sources::{
    DatabaseServer, KindSettings, OdooConfig, Password, PostgresConfig, Settings, TlsMode,
};
use serde::Deserialize;

use super::secrets::{self, Named};
use super::tenants::Tenant;
use super::units::{Size, Span};

mod defaults;
mod platform;

use defaults::{
    a_minute, a_moment, a_quarter, a_second, an_hour, fifteen_seconds, five_seconds, postgres, postgres_port,
    reader, ten_seconds,
};
use platform::{LogsEntry, RedisEntry, ScrapeEntry};

/// Every kind of source as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sources {
    odoo: Vec<OdooEntry>,
    postgres: Vec<PostgresEntry>,
    logs: Vec<LogsEntry>,
    redis: Vec<RedisEntry>,
    scrape: Vec<ScrapeEntry>,
}

/// An Odoo, read in its database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OdooEntry {
    name: String,
    #[serde(default)]
    tenant: Option<String>,
    host: String,
    #[serde(default = "postgres_port")]
    port: u16,
    database: String,
    #[serde(default = "reader")]
    user: String,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    tls: Tls,
    ca_file: Option<PathBuf>,
    #[serde(default = "ten_seconds")]
    connect_timeout: Span,
    #[serde(default = "five_seconds")]
    statement_timeout: Span,
    #[serde(default = "a_moment")]
    lock_timeout: Span,
    #[serde(default = "five_seconds")]
    interval: Span,
    #[serde(default = "a_minute")]
    gauges_interval: Span,
    #[serde(default = "an_hour")]
    backfill: Span,
    #[serde(default = "a_quarter")]
    longest_transaction: Span,
}

/// A PostgreSQL server as such.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PostgresEntry {
    name: String,
    #[serde(default)]
    tenant: Option<String>,
    host: String,
    #[serde(default = "postgres_port")]
    port: u16,
    #[serde(default = "postgres")]
    database: String,
    #[serde(default = "reader")]
    user: String,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    tls: Tls,
    ca_file: Option<PathBuf>,
    #[serde(default = "ten_seconds")]
    connect_timeout: Span,
    #[serde(default = "five_seconds")]
    statement_timeout: Span,
    #[serde(default = "a_moment")]
    lock_timeout: Span,
    #[serde(default = "a_second")]
    interval: Span,
    #[serde(default = "fifteen_seconds")]
    levels_interval: Span,
    #[serde(default = "a_minute")]
    queries_interval: Span,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tls {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyFull,
}

/// All of them, their secrets read.
pub(super) fn read(entries: &Sources, tenants: &[Tenant], base: &Path) -> anyhow::Result<Vec<Settings>> {
    let mut sources = Vec::new();
    for (i, entry) in entries.odoo.iter().enumerate() {
        sources.push(entry.read(base).with_context(|| place("odoo", i, &entry.name))?);
    }
    for (i, entry) in entries.postgres.iter().enumerate() {
        sources.push(entry.read(base).with_context(|| place("postgres", i, &entry.name))?);
    }
    for (i, entry) in entries.logs.iter().enumerate() {
        sources.push(entry.read(base).with_context(|| place("logs", i, &entry.name))?);
    }
    for (i, entry) in entries.redis.iter().enumerate() {
        sources.push(entry.read(base).with_context(|| place("redis", i, &entry.name))?);
    }
    for (i, entry) in entries.scrape.iter().enumerate() {
        sources.push(entry.read(base).with_context(|| place("scrape", i, &entry.name))?);
    }
    let mut known = HashSet::new();
    for source in &sources {
        let (name, tenant) = (&source.name, &source.tenant);
        ensure!(
            is_name(name),
            "sources: \"{name}\" is no name for a source: 1 to 60 of a-z, 0-9, \"-\", \"_\" and \".\""
        );
        ensure!(
            tenants.iter().any(|known| known.name == *tenant),
            "sources: \"{name}\" is for tenant \"{tenant}\", and there is no such tenant: add it to [[tenants]]"
        );
        ensure!(
            known.insert((source.kind.name(), name, tenant)),
            "sources: two of one kind are named \"{name}\": each needs a name of its own"
        );
    }
    Ok(sources)
}

/// What is allowed and probably not meant.
pub(super) fn warnings(entries: &Sources) -> Vec<String> {
    let logs = entries.logs.iter().enumerate();
    logs.filter_map(|(i, entry)| Some(format!("{}: {}", place("logs", i, &entry.name), entry.warning()?)))
        .collect()
}

fn place(kind: &str, i: usize, name: &str) -> String {
    format!("sources.{kind}[{i}] (name = \"{name}\")")
}

/// It becomes a file's name and `service.name`.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=60).contains(&name.len()) && name.bytes().all(is_allowed) && !name.starts_with('.')
}

fn settings(name: &str, tenant: Option<&str>, kind: KindSettings) -> anyhow::Result<Settings> {
    let tenant = tenant.map_or(Ok(TenantName::default()), |name| name.parse().context("tenant"))?;
    Ok(Settings { name: name.to_owned(), tenant, kind })
}

impl OdooEntry {
    fn read(&self, base: &Path) -> anyhow::Result<Settings> {
        let interval = at_least("interval", self.interval, Duration::from_secs(1))?;
        let gauges_interval = at_least("gauges_interval", self.gauges_interval, Duration::from_secs(10))?;
        let config = OdooConfig {
            server: self.server(base)?,
            interval,
            gauges_interval,
            backfill: self.backfill.0,
            longest_transaction: self.longest_transaction.0,
        };
        settings(&self.name, self.tenant.as_deref(), KindSettings::Odoo(Box::new(config)))
    }

    fn server(&self, base: &Path) -> anyhow::Result<DatabaseServer> {
        Ok(DatabaseServer {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            user: self.user.clone(),
            password: password(self.password_env.as_deref(), self.password_file.as_deref(), base)?,
            tls: self.tls.into(),
            ca: certificates(self.tls, self.ca_file.as_deref(), base)?,
            connect_timeout: self.connect_timeout.0,
            statement_timeout: self.statement_timeout.0,
            lock_timeout: self.lock_timeout.0,
        })
    }
}

impl PostgresEntry {
    fn read(&self, base: &Path) -> anyhow::Result<Settings> {
        let config = PostgresConfig {
            server: self.server(base)?,
            interval: at_least("interval", self.interval, Duration::from_secs(1))?,
            levels_interval: at_least("levels_interval", self.levels_interval, Duration::from_secs(5))?,
            queries_interval: at_least("queries_interval", self.queries_interval, Duration::from_secs(10))?,
        };
        settings(&self.name, self.tenant.as_deref(), KindSettings::Postgres(Box::new(config)))
    }

    fn server(&self, base: &Path) -> anyhow::Result<DatabaseServer> {
        Ok(DatabaseServer {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            user: self.user.clone(),
            password: password(self.password_env.as_deref(), self.password_file.as_deref(), base)?,
            tls: self.tls.into(),
            ca: certificates(self.tls, self.ca_file.as_deref(), base)?,
            connect_timeout: self.connect_timeout.0,
            statement_timeout: self.statement_timeout.0,
            lock_timeout: self.lock_timeout.0,
        })
    }
}

impl From<Tls> for TlsMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Disable => Self::Disable,
            Tls::Prefer => Self::Prefer,
            Tls::Require => Self::Require,
            Tls::VerifyFull => Self::VerifyFull,
        }
    }
}

/// The first line of what is named. Errors name the place and never what stands there.
fn password(env: Option<&str>, file: Option<&Path>, base: &Path) -> anyhow::Result<Option<Password>> {
    secret("password", env, file, base)
}

fn secret(
    key: &str,
    env: Option<&str>,
    file: Option<&Path>,
    base: &Path,
) -> anyhow::Result<Option<Password>> {
    let Some(Named { place, text }) = secrets::read(key, env, file, base)? else { return Ok(None) };
    let first = text.lines().next().unwrap_or_default().to_owned();
    ensure!(!first.is_empty(), "{place} is empty");
    Ok(Some(Password::new(first)))
}

fn certificates(tls: Tls, file: Option<&Path>, base: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = file.map(|path| base.join(path)) else {
        ensure!(
            !matches!(tls, Tls::VerifyFull),
            "tls = \"verify-full\" needs ca_file, the certificates that the server's is signed by"
        );
        return Ok(None);
    };
    let pem = std::fs::read(&path).with_context(|| format!("ca_file: {} can't be read", path.display()))?;
    let has_certificate = pem.windows(27).any(|line| line == b"-----BEGIN CERTIFICATE-----");
    ensure!(has_certificate, "ca_file: {} holds no certificate in PEM", path.display());
    Ok(Some(pem))
}

fn at_least(key: &str, span: Span, least: Duration) -> anyhow::Result<Duration> {
    ensure!(
        span.0 >= least,
        "{key} is shorter than {} s, which would load what it looks at",
        least.as_secs()
    );
    Ok(span.0)
}

/// Every key that an entry may have, as serde knows them: what the shipped example has to explain.
#[cfg(test)]
pub(super) fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    for kind in ["odoo", "postgres", "logs", "redis", "scrape"] {
        let unknown = format!("[[{kind}]]\nno_such_key = 1\n");
        let error = toml::from_str::<Sources>(&unknown).expect_err("an unknown key").to_string();
        let (_, expected) = error.split_once("expected one of ").expect("serde lists them");
        keys.extend(expected.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    keys.retain(|key| !key.ends_with("_env"));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> anyhow::Result<Vec<Settings>> {
        #[derive(Deserialize)]
        struct File {
            sources: Sources,
        }
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("password"), "s3cret-of-the-reader\n")?;
        std::fs::write(folder.path().join("empty"), "\n")?;
        let file: File = toml::from_str(text)?;
        read(&file.sources, &[Tenant::default()], folder.path())
    }

    fn odoo(rest: &str) -> String {
        format!("[[sources.odoo]]\nname = \"main\"\nhost = \"db\"\ndatabase = \"prod\"\n{rest}\n")
    }

    #[test]
    fn the_smallest_odoo_has_every_default_and_its_password_is_printed_nowhere() {
        let sources = read_all(&odoo("password_file = \"password\"")).expect("valid");
        let KindSettings::Odoo(config) = &sources[0].kind else { panic!("an Odoo") };
        assert_eq!((config.server.port, config.server.user.as_str()), (5432, "plimsoll"));
        assert_eq!(config.interval, Duration::from_secs(5));
        assert!(config.server.password.is_some());
        assert!(!format!("{sources:?}").contains("s3cret"));
    }

    #[test]
    fn what_can_not_be_is_named_with_its_cure() {
        for (text, told) in [
            (odoo("password = \"inline\""), "unknown field"),
            (odoo("password_file = \"empty\""), "is empty"),
            (odoo("password_file = \"absent\""), "can't be read"),
            (odoo("password_file = \"password\"\npassword_env = \"HOME\""), "both set"),
            (odoo("tls = \"verify-full\""), "needs ca_file"),
            (odoo("tls = \"full\""), "verify-full"),
            (odoo("ca_file = \"password\""), "holds no certificate"),
            (odoo("interval = \"100ms\""), "interval is shorter than 1 s"),
            (odoo("interval = \"5\""), "\"90s\""),
            (odoo("tenant = \"acme\""), "no such tenant"),
            (odoo("") + &odoo(""), "two of one kind"),
            (odoo("").replace("\"main\"", "\"../main\""), "no name for a source"),
            (
                "[[sources.logs]]\nname = \"a\"\npath = \"log/*.log\"\ntimezone = \"Berlin\"".to_owned(),
                "Europe/Berlin",
            ),
            (
                "[[sources.redis]]\nname = \"a\"\nhost = \"x\"\ntls = \"prefer\"".to_owned(),
                "disable, require",
            ),
            (
                "[[sources.redis]]\nname = \"a\"\nhost = \"x\"\ntls = \"verify-full\"".to_owned(),
                "needs ca_file",
            ),
            ("[[sources.scrape]]\nname = \"a\"\nurl = \"ftp://x\"".to_owned(), "http://"),
            ("[[sources.scrape]]\nname = \"a\"\nurl = \"http://u:s3cret@x\"".to_owned(), "token_file"),
            ("[[sources.oddo]]\n".to_owned(), "unknown field"),
        ] {
            let error = format!("{:#}", read_all(&text).expect_err(&text));
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
