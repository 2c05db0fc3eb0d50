//! One connection, asked one thing at a time. Every statement runs in a read-only transaction with its own limits, set
//! by `SET LOCAL`, so that a pooler between us and the server changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use plimsoll_model::{Clock, Timestamp};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{FromSqlOwned, ToSql, Type};
use tokio_postgres::{Client, Config};

use super::trouble::{Kind, Trouble};
use crate::config::{DatabaseServer, TlsMode};
use crate::tls::Tls;

/// Beyond the server's own limit, for an answer that is on its way; then the server is taken for dead.
const GRACE: Duration = Duration::from_secs(5);

/// A server that is gone without a word is noticed after three of these.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A parameter with its type: statements are sent without being prepared, which poolers understand.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// An open connection; dropping it ends the session.
pub(crate) struct Connection {
    client: Client,
    task: JoinHandle<()>,
    clock: Arc<dyn Clock>,
    statement_timeout: Duration,
    lock_timeout: Duration,
    /// A transaction was begun and not ended: an error or a stop came between.
    is_unfinished: AtomicBool,
    pub(crate) server: ServerFacts,
}

/// What is true of a server until the connection ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerFacts {
    /// 150018 for 15.18.
    pub(crate) version: i32,
    pub(crate) user: String,
    pub(crate) database: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    pub(crate) async fn open(server: &DatabaseServer, clock: &Arc<dyn Clock>) -> Result<Self, Trouble> {
        let connecting = connect(server, Arc::clone(clock));
        let mut connection = limited(clock, server.connect_timeout, "connecting", connecting).await??;
        let facts = "SELECT current_setting('server_version_num')::int4, current_user::text, current_database()::text";
        let row = connection.within(&[facts]).await?.remove(0);
        let fact =
            row.first().ok_or_else(|| Trouble::new(Kind::Other, "the server says nothing about itself"))?;
        connection.server = ServerFacts { version: fact.get(0)?, user: fact.get(1)?, database: fact.get(2)? };
        Ok(connection)
    }

    pub(crate) const fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Statements without parameters, in one transaction, all seeing the same moment.
    pub(crate) async fn within(&self, statements: &[&str]) -> Result<Vec<Vec<Row>>, Trouble> {
        let reading = self.begin(self.statement_timeout).await?;
        let mut answers = Vec::with_capacity(statements.len());
        for statement in statements {
            answers.push(reading.ask(statement, &[]).await?);
        }
        reading.end().await?;
        Ok(answers)
    }

    /// Begins a transaction in which everything sees the same moment; each statement may take this long.
    pub(crate) async fn begin(&self, statement_timeout: Duration) -> Result<Reading<'_>, Trouble> {
        let rollback = if self.is_unfinished.swap(true, Relaxed) { "ROLLBACK; " } else { "" };
        let begin = format!(
            "{rollback}BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = '15s'",
            statement_timeout.as_millis(),
            self.lock_timeout.as_millis()
        );
        let reading = Reading { connection: self, statement_timeout };
        reading.run(&begin).await?;
        Ok(reading)
    }
}

/// A transaction. When it isn't ended, the next one rolls it back.
pub(crate) struct Reading<'a> {
    connection: &'a Connection,
    statement_timeout: Duration,
}

impl Reading<'_> {
    pub(crate) async fn ask(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Trouble> {
        let asking = self.connection.client.query_typed(sql, parameters);
        let limit = self.statement_timeout + GRACE;
        let rows = limited(&self.connection.clock, limit, "a statement", asking).await??;
        Ok(rows.into_iter().map(Row).collect())
    }

    pub(crate) async fn end(self) -> Result<(), Trouble> {
        self.run("COMMIT").await?;
        self.connection.is_unfinished.store(false, Relaxed);
        Ok(())
    }

    async fn run(&self, sql: &str) -> Result<(), Trouble> {
        let running = self.connection.client.batch_execute(sql);
        let limit = self.statement_timeout + GRACE;
        Ok(limited(&self.connection.clock, limit, "a statement", running).await??)
    }
}

/// A row of an answer: columns are read by position, and a wrong type is our mistake, told as trouble.
#[derive(Debug)]
pub(crate) struct Row(tokio_postgres::Row);

impl Row {
    pub(crate) fn get<T: FromSqlOwned>(&self, column: usize) -> Result<T, Trouble> {
        self.0.try_get(column).map_err(|error| {
            let name = self.0.columns().get(column).map_or("?", |column| column.name());
            Trouble::new(Kind::Other, format!("column {name} is not what it should be: {error}"))
        })
    }

    /// Microseconds since 1970, as statements give times.
    pub(crate) fn time(&self, column: usize) -> Result<Option<Timestamp>, Trouble> {
        Ok(self.get::<Option<i64>>(column)?.map(from_micros))
    }
}

pub(crate) fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_nanos(micros.saturating_mul(1_000))
}

async fn connect(server: &DatabaseServer, clock: Arc<dyn Clock>) -> Result<Connection, Trouble> {
    let (client, carried) = session(server).await?;
    Ok(Connection {
        client,
        task: tokio::spawn(carried),
        clock,
        statement_timeout: server.statement_timeout,
        lock_timeout: server.lock_timeout,
        is_unfinished: AtomicBool::new(false),
        server: ServerFacts::default(),
    })
}

/// A session, and what carries it until it ends, for whoever has a database of its own: none of the timeouts in `server`
/// is applied. The error never shows the password.
pub async fn open_session(server: &DatabaseServer) -> Result<(Client, BoxFuture<'static, ()>), String> {
    session(server).await.map_err(|trouble| trouble.message)
}

async fn session(server: &DatabaseServer) -> Result<(Client, BoxFuture<'static, ()>), Trouble> {
    let mut config = Config::new();
    config.host(&server.host).port(server.port).dbname(&server.database).user(&server.user);
    config.application_name("plimsoll").keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE);
    config.tcp_user_timeout(KEEPALIVE * 3);
    config.ssl_mode(match server.tls {
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
    });
    if let Some(password) = &server.password {
        config.password(password.reveal());
    }
    let tls = Tls::new(server.tls, server.ca.as_deref())
        .map_err(|message| Trouble::new(Kind::Connection, message))?;
    let (client, connection) = config.connect(tls).await?;
    let carried = async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    };
    Ok((client, carried.boxed()))
}

async fn limited<T>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Trouble> {
    tokio::select! {
        done = work => Ok(done),
        () = clock.sleep(limit) => {
            let message = format!("{what} took longer than {} s: the server or the way to it doesn't answer", limit.as_secs());
            Err(Trouble::new(Kind::Connection, message))
        }
    }
}
