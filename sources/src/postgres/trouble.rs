//! What can go wrong between us and a PostgreSQL, in words that say what to do; never with a value out of its data.

use tokio_postgres::error::SqlState;

use crate::source::FetchError;

/// What it means for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The connection is of no use any more.
    Connection,
    /// The statement took longer than it may.
    Timeout,
    /// A lock or the standby's recovery stood in the way: later it will go.
    Conflict,
    /// A right, a table or a column is missing: what was found out about the schema is out of date.
    Schema,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) const fn ends_the_connection(&self) -> bool {
        matches!(self.kind, Kind::Connection)
    }
}

impl From<Trouble> for FetchError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.message)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return Self::new(Kind::Connection, without_source(&error));
        };
        let code = said.code();
        let (kind, cure) = cure(code);
        let message = if tells_no_data(code) { said.message().trim() } else { "a statement failed" };
        let cure = cure.map(|cure| format!("; {cure}")).unwrap_or_default();
        Self::new(kind, format!("{message} (SQLSTATE {}){cure}", code.code()))
    }
}

fn without_source(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn cure(code: &SqlState) -> (Kind, Option<&'static str>) {
    if *code == SqlState::QUERY_CANCELED {
        (Kind::Timeout, Some("statement_timeout is the limit that was configured"))
    } else if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        (
            Kind::Conflict,
            Some("on a standby, hot_standby_feedback = on or a longer max_standby_streaming_delay helps"),
        )
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        (Kind::Conflict, Some("somebody holds a lock on the whole table, such as a migration"))
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE
        || *code == SqlState::UNDEFINED_TABLE
        || *code == SqlState::UNDEFINED_COLUMN
        || *code == SqlState::UNDEFINED_FUNCTION
    {
        (Kind::Schema, None)
    } else if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        (Kind::Connection, Some("check user, password and pg_hba.conf"))
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (Kind::Connection, Some("check the name of the database"))
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (
            Kind::Connection,
            Some(
                "the role needs one connection that others don't take: ALTER ROLE ... CONNECTION LIMIT, or a larger max_connections",
            ),
        )
    } else if is_of_class(code, &["08", "28", "3D", "53", "57", "58", "XX"]) {
        (Kind::Connection, None)
    } else {
        (Kind::Other, None)
    }
}

/// Classes whose messages name objects and limits, not rows.
fn tells_no_data(code: &SqlState) -> bool {
    is_of_class(code, &["08", "0A", "25", "28", "3D", "40", "42", "53", "54", "55", "57", "58"])
}

fn is_of_class(code: &SqlState, classes: &[&str]) -> bool {
    classes.iter().any(|class| code.code().starts_with(class))
}
