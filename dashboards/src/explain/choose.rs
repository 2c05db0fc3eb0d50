//! Which alert is meant: by its name, its SLO, its fingerprint, or by matchers.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_alerting::Filter;
use plimsoll_model::Timestamp;
use plimsoll_query::{Param, QueryEngine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows;
use crate::problem::Problem;

/// Alerts of which something was decided within a month, by a rule of ours or, of those that others state, by a route.
const KNOWN: &str = "
    SELECT fingerprint, last_value(details ORDER BY CASE stage WHEN 'rule' THEN 1 ELSE 0 END, time) AS details,
           last_value(outcome ORDER BY CASE stage WHEN 'rule' THEN 1 ELSE 0 END, time) AS outcome, max(time) AS latest
    FROM decisions WHERE stage IN ('rule', 'route') AND details LIKE '%\"labels\"%'
        AND time <= $1 AND time > $1 - INTERVAL '30 days'
    GROUP BY fingerprint ORDER BY latest DESC LIMIT 5000";
/// Alerts named in an answer.
const SHOWN: usize = 50;

#[derive(Debug, Deserialize)]
struct Row {
    fingerprint: String,
    details: Option<String>,
    outcome: Option<String>,
    latest: String,
}

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) fingerprint: String,
    pub(super) labels: BTreeMap<String, String>,
    outcome: String,
    latest: String,
}

/// A name, or matchers as a routing file has them.
enum Wanted {
    Name(String),
    Matchers(Filter),
}

pub(super) async fn candidates(
    engine: &QueryEngine,
    wanted: &str,
    at: Timestamp,
) -> Result<Vec<Candidate>, Problem> {
    let wanted = Wanted::parse(wanted)?;
    let known = known(engine, at).await?;
    Ok(known.into_iter().filter(|candidate| wanted.means(candidate)).collect())
}

async fn known(engine: &QueryEngine, at: Timestamp) -> Result<Vec<Candidate>, Problem> {
    let found: Vec<Row> = rows(engine, KNOWN, &[Param::Time(at)]).await?;
    let candidate = |row: Row| {
        let details: Value = serde_json::from_str(row.details.as_deref()?).ok()?;
        let labels = serde_json::from_value(details.get("labels")?.clone()).ok()?;
        let (fingerprint, latest) = (row.fingerprint, row.latest);
        Some(Candidate { fingerprint, labels, outcome: row.outcome.unwrap_or_default(), latest })
    };
    Ok(found.into_iter().filter_map(candidate).collect())
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Problem> {
        if !text.contains('=') && !text.contains('~') {
            return Ok(Self::Name(text.trim().trim_start_matches('{').trim_end_matches('}').to_owned()));
        }
        Filter::parse(&[text.trim()]).map(Self::Matchers).map_err(|error| {
            Problem::bad_request(format!(
                "{text} is no list of matchers ({error}): write alertname=\"X\",warehouse!~\"ROT|UTR\""
            ))
        })
    }

    fn means(&self, candidate: &Candidate) -> bool {
        let label = |name: &str| candidate.labels.get(name).map_or("", String::as_str);
        match self {
            Self::Name(name) => {
                candidate.fingerprint == *name || label("alertname") == name || label("slo") == name
            }
            Self::Matchers(filter) => filter.matches(&candidate.labels.iter().collect()),
        }
    }
}

pub(super) fn ambiguous(wanted: &str, found: &[Candidate]) -> Value {
    let mut sentences = vec![format!("{wanted} is the name of {} alerts. Say which one:", found.len())];
    let shown = || found.iter().take(SHOWN);
    sentences.extend(
        shown()
            .map(|it| format!("{} {} ({} at {})", it.fingerprint, said(&it.labels), it.outcome, it.latest)),
    );
    let candidates: Vec<Value> = shown()
        .map(|it| json!({"fingerprint": it.fingerprint, "labels": it.labels, "outcome": it.outcome, "time": it.latest}))
        .collect();
    json!({"candidates": candidates, "sentences": sentences})
}

/// Nothing was ever decided about it; what else there is may be what was meant.
pub(super) async fn nothing(engine: &QueryEngine, wanted: &str, at: Timestamp) -> Result<String, Problem> {
    let known = known(engine, at).await?;
    let names: BTreeSet<&str> =
        known.iter().filter_map(|candidate| candidate.labels.get("alertname").map(String::as_str)).collect();
    let names: Vec<&str> = names.into_iter().take(SHOWN).collect();
    let others = if names.is_empty() {
        "nothing was decided about any alert".to_owned()
    } else {
        format!("there are decisions about {}", names.join(", "))
    };
    Ok(format!(
        "nothing was decided about {wanted} in the 30 days before {at}: its condition never held, or there is no such alert; {others}"
    ))
}

pub(super) fn said(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", labels.join(", "))
}
