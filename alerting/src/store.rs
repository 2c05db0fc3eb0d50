//! The store: embedded SQLite in `alerting.db`. Alerts, groups, incidents, what each integration was last told, and
//! the outbox live in one file, so that a decision and the row that delivers it are one transaction.
//!
//! One connection writes and one reads (WAL mode lets them work side by side); a commit returns after its fsync.

mod alerts;
mod groups;
mod outbox;
mod schema;
mod silences;
mod sql;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;
use tokio::sync::Semaphore;

pub(crate) use groups::{GroupRow, Incident, LogRow};
pub(crate) use outbox::{OutboxRow, Outcome};
use sql::Sql;

use crate::AlertingError;

const FILE: &str = "alerting.db";

#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    /// One writer at a time: the others wait as tasks and don't hold threads.
    turn: Arc<Semaphore>,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Self, AlertingError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| AlertingError::Folder { path: folder.to_owned(), source })?;
        let path = folder.join(FILE);
        let mut writer = Connection::open(&path)?;
        schema::prepare(&mut writer)?;
        let reader = Connection::open(&path)?;
        reader.busy_timeout(schema::BUSY_TIMEOUT)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Runs `work` in one transaction, off the async threads. What it wrote is on the disk when this returns `Ok`, and
    /// not at all otherwise.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StoreTransaction<'_>) -> Result<T, AlertingError> + Send + 'static,
    ) -> Result<T, AlertingError> {
        let _turn = self.turn.acquire().await.map_err(|_| AlertingError::Stopped)?;
        let writer = Arc::clone(&self.writer);
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&StoreTransaction { sql: Sql::Sqlite(&transaction) })?;
            transaction.commit()?;
            Ok(result)
        });
        task.await.map_err(|_| AlertingError::Stopped)?
    }

    fn read<T>(&self, work: impl FnOnce(Sql<'_>) -> Result<T, AlertingError>) -> Result<T, AlertingError> {
        work(Sql::Sqlite(&self.reader.lock().unwrap_or_else(PoisonError::into_inner)))
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
