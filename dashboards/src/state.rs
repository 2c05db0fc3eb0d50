//! The state tables as addresses of their own, for the console and for scripts that want no SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use plimsoll_query::{Param, QueryError};

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

/// What a view can be filtered by.
#[derive(Clone, Copy, Debug)]
struct Key {
    parameter: &'static str,
    column: &'static str,
}

const SLO: Key = Key { parameter: "slo", column: "slo" };
const INCIDENT: Key = Key { parameter: "incident", column: "incident_id" };
const SOURCE: Key = Key { parameter: "name", column: "name" };
const CHANGE: Key = Key { parameter: "id", column: "change_id" };

const MAX_ROWS: usize = 1000;

pub(crate) const VIEWS: [View; 6] = [
    View { path: "/api/v1/slos", table: "slos", key: SLO, order: "slo" },
    View {
        path: "/api/v1/incidents",
        table: "incidents",
        key: INCIDENT,
        order: "resolved_at IS NOT NULL, opened_at DESC",
    },
    View { path: "/api/v1/alerts", table: "alerts", key: INCIDENT, order: "starts_at DESC" },
    View { path: "/api/v1/notifications", table: "notifications", key: INCIDENT, order: "created_at DESC" },
    View { path: "/api/v1/sources", table: "sources", key: SOURCE, order: "blind DESC, kind, name, signal" },
    View { path: "/api/v1/changes", table: "changes", key: CHANGE, order: "started DESC" },
];

type Keys = BTreeMap<String, String>;

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
    let Query(mut keys) = keys.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let tenant = keys.remove("tenant").unwrap_or_else(default_tenant);
    let engine = tenant::engine(faces, headers, &tenant)?;
    let wanted: Vec<Param> = view.wanted(keys)?.map(Param::Text).into_iter().collect();
    let statement = view.statement(&wanted);
    let output = engine.sql(&statement, &wanted).await.map_err(|error| view.explain(error))?;
    Format::Json.respond(&output)
}

impl View {
    /// Each view has one key; any other name is refused rather than ignored.
    fn wanted(self, mut keys: Keys) -> Result<Option<String>, Problem> {
        let own = keys.remove(self.key.parameter);
        if keys.is_empty() {
            return Ok(own);
        }
        let (path, name) = (self.path, self.key.parameter);
        Err(Problem::bad_request(format!("{path} is filtered by `{name}` only")))
    }

    /// Out of our own words alone: what a client sends is a parameter.
    fn statement(self, wanted: &[Param]) -> String {
        let Self { table, order, .. } = self;
        let filter =
            if wanted.is_empty() { String::new() } else { format!("WHERE {} = $1", self.key.column) };
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
