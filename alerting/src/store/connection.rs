//! One connection to whichever database it is, and how a transaction begins and ends there.

use std::path::Path;
use std::sync::Arc;

use rusqlite::TransactionBehavior;

use super::lease::Lease;
use super::postgres::{self, Carrier, Database, Session};
use super::schema;
use super::sql::Sql;
use crate::AlertingError;

const FILE: &str = "alerting.db";

#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Connection),
}

/// One that writes and one that reads; the file and its tables are made if they aren't there.
pub(super) fn open_sqlite(folder: &Path) -> Result<(Connection, Connection), AlertingError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| AlertingError::Folder { path: folder.to_owned(), source })?;
    let path = folder.join(FILE);
    let mut writer = rusqlite::Connection::open(&path)?;
    schema::prepare(&mut writer)?;
    let reader = rusqlite::Connection::open(&path)?;
    reader.busy_timeout(schema::BUSY_TIMEOUT)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok((Connection::Sqlite(writer), Connection::Sqlite(reader)))
}

/// Nothing is connected yet: a server that is away must not keep the process from starting.
pub(super) fn of_database(database: &Database) -> Result<(Connection, Connection), AlertingError> {
    let carrier = Carrier::start()?;
    let connection =
        || Connection::Postgres(postgres::Connection::new(database.clone(), Arc::clone(&carrier)));
    Ok((connection(), connection()))
}

impl Connection {
    pub(super) fn transact<T>(
        &mut self,
        lease: &Lease,
        work: impl FnOnce(Sql<'_>) -> Result<T, AlertingError>,
    ) -> Result<T, AlertingError> {
        match self {
            Self::Sqlite(connection) => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let result = work(Sql::Sqlite(&transaction))?;
                transaction.commit()?;
                Ok(result)
            }
            Self::Postgres(connection) => {
                if !lease.leads() && !connection.transact(|session| lease.seek(session))? {
                    return Err(AlertingError::StandsBy);
                }
                connection.transact(|session| {
                    lease.fence(session)?;
                    work(Sql::Postgres(session))
                })
            }
        }
    }

    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(Sql<'_>) -> Result<T, AlertingError>,
    ) -> Result<T, AlertingError> {
        match self {
            Self::Sqlite(connection) => work(Sql::Sqlite(connection)),
            Self::Postgres(connection) => work(Sql::Postgres(connection.session()?)),
        }
    }

    pub(super) fn seek(&mut self, lease: &Lease) -> Result<bool, AlertingError> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(connection) => connection.transact(|session: &Session| lease.seek(session)),
        }
    }

    pub(super) fn covers_a_send(&mut self, lease: &Lease) -> Result<bool, AlertingError> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(connection) => lease.covers_a_send(connection.session()?),
        }
    }
}
