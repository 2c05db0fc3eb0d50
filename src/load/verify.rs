//! Looks for everything that was sent, by SQL over HTTP: a row for each request, counted by the database, against what
//! became of that request. Blocks of requests are asked for one by one, so that neither side holds a whole run.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::bodies::Contents;
use super::outcomes::{Outcome, Outcomes, Window};
use super::signal::Signal;

const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// What was found, in items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Stored of what was acknowledged; each item counted once.
    pub found: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// There more often than once, without a lost answer that would explain it.
    pub twice: u64,
    /// There more often than once after an answer was lost and the request repeated, which OTLP allows.
    pub repeated: u64,
    /// There although nothing of the kind was sent, or although it was refused.
    pub strays: u64,
    /// There of what was given up on after a lost answer.
    pub unknown: u64,
}

#[derive(Debug)]
pub(super) struct Verifier {
    client: Client,
    url: String,
}

/// What the database counted of one request.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Stored {
    request: i64,
    stored: u64,
    ids: u64,
}

impl Found {
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.strays == 0
    }

    fn add(&mut self, expected: u64, outcome: Outcome, stored: Stored) {
        let again = stored.stored - stored.ids;
        let known = stored.ids.min(expected);
        match outcome {
            Outcome::Absent => self.strays += stored.stored,
            Outcome::Unknown => {
                self.unknown += stored.ids;
                self.repeated += again;
            }
            Outcome::Acknowledged | Outcome::Partly => {
                self.found += known;
                self.lost += expected - known;
                self.strays += stored.ids - known;
                self.twice += again;
            }
            Outcome::Repeated => {
                self.found += known;
                self.lost += expected - known;
                self.strays += stored.ids - known;
                self.repeated += again;
            }
        }
    }
}

impl Verifier {
    /// `url`: the console's address.
    pub(super) fn new(url: &Url) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        Ok(Self { client, url: format!("{}/api/v1/sql", url.as_str().trim_end_matches('/')) })
    }

    pub(super) async fn look(&self, contents: &Contents, outcomes: &Outcomes) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let mut signals = contents.signals.clone();
        signals.sort_unstable();
        signals.dedup();
        for signal in signals {
            let mut seen = 0;
            for (requests, window) in outcomes.blocks() {
                let rows = self.ask(&in_block(contents, signal, &requests, window)).await?;
                let mut stored: HashMap<i64, Stored> =
                    rows.into_iter().map(|row| (row.request, row)).collect();
                seen += stored.values().map(|row| row.stored).sum::<u64>();
                for request in requests.filter(|&request| contents.signal_of(request) == signal) {
                    let number = request.cast_signed();
                    let row = stored.remove(&number);
                    let row = row.unwrap_or(Stored { request: number, stored: 0, ids: 0 });
                    let expected = contents.items_per_request - outcomes.rejected_of(request);
                    found.add(expected, outcomes.of(request), row);
                }
                found.strays += stored.values().map(|row| row.stored).sum::<u64>();
            }
            let all: Vec<Stored> = self.ask(&in_all(contents, signal)).await?;
            let all: u64 = all.iter().map(|row| row.stored).sum();
            found.strays += all.saturating_sub(seen);
        }
        Ok(found)
    }

    async fn ask(&self, statement: &str) -> anyhow::Result<Vec<Stored>> {
        let answer = self.client.post(&self.url).json(&json!({"sql": statement})).send().await;
        let answer = answer.with_context(|| {
            format!(
                "nobody answers at {}: is --verify the console of the Plimsoll that was loaded?",
                self.url
            )
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.context("the answer is no JSON")?;
        if !status.is_success() {
            bail!("{statement}\n{status}: {}", body["detail"].as_str().unwrap_or_default());
        }
        serde_json::from_value(body).context("the answer has other columns than asked for")
    }
}

fn in_block(contents: &Contents, signal: Signal, requests: &std::ops::Range<u64>, window: Window) -> String {
    let (table, id) = signal.found_in();
    let scope = contents.run.scope_name();
    let (earliest, latest) = (exactly(window.earliest), exactly(window.latest));
    let request = "TRY_CAST(scope_version AS BIGINT)";
    format!(
        "SELECT {request} AS request, count(*) AS stored, count(DISTINCT {id}) AS ids FROM {table} \
         WHERE scope_name = '{scope}' AND time BETWEEN TIMESTAMP '{earliest}' AND TIMESTAMP '{latest}' \
         AND {request} BETWEEN {} AND {}{} GROUP BY {request}",
        requests.start,
        requests.end - 1,
        kind(signal),
    )
}

/// Whatever the run stored, whenever: what no block knows is there by mistake.
fn in_all(contents: &Contents, signal: Signal) -> String {
    let (table, _) = signal.found_in();
    let scope = contents.run.scope_name();
    format!(
        "SELECT 0 AS request, count(*) AS stored, 0 AS ids FROM {table} WHERE scope_name = '{scope}'{}",
        kind(signal)
    )
}

/// Business events stand among the logs as well, with a name.
const fn kind(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => " AND event_name IS NULL",
        Signal::Spans | Signal::Metrics | Signal::Events => "",
    }
}

fn exactly(moment: plimsoll_model::Timestamp) -> String {
    moment.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: Outcome, stored: u64, ids: u64, expected: &Found) {
        let mut found = Found::default();
        found.add(10, outcome, Stored { request: 0, stored, ids });
        assert_eq!(&found, expected, "{outcome:?} {stored} {ids}");
    }

    #[test]
    fn what_is_stored_is_held_against_what_was_acknowledged() {
        let none = Found::default();
        let all = Found { found: 10, ..none };
        check(Outcome::Acknowledged, 10, 10, &all);
        check(Outcome::Acknowledged, 7, 7, &Found { found: 7, lost: 3, ..none });
        check(Outcome::Acknowledged, 13, 10, &Found { twice: 3, ..all });
        check(Outcome::Acknowledged, 12, 12, &Found { strays: 2, ..all });
        check(Outcome::Repeated, 20, 10, &Found { repeated: 10, ..all });
        check(Outcome::Unknown, 10, 10, &Found { unknown: 10, ..none });
        check(Outcome::Absent, 0, 0, &none);
        check(Outcome::Absent, 1, 1, &Found { strays: 1, ..none });
    }
}
