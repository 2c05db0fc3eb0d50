//! The state tables as addresses of their own, for the console and for scripts that want no SQL.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use plimsoll_query::{Param, QueryError};
use serde::Deserialize;

use crate::Faces;
use crate::format::Format;
use crate::problem::Problem;
use crate::sql::default_tenant;
use crate::tenant;

/// One table and how it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) path: &'static str,
    table: &'static str,
    key: Key,
    /// What is open or newest comes first.
    order: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Slo,
    Incident,
}

const MAX_ROWS: usize = 1000;

pub(crate) const VIEWS: [View; 4] = [
    View { path: "/api/v1/slos", table: "slos", key: Key::Slo, order: "slo" },
    View {
        path: "/api/v1/incidents",
        table: "incidents",
        key: Key::Incident,
        order: "resolved_at IS NOT NULL, opened_at DESC",
    },
    View { path: "/api/v1/alerts", table: "alerts", key: Key::Incident, order: "starts_at DESC" },
    View {
        path: "/api/v1/notifications",
        table: "notifications",
        key: Key::Incident,
        order: "created_at DESC",
    },
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    slo: Option<String>,
    incident: Option<String>,
    #[serde(default = "default_tenant")]
    tenant: String,
}

/// Answers with JSON rows.
pub(crate) async fn show(
    view: View,
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    keys: Result<Query<Keys>, QueryRejection>,
) -> Response {
    rows(view, &faces, &headers, keys).await.unwrap_or_else(Problem::into_response)
}

async fn rows(
    view: View,
    faces: &Faces,
    headers: &HeaderMap,
    keys: Result<Query<Keys>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(keys) = keys.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let engine = tenant::engine(faces, headers, &keys.tenant)?;
    let wanted: Vec<Param> = view.wanted(keys)?.map(Param::Text).into_iter().collect();
    let statement = view.statement(&wanted);
    let output = engine.sql(&statement, &wanted).await.map_err(|error| view.explain(error))?;
    Format::Json.respond(&output)
}

impl View {
    /// Each view has one key; the other's name is refused rather than ignored.
    fn wanted(self, keys: Keys) -> Result<Option<String>, Problem> {
        let (own, foreign) = match self.key {
            Key::Slo => (keys.slo, keys.incident),
            Key::Incident => (keys.incident, keys.slo),
        };
        if foreign.is_some() {
            let (path, name) = (self.path, self.key.parameter());
            return Err(Problem::bad_request(format!("{path} is filtered by `{name}` only")));
        }
        Ok(own)
    }

    /// Out of our own words alone: what a client sends is a parameter.
    fn statement(self, wanted: &[Param]) -> String {
        let Self { table, order, .. } = self;
        let filter =
            if wanted.is_empty() { String::new() } else { format!("WHERE {} = $1", self.key.column()) };
        format!("SELECT * FROM {table} {filter} ORDER BY {order} LIMIT {MAX_ROWS}")
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

impl Key {
    const fn column(self) -> &'static str {
        match self {
            Self::Slo => "slo",
            Self::Incident => "incident_id",
        }
    }

    const fn parameter(self) -> &'static str {
        match self {
            Self::Slo => "slo",
            Self::Incident => "incident",
        }
    }
}
