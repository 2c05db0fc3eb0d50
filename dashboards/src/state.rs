//! The state tables as addresses of their own, for the console and for scripts that want no SQL.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use plimsoll_query::{Param, QueryError};
use serde::Deserialize;

use crate::Faces;
use crate::format::Format;
use crate::problem::Problem;

/// One table and how it is told; what is open or newest comes first. `$1` is the key, null for every row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) path: &'static str,
    table: &'static str,
    key: Key,
    statement: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Slo,
    Incident,
}

pub(crate) const VIEWS: [View; 4] = [
    View {
        path: "/api/v1/slos",
        table: "slos",
        key: Key::Slo,
        statement: "SELECT * FROM slos WHERE $1 IS NULL OR slo = $1 ORDER BY slo LIMIT 1000",
    },
    View {
        path: "/api/v1/incidents",
        table: "incidents",
        key: Key::Incident,
        statement: "SELECT * FROM incidents WHERE $1 IS NULL OR incident_id = $1 \
                    ORDER BY resolved_at IS NOT NULL, opened_at DESC LIMIT 1000",
    },
    View {
        path: "/api/v1/alerts",
        table: "alerts",
        key: Key::Incident,
        statement: "SELECT * FROM alerts WHERE $1 IS NULL OR incident_id = $1 ORDER BY starts_at DESC LIMIT 1000",
    },
    View {
        path: "/api/v1/notifications",
        table: "notifications",
        key: Key::Incident,
        statement: "SELECT * FROM notifications WHERE $1 IS NULL OR incident_id = $1 \
                    ORDER BY created_at DESC LIMIT 1000",
    },
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    slo: Option<String>,
    incident: Option<String>,
}

/// Answers with JSON rows.
pub(crate) async fn show(
    view: View,
    State(faces): State<Arc<Faces>>,
    keys: Result<Query<Keys>, QueryRejection>,
) -> Response {
    rows(view, &faces, keys).await.unwrap_or_else(Problem::into_response)
}

async fn rows(
    view: View,
    faces: &Faces,
    keys: Result<Query<Keys>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(keys) = keys.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let key = view.key_of(keys)?;
    let output = faces.engine.sql(view.statement, &[key]).await.map_err(|error| view.explain(error))?;
    Format::Json.respond(&output)
}

impl View {
    /// Each view has one key; the other's name is refused rather than ignored.
    fn key_of(self, keys: Keys) -> Result<Param, Problem> {
        let (own, foreign, name) = match self.key {
            Key::Slo => (keys.slo, keys.incident, "slo"),
            Key::Incident => (keys.incident, keys.slo, "incident"),
        };
        if foreign.is_some() {
            return Err(Problem::bad_request(format!("{} is filtered by `{name}` only", self.path)));
        }
        Ok(own.map_or(Param::Null, Param::Text))
    }

    /// The statement is ours, so when it isn't valid the table is not there or not as we know it.
    fn explain(self, error: QueryError) -> Problem {
        match error {
            QueryError::Invalid { message, .. } => {
                Problem::not_found(format!("the table {} can't be shown: {message}", self.table))
            }
            other => other.into(),
        }
    }
}
