//! The store: alerts, groups, incidents, what each integration was last told, and the outbox lie in one database, so
//! that a decision and the row that delivers it are one transaction. It is SQLite in `alerting.db`, or PostgreSQL.
//!
//! One connection writes and one reads, side by side; a transaction that returned is on the disk. In PostgreSQL it has
//! also been fenced: only the process that has the lease writes.

mod alerts;
mod connection;
mod escalations;
mod groups;
mod incidents;
mod lease;
mod outbound;
mod outbox;
mod postgres;
mod schema;
mod silences;
mod sql;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Semaphore;

pub(crate) use escalations::{AuditRow, Told, Work};
pub(crate) use groups::{Followed, GroupRow, Incident, LogRow};
pub(crate) use incidents::{IncidentRow, LinkRow};
pub(crate) use outbox::{OutboxRow, Outcome};
pub use postgres::{Connecting, Database, DatabaseServer};

use crate::AlertingError;
#[cfg(test)]
pub(crate) use schema::FIRST_FORMAT;

use connection::Connection;
use lease::Lease;
use sql::Sql;

#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    lease: Arc<Lease>,
    /// Whether other processes may have the same state.
    is_shared: bool,
    /// One writer at a time: the others wait as tasks and don't hold threads.
    turn: Arc<Semaphore>,
}

impl Store {
    /// SQLite in `folder`, which is opened now, or a database, which is reached when it is there.
    pub(crate) fn open(folder: &Path, database: Option<&Database>) -> Result<Self, AlertingError> {
        let (writer, reader) = match database {
            None => connection::open_sqlite(folder)?,
            Some(database) => connection::of_database(database)?,
        };
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            lease: Arc::new(Lease::new(database.is_none())),
            is_shared: database.is_some(),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Runs `work` in one transaction, off the async threads. What it wrote is on the disk when this returns `Ok`, and
    /// not at all otherwise.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StoreTransaction<'_>) -> Result<T, AlertingError> + Send + 'static,
    ) -> Result<T, AlertingError> {
        let lease = Arc::clone(&self.lease);
        self.write(move |writer| writer.transact(&lease, |sql| work(&StoreTransaction { sql }))).await
    }

    /// Runs `work`, which only reads, beside whoever writes, also where this process stands by.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StoreTransaction<'_>) -> Result<T, AlertingError> + Send + 'static,
    ) -> Result<T, AlertingError> {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || store.read(|sql| work(&StoreTransaction { sql })));
        task.await.map_err(|_| AlertingError::Stopped)?
    }

    /// Whether this process is the one that decides and sends; renews or takes the lease on the way.
    pub(crate) async fn seek_lease(&self) -> Result<bool, AlertingError> {
        if !self.is_shared {
            return Ok(true);
        }
        let lease = Arc::clone(&self.lease);
        self.write(move |writer| writer.seek(&lease)).await
    }

    /// The same, without a renewal: asked before each pass.
    pub(crate) async fn decides(&self) -> Result<bool, AlertingError> {
        Ok(self.lease.leads() || self.seek_lease().await?)
    }

    /// As of the last time that it was asked.
    pub(crate) fn leads(&self) -> bool {
        self.lease.leads()
    }

    /// How often this process became the one that decides.
    pub(crate) fn times_taken(&self) -> u64 {
        self.lease.taken()
    }

    /// Whether a send that begins now ends before another process may send the same.
    pub(crate) async fn covers_a_send(&self) -> Result<bool, AlertingError> {
        if !self.is_shared {
            return Ok(true);
        }
        let (reader, lease) = (Arc::clone(&self.reader), Arc::clone(&self.lease));
        let task = tokio::task::spawn_blocking(move || {
            reader.lock().unwrap_or_else(PoisonError::into_inner).covers_a_send(&lease)
        });
        let covered = task.await.map_err(|_| AlertingError::Stopped)??;
        Ok(covered || self.seek_lease().await?)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, AlertingError> + Send + 'static,
    ) -> Result<T, AlertingError> {
        let _turn = self.turn.acquire().await.map_err(|_| AlertingError::Stopped)?;
        let writer = Arc::clone(&self.writer);
        let task = tokio::task::spawn_blocking(move || {
            work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner))
        });
        task.await.map_err(|_| AlertingError::Stopped)?
    }

    fn read<T>(&self, work: impl FnOnce(Sql<'_>) -> Result<T, AlertingError>) -> Result<T, AlertingError> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).read(work)
    }
}

/// The store within one transaction; each part has its methods in a file of its own.
#[derive(Debug)]
pub(crate) struct StoreTransaction<'c> {
    sql: Sql<'c>,
}

fn to_json<T: Serialize>(value: &T) -> Result<String, AlertingError> {
    Ok(serde_json::to_string(value)?)
}
