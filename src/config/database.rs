//! Where the state of alerting lies, when that is a PostgreSQL: an address as libpq writes it, named where it has a password.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use plimsoll_alerting::Connecting;
use plimsoll_model::TenantName;
use plimsoll_sources::{DatabaseServer, Password, TlsMode, open_session};
use tokio_postgres::config::Host;
use url::Url;

use super::alerting::Alerting;
use super::secrets;

const DEFAULT_PORT: u16 = 5432;

/// What alerting connects by; it is told neither the address nor the password.
#[derive(Clone, Debug)]
pub(super) struct AlertDatabase(DatabaseServer);

impl plimsoll_alerting::DatabaseServer for AlertDatabase {
    fn connect(&self) -> Connecting {
        let server = self.0.clone();
        Box::pin(async move { open_session(&server).await })
    }
}

impl AlertDatabase {
    /// A schema for each tenant: names of tenants need no quoting, and none is another's.
    pub(super) fn of_tenant(self: &Arc<Self>, tenant: &TenantName) -> plimsoll_alerting::Database {
        let schema = format!("plimsoll_{}", tenant.as_str().replace('-', "_"));
        plimsoll_alerting::Database { server: Arc::<Self>::clone(self), schema }
    }
}

/// `database`, `database_env` or `database_file`; `None` for the embedded one.
pub(super) fn read(entry: &Alerting, base: &Path) -> anyhow::Result<Option<AlertDatabase>> {
    let named = secrets::read(
        "alerting.database",
        entry.database_env.as_deref(),
        entry.database_file.as_deref(),
        base,
    )?;
    match (&entry.database, named) {
        (None, None) => Ok(None),
        (Some(_), Some(named)) => bail!("alerting.database is set, and so is {}: keep one", named.place),
        (Some(url), None) => {
            let server = server(url).context("alerting.database")?;
            ensure!(
                server.password.is_none(),
                "alerting.database holds a password, and this file gets into repositories and support tickets: \
                 put the whole address into a file or the environment, and name it by database_file or database_env"
            );
            Ok(Some(AlertDatabase(server)))
        }
        (None, Some(named)) => {
            let first = named.text.lines().next().unwrap_or_default().trim();
            Ok(Some(AlertDatabase(server(first).context(named.place)?)))
        }
    }
}

/// Errors never repeat the address: it may hold the password.
fn server(address: &str) -> anyhow::Result<DatabaseServer> {
    let example = "write it as postgresql://USER@HOST:PORT/DATABASE?sslmode=require";
    let mut url = Url::parse(address).map_err(|_| anyhow::anyhow!("it is no address: {example}"))?;
    ensure!(
        matches!(url.scheme(), "postgresql" | "postgres"),
        "\"{}\" is no database that can be used: {example}",
        url.scheme()
    );
    let (tls, ca) = tls_of(&mut url)?;
    let config: tokio_postgres::Config =
        url.as_str().parse().map_err(|error| anyhow::anyhow!("it can't be used ({error}): {example}"))?;
    let [host] = config.get_hosts() else { bail!("it names no host, or several: {example}") };
    let host = match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    };
    let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
    Ok(DatabaseServer {
        host,
        port: config.get_ports().first().copied().unwrap_or(DEFAULT_PORT),
        database: config.get_dbname().context("it names no database")?.to_owned(),
        user: config.get_user().context("it names no user")?.to_owned(),
        password: password.map(Password::new),
        tls,
        ca,
        connect_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        lock_timeout: Duration::from_secs(5),
    })
}

/// `sslmode` and `sslrootcert`, which are taken out: tokio-postgres knows only some of what libpq does.
fn tls_of(url: &mut Url) -> anyhow::Result<(TlsMode, Option<Vec<u8>>)> {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let of = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mode = match of("sslmode") {
        None | Some("prefer") => TlsMode::Prefer,
        Some("disable") => TlsMode::Disable,
        Some("require") => TlsMode::Require,
        Some("verify-full") => TlsMode::VerifyFull,
        Some(other) => bail!("sslmode={other} is not known: use disable, prefer, require or verify-full"),
    };
    let ca = of("sslrootcert")
        .map(|path| std::fs::read(path).with_context(|| format!("sslrootcert: {path} can't be read")));
    let ca = ca.transpose()?;
    ensure!(
        mode != TlsMode::VerifyFull || ca.is_some(),
        "sslmode=verify-full needs sslrootcert, the file of certificates that the server's is signed by"
    );
    let rest: Vec<_> =
        pairs.iter().filter(|(key, _)| !matches!(key.as_str(), "sslmode" | "sslrootcert")).collect();
    url.set_query(None);
    if !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    Ok((mode, ca))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: &str) -> Alerting {
        Alerting { database: Some(address.to_owned()), ..Alerting::default() }
    }

    #[track_caller]
    fn refused(address: &str) -> String {
        format!("{:#}", read(&entry(address), Path::new("/")).expect_err("refused"))
    }

    #[test]
    fn an_address_is_read_as_libpq_reads_it() {
        let url = "postgresql://plimsoll@db.example:6432/alerts?sslmode=require";
        let AlertDatabase(server) = read(&entry(url), Path::new("/")).expect("valid").expect("named");
        assert_eq!((server.host.as_str(), server.port), ("db.example", 6432));
        assert_eq!((server.user.as_str(), server.database.as_str()), ("plimsoll", "alerts"));
        assert_eq!((server.tls, server.password), (TlsMode::Require, None));
        assert!(read(&Alerting::default(), Path::new("/")).expect("valid").is_none());
    }

    #[test]
    fn a_password_is_named_and_never_written_nor_repeated() {
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("url"), "postgres://plimsoll:hunter2@db/alerts\n")
            .expect("written");
        let named = Alerting { database_file: Some("url".into()), ..Alerting::default() };
        let AlertDatabase(server) = read(&named, folder.path()).expect("valid").expect("named");
        assert_eq!(server.password, Some(Password::new("hunter2".to_owned())));
        assert!(!format!("{server:?}").contains("hunter2"));

        for address in [
            "postgres://plimsoll:hunter2@db/alerts",
            "mysql://plimsoll:hunter2@db/alerts",
            "postgres://plimsoll:hunter2@db/alerts?sslmode=verify-ca",
            "postgres://plimsoll:hunter2@db/alerts?hunter2=yes&application_name=\u{0}",
            "postgres://plimsoll:hunter2@/alerts?sslmode=hunter",
            "postgres:hunter2",
        ] {
            let said = refused(address);
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(refused("postgres://plimsoll:hunter2@db/alerts").contains("database_file"));
        assert!(refused("postgres://db/alerts").contains("names no user"));
        assert!(refused("postgres://u@db/alerts?sslmode=verify-full").contains("sslrootcert"));
    }

    #[test]
    fn two_tenants_have_two_schemas() {
        let url = "postgres://plimsoll@db/alerts";
        let database = Arc::new(read(&entry(url), Path::new("/")).expect("valid").expect("named"));
        let tenant = |name: &str| name.parse::<TenantName>().expect("a name");
        assert_eq!(database.of_tenant(&tenant("default")).schema, "plimsoll_default");
        assert_eq!(database.of_tenant(&tenant("nord-wind")).schema, "plimsoll_nord_wind");
    }
}
