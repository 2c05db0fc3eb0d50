//! The store: embedded SQLite in `alerting.db`. Alerts, groups, incidents, what each integration was last told, and
//! the outbox live in one file, so that a decision and the row that delivers it are one transaction.
//!
//! One connection writes and one reads (WAL mode lets them work side by side); a commit returns after its fsync.

mod alerts;
mod groups;
mod outbox;
mod schema;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

pub(crate) use groups::{GroupRow, Incident, LogRow};
pub(crate) use outbox::{OutboxRow, Outcome};

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
            let transaction = StoreTransaction { transaction };
            let result = work(&transaction)?;
            transaction.transaction.commit()?;
            Ok(result)
        });
        task.await.map_err(|_| AlertingError::Stopped)?
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, AlertingError>,
    ) -> Result<T, AlertingError> {
        work(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The store within one transaction; its methods stand in `alerts`, `groups` and `outbox`.
#[derive(Debug)]
pub(crate) struct StoreTransaction<'c> {
    transaction: Transaction<'c>,
}

fn to_json<T: Serialize>(value: &T) -> Result<String, AlertingError> {
    Ok(serde_json::to_string(value)?)
}

/// A JSON column; what doesn't parse is reported as that column's fault.
fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
