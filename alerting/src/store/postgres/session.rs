//! One session: its statements are prepared once, and each is waited for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, try_join_all};
use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::{Carrier, LONGEST_ANSWER};
use crate::AlertingError;
use crate::store::sql::SqlValue;

/// A server that hangs, and a process of ours that does, must not hold anything for longer.
const SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s';
     SET idle_in_transaction_session_timeout = '10s'; SET standard_conforming_strings = on;
     SET client_min_messages = warning;";

/// Statements that are sent before the first answer is read.
const MOST_UNDER_WAY: usize = 500;

pub(in crate::store) struct Session {
    client: Arc<Client>,
    carrier: Arc<Carrier>,
    carried: AbortHandle,
    statements: Mutex<HashMap<String, Statement>>,
    /// Whether it has the lock that tells others that the leader lives.
    is_marked_alive: AtomicBool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.carried.abort();
    }
}

impl Session {
    pub(super) fn new(client: Client, carried: BoxFuture<'static, ()>, carrier: &Arc<Carrier>) -> Self {
        let runtime = carrier.0.as_ref().expect("taken only when dropped");
        Self {
            client: Arc::new(client),
            carrier: Arc::clone(carrier),
            carried: runtime.spawn(carried).abort_handle(),
            statements: Mutex::default(),
            is_marked_alive: AtomicBool::new(false),
        }
    }

    /// Its limits, and the schema in which every name is looked up.
    pub(super) fn prepare(&self, schema: &str) -> Result<(), AlertingError> {
        let schema = schema.replace('"', "");
        self.run(SETTINGS)?;
        // Two processes that start at once would both find it missing.
        self.run(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtext('plimsoll schema'));
             CREATE SCHEMA IF NOT EXISTS \"{schema}\"; COMMIT; SET search_path TO \"{schema}\""
        ))
    }

    pub(in crate::store) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(in crate::store) fn is_marked_alive(&self) -> bool {
        self.is_marked_alive.load(Ordering::Acquire)
    }

    pub(in crate::store) fn mark_alive(&self, marked: bool) {
        self.is_marked_alive.store(marked, Ordering::Release);
    }

    /// Statements without parameters or rows.
    pub(in crate::store) fn run(&self, statements: &str) -> Result<(), AlertingError> {
        let (client, statements) = (Arc::clone(&self.client), statements.to_owned());
        self.wait(async move { client.batch_execute(&statements).await })
    }

    pub(in crate::store) fn execute(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<u64, AlertingError> {
        let statement = self.prepared(statement)?;
        let (client, values) = (Arc::clone(&self.client), values.to_vec());
        self.wait(async move { client.execute(&statement, &as_parameters(&values)).await })
    }

    pub(in crate::store) fn execute_many(
        &self,
        statement: &str,
        mut rows: Vec<Vec<SqlValue>>,
    ) -> Result<(), AlertingError> {
        let statement = self.prepared(statement)?;
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(MOST_UNDER_WAY));
            let (client, statement) = (Arc::clone(&self.client), statement.clone());
            self.wait(async move {
                let parameters: Vec<_> = rows.iter().map(|values| as_parameters(values)).collect();
                let sent = parameters.iter().map(|values| client.execute(&statement, values));
                try_join_all(sent).await.map(drop)
            })?;
            rows = rest;
        }
        Ok(())
    }

    pub(in crate::store) fn query(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Row>, AlertingError> {
        let statement = self.prepared(statement)?;
        let (client, values) = (Arc::clone(&self.client), values.to_vec());
        self.wait(async move { client.query(&statement, &as_parameters(&values)).await })
    }

    fn prepared(&self, text: &str) -> Result<Statement, AlertingError> {
        let known = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known().get(text) {
            return Ok(statement.clone());
        }
        let (client, translated) = (Arc::clone(&self.client), as_postgres(text));
        let statement = self.wait(async move { client.prepare(&translated).await })?;
        known().insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    fn wait<T: Send + 'static>(
        &self,
        asked: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, AlertingError> {
        self.carrier.wait(LONGEST_ANSWER, asked)?.map_err(|error| AlertingError::Database(said(&error)))
    }
}

fn as_parameters(values: &[SqlValue]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// `?1` is `$1` here; no statement has a question mark anywhere else.
fn as_postgres(statement: &str) -> String {
    statement.replace('?', "$")
}

/// What the server said, without the row that it said it about.
pub(super) fn said(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().to_owned();
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
