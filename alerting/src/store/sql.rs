//! SQL as every database behind the store understands it: one text of each statement, values and rows in few types.
//!
//! A statement is written once, in the part that SQLite and PostgreSQL share:
//! - parameters are `?1`, `?2`, ...; every one is used, and each stands for values of one type;
//! - whole numbers are 64 bits, flags are 0 and 1 (`WHERE is_resolved = 1`), moments are nanoseconds since 1970;
//! - `INSERT INTO t (columns) ... ON CONFLICT (key) DO UPDATE SET c = excluded.c` or `DO NOTHING`, never `INSERT OR`;
//! - a key that the database makes comes back by `RETURNING`; there is no implicit rowid;
//! - a sum of whole numbers is `CAST(sum(n) AS BIGINT)`, since PostgreSQL makes decimals of them;
//! - `ORDER BY` of a column that may be NULL says where those go (`n IS NULL, n`): the two disagree;
//! - text sorts by its bytes in both.

use plimsoll_model::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::de::DeserializeOwned;

use super::postgres::Session;
use crate::AlertingError;

/// A parameter or a column's value. Flags are whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SqlValue {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// `values![id, at, None::<i64>]`: a statement's parameters, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::SqlValue::from($value)),*]
    };
}
pub(super) use values;

/// Where statements run: within a transaction, or on the connection that only reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sql<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c Session),
}

impl Sql<'_> {
    /// How many rows it changed.
    pub(super) fn execute(&self, statement: &str, values: &[SqlValue]) -> Result<u64, AlertingError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(statement)?;
                Ok(statement.execute(rusqlite::params_from_iter(values))? as u64)
            }
            Self::Postgres(session) => session.execute(statement, values),
        }
    }

    /// The same statement with each of these values, in their order; in PostgreSQL without waiting in between.
    pub(super) fn execute_many(
        &self,
        statement: &str,
        rows: Vec<Vec<SqlValue>>,
    ) -> Result<(), AlertingError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(statement)?;
                for values in &rows {
                    statement.execute(rusqlite::params_from_iter(values))?;
                }
                Ok(())
            }
            Self::Postgres(session) => session.execute_many(statement, rows),
        }
    }

    /// Every row, read as it comes.
    pub(super) fn all<T>(
        &self,
        statement: &str,
        values: &[SqlValue],
        mut read: impl FnMut(&SqlRow<'_>) -> Result<T, AlertingError>,
    ) -> Result<Vec<T>, AlertingError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(statement)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(read(&SqlRow::Sqlite(row))?);
                }
                Ok(found)
            }
            Self::Postgres(session) => {
                session.query(statement, values)?.iter().map(|row| read(&SqlRow::Postgres(row))).collect()
            }
        }
    }

    /// The first row, if there is one.
    pub(super) fn first<T>(
        &self,
        statement: &str,
        values: &[SqlValue],
        read: impl FnOnce(&SqlRow<'_>) -> Result<T, AlertingError>,
    ) -> Result<Option<T>, AlertingError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(statement)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                rows.next()?.map(|row| read(&SqlRow::Sqlite(row))).transpose()
            }
            Self::Postgres(session) => {
                let rows = session.query(statement, values)?;
                rows.first().map(|row| read(&SqlRow::Postgres(row))).transpose()
            }
        }
    }

    /// The one value of a statement that always gives one, such as a count.
    pub(super) fn single<T: FromSql>(
        &self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<T, AlertingError> {
        let found = self.first(statement, values, |row| row.at(0))?;
        found.ok_or_else(|| AlertingError::Column { column: "0".to_owned(), found: "no row" })
    }
}

/// A row while it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum SqlRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl SqlRow<'_> {
    pub(super) fn get<T: FromSql>(&self, column: &str) -> Result<T, AlertingError> {
        let value = match self {
            Self::Sqlite(row) => SqlValue::from(row.get_ref(column)?),
            Self::Postgres(row) => row.try_get(column).map_err(unreadable)?,
        };
        read_as(value, column)
    }

    /// By its place, from 0.
    pub(super) fn at<T: FromSql>(&self, place: usize) -> Result<T, AlertingError> {
        let value = match self {
            Self::Sqlite(row) => SqlValue::from(row.get_ref(place)?),
            Self::Postgres(row) => row.try_get(place).map_err(unreadable)?,
        };
        read_as(value, &place.to_string())
    }

    /// A column of text that holds JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, AlertingError> {
        Ok(serde_json::from_str(&self.get::<String>(column)?)?)
    }
}

fn unreadable(error: tokio_postgres::Error) -> AlertingError {
    AlertingError::Database(error.to_string())
}

fn read_as<T: FromSql>(value: SqlValue, column: &str) -> Result<T, AlertingError> {
    let found = value.kind();
    T::from_sql(value).ok_or_else(|| AlertingError::Column { column: column.to_owned(), found })
}

/// What a column can be read as; `None` when it holds something else.
pub(super) trait FromSql: Sized {
    fn from_sql(value: SqlValue) -> Option<Self>;
}

impl FromSql for i64 {
    fn from_sql(value: SqlValue) -> Option<Self> {
        if let SqlValue::Int(number) = value { Some(number) } else { None }
    }
}

impl FromSql for u32 {
    fn from_sql(value: SqlValue) -> Option<Self> {
        i64::from_sql(value)?.try_into().ok()
    }
}

impl FromSql for u64 {
    fn from_sql(value: SqlValue) -> Option<Self> {
        i64::from_sql(value)?.try_into().ok()
    }
}

impl FromSql for bool {
    fn from_sql(value: SqlValue) -> Option<Self> {
        Some(i64::from_sql(value)? != 0)
    }
}

impl FromSql for f64 {
    fn from_sql(value: SqlValue) -> Option<Self> {
        if let SqlValue::Float(number) = value { Some(number) } else { None }
    }
}

impl FromSql for String {
    fn from_sql(value: SqlValue) -> Option<Self> {
        if let SqlValue::Text(text) = value { Some(text) } else { None }
    }
}

impl FromSql for Vec<u8> {
    fn from_sql(value: SqlValue) -> Option<Self> {
        if let SqlValue::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl FromSql for Timestamp {
    fn from_sql(value: SqlValue) -> Option<Self> {
        Some(Self::from_nanos(i64::from_sql(value)?))
    }
}

impl<T: FromSql> FromSql for Option<T> {
    fn from_sql(value: SqlValue) -> Option<Self> {
        if value == SqlValue::Null { Some(None) } else { T::from_sql(value).map(Some) }
    }
}

impl SqlValue {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a fraction",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

impl From<i64> for SqlValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for SqlValue {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for SqlValue {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<f64> for SqlValue {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for SqlValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for SqlValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Timestamp> for SqlValue {
    fn from(moment: Timestamp) -> Self {
        Self::Int(moment.nanos())
    }
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<ValueRef<'_>> for SqlValue {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Real(number) => Self::Float(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

impl rusqlite::ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Float(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
