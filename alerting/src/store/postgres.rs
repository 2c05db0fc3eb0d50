//! The store in PostgreSQL: one schema for each tenant, the same statements as in SQLite.
//!
//! Whoever asks may stand in an async task or a thread of its own, and the sessions need a runtime: they live on one
//! that the store has for itself, with one thread. Each statement is waited for within a limit, so a server that does
//! not answer costs seconds and says so. A session that broke is replaced at the next use, after a pause that grows.

mod session;
mod values;

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::runtime::Runtime;
use tokio_postgres::Client;

pub(super) use session::Session;

use super::schema;
use crate::AlertingError;

/// Beyond the server's own limit on a statement.
const LONGEST_ANSWER: Duration = Duration::from_secs(15);
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A session, and the future that carries it until it ends. An error never shows a password.
pub type Connecting = BoxFuture<'static, Result<(Client, BoxFuture<'static, ()>), String>>;

/// A way to a PostgreSQL server: who connects knows the address, the password and the TLS, and tells nobody.
pub trait DatabaseServer: std::fmt::Debug + Send + Sync {
    fn connect(&self) -> Connecting;
}

/// Where the state lies when it isn't in the data folder.
#[derive(Clone, Debug)]
pub struct Database {
    pub server: Arc<dyn DatabaseServer>,
    /// The tenant's own: no two share one.
    pub schema: String,
}

/// The runtime that carries the sessions.
#[derive(Debug)]
pub(super) struct Carrier(Option<Runtime>);

impl Carrier {
    pub(super) fn start() -> Result<Arc<Self>, AlertingError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("alert-store").enable_all().build();
        let runtime = runtime.map_err(|error| AlertingError::Database(error.to_string()))?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// Blocks the calling thread, and no longer than the limit.
    fn wait<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, AlertingError> {
        let runtime = self.0.as_ref().expect("taken only when dropped");
        let (done, answer) = mpsc::sync_channel(1);
        let task = runtime.spawn(async move {
            // Nobody waits any more when the limit has passed.
            done.send(work.await).ok();
        });
        answer.recv_timeout(limit).map_err(|_| {
            task.abort();
            AlertingError::Database(format!("no answer within {} s", limit.as_secs()))
        })
    }
}

impl Drop for Carrier {
    /// Sessions end with it; waiting for them here could block an async thread.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A session when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    database: Database,
    carrier: Arc<Carrier>,
    session: Option<Session>,
    /// When the last attempt failed: until when no other is made, after which pause, and what was said.
    failed: Option<(Instant, Duration, String)>,
}

impl Connection {
    pub(super) const fn new(database: Database, carrier: Arc<Carrier>) -> Self {
        Self { database, carrier, session: None, failed: None }
    }

    /// The open session, or a new one on a schema that is up to date.
    pub(super) fn session(&mut self) -> Result<&Session, AlertingError> {
        if self.session.as_ref().is_none_or(Session::is_closed) {
            self.session = None;
            self.session = Some(self.connect()?);
        }
        Ok(self.session.as_ref().expect("just made"))
    }

    fn connect(&mut self) -> Result<Session, AlertingError> {
        if let Some((until, _, error)) = &self.failed
            && Instant::now() < *until
        {
            return Err(AlertingError::Database(error.clone()));
        }
        match self.open() {
            Ok(session) => {
                self.failed = None;
                Ok(session)
            }
            Err(error) => {
                let pause = self.failed.as_ref().map_or(FIRST_PAUSE, |(_, pause, _)| *pause * 2);
                let pause = pause.min(LONGEST_PAUSE);
                let said = match &error {
                    AlertingError::Database(said) => said.clone(),
                    other => other.to_string(),
                };
                self.failed = Some((Instant::now() + pause, pause, said));
                Err(error)
            }
        }
    }

    fn open(&self) -> Result<Session, AlertingError> {
        let connecting = self.database.server.connect();
        let connected = self.carrier.wait(LONGEST_CONNECT, connecting)?;
        let (client, carried) = connected.map_err(AlertingError::Database)?;
        let session = Session::new(client, carried, &self.carrier);
        session.prepare(&self.database.schema)?;
        schema::prepare_postgres(&session)?;
        Ok(session)
    }

    /// `work` between BEGIN and COMMIT, or without effect.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Session) -> Result<T, AlertingError>,
    ) -> Result<T, AlertingError> {
        let session = self.session()?;
        session.run("BEGIN")?;
        let result = match work(session) {
            Ok(result) => session.run("COMMIT").map(|()| result),
            Err(error) => session.run("ROLLBACK").and(Err(error)),
        };
        // Whatever went wrong with the server, the next transaction begins on a session that is certainly clean.
        if matches!(result, Err(AlertingError::Database(_))) {
            self.session = None;
        }
        result
    }
}
