//! What became of one alert, from the moment its condition began to hold until everybody had heard that it is over.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use plimsoll_query::{Param, QueryEngine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::choose::{Candidate, said};
use super::episode::episode;
use super::{kept_back, rows};
use crate::problem::Problem;

const DECISIONS: &str = "
    SELECT time, stage, outcome, reason, receiver, incident_id, details FROM decisions
    WHERE fingerprint = $1 AND time > $2 - INTERVAL '30 days' AND time <= $2 + INTERVAL '1 day'
    ORDER BY time, ingest_time LIMIT 50000";
/// Of one kind and the same words, these many are told.
const TOLD: usize = 20;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decided {
    pub(super) time: String,
    pub(super) stage: String,
    outcome: Option<String>,
    reason: Option<String>,
    receiver: Option<String>,
    incident_id: Option<String>,
    details: Option<String>,
}

impl Decided {
    pub(super) fn moment(&self) -> Timestamp {
        Timestamp::parse_rfc3339(&self.time).unwrap_or(Timestamp::MIN)
    }

    pub(super) fn outcome(&self) -> &str {
        self.outcome.as_deref().unwrap_or_default()
    }

    pub(super) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    pub(super) fn receiver(&self) -> &str {
        self.receiver.as_deref().unwrap_or_default()
    }

    pub(super) fn is_rule(&self, outcome: &str) -> bool {
        self.stage == "rule" && self.outcome() == outcome
    }

    fn details(&self) -> Value {
        self.details.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

pub(super) async fn tell(engine: &QueryEngine, alert: &Candidate, at: Timestamp) -> Result<Value, Problem> {
    let params = [Param::Text(alert.fingerprint.clone()), Param::Time(at)];
    let all: Vec<Decided> = rows(engine, DECISIONS, &params).await?;
    let episode = episode(&all, at);
    let details =
        episode.iter().rev().find(|it| it.stage == "rule").map(Decided::details).unwrap_or_default();
    let mut sentences = held(alert, &episode);
    sentences.extend(routed(&episode));
    sentences.extend(kept_back::at_moment(&episode, at));
    sentences.extend(told(&episode));
    let sql = statement(&details);
    sentences.extend(sql.as_ref().map(|sql| format!("This shows the rows:\n{sql}")));
    let decisions = format!(
        "SELECT time, stage, outcome, reason, receiver, details FROM decisions WHERE fingerprint = '{}' ORDER BY time",
        alert.fingerprint
    );
    sentences.push(format!("This shows every decision:\n{decisions}"));
    let shown: Vec<Value> = episode.iter().map(shown).collect();
    Ok(json!({
        "fingerprint": alert.fingerprint, "labels": alert.labels, "sentences": sentences, "facts": details.get("facts"),
        "sql": sql, "decisions_sql": decisions, "decisions": shown,
    }))
}

fn shown(decided: &Decided) -> Value {
    json!({
        "time": decided.time, "stage": decided.stage, "outcome": decided.outcome(), "reason": decided.reason(),
        "receiver": decided.receiver, "incident_id": decided.incident_id, "facts": decided.details().get("facts"),
    })
}

/// What held, and since when.
fn held(alert: &Candidate, episode: &[Decided]) -> Vec<String> {
    let find = |outcome: &str| episode.iter().find(|it| it.is_rule(outcome));
    let latest = episode.iter().rev().find(|it| it.outcome().starts_with("still "));
    let labels = said(&alert.labels);
    let mut sentences = Vec::new();
    match (find("pending"), find("firing")) {
        (Some(pending), Some(firing)) => sentences.push(format!(
            "{labels} was pending from {} and fired at {}: {}",
            pending.time,
            firing.time,
            firing.reason()
        )),
        (None, Some(firing)) => {
            sentences.push(format!("{labels} fired at {}: {}", firing.time, firing.reason()))
        }
        (Some(pending), None) => {
            sentences.push(format!(
                "{labels} was pending from {} and did not fire: {}",
                pending.time,
                pending.reason()
            ));
        }
        (None, None) => match find("waiting") {
            Some(waiting) => {
                sentences.push(format!("{labels} did not fire. At {}: {}", waiting.time, waiting.reason()))
            }
            None => sentences.push(match episode.iter().find(|_| is_from_outside(episode)) {
                Some(first) => {
                    format!("{labels} was stated from outside, and dealt with from {} on.", first.time)
                }
                None => format!("{labels}: its condition did not begin to hold within these 30 days."),
            }),
        },
    }
    if let Some(latest) = latest {
        sentences.push(format!("At {} it was {}: {}", latest.time, latest.outcome(), latest.reason()));
    }
    for outcome in ["resolved", "inactive"] {
        let verb = if outcome == "resolved" { "resolved" } else { "cleared before it fired" };
        sentences.extend(find(outcome).map(|it| format!("It {verb} at {}: {}", it.time, it.reason())));
    }
    sentences
}

fn routed(episode: &[Decided]) -> Vec<String> {
    let routed = episode.iter().filter(|it| it.stage == "route");
    let sentence = |it: &Decided| match it.outcome() {
        "suppressed" => format!("At {} it was kept back: {}.", it.time, it.reason()),
        "refused" => format!("At {} it was refused: {}.", it.time, it.reason()),
        "no_notification_sent" => format!("At {} nobody was told: {}.", it.time, it.reason()),
        "duplicate_suppressed" => {
            format!("At {} {} was not told twice: {}.", it.time, it.receiver(), it.reason())
        }
        _ if it.receiver().is_empty() => format!("At {}: {}.", it.time, it.reason()),
        _ => format!("At {} it was routed to {}: {}.", it.time, it.receiver(), it.reason()),
    };
    routed.map(sentence).take(TOLD).collect()
}

/// Who was told, or why nobody was.
fn told(episode: &[Decided]) -> Vec<String> {
    let sends: Vec<&Decided> = episode.iter().filter(|it| it.stage == "send").collect();
    let integration = |it: &Decided| {
        let details = it.details();
        details["integration"].as_str().map(|name| format!(" by {name}")).unwrap_or_default()
    };
    let mut sentences = Vec::new();
    // The reason of a message that was sent stands where it was decided.
    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    for it in &sends {
        let id = it.details()["notification_id"].as_str().unwrap_or_default().to_owned();
        let (who, how, time) = (it.receiver(), integration(it), &it.time);
        match it.outcome() {
            "queued" | "escalated" => {
                reasons.insert(id, it.reason().to_owned());
            }
            "sent" => {
                let why = reasons.remove(&id).unwrap_or_default();
                sentences
                    .push(format!("{who} was told at {time}{how} ({why}); the answer was: {}.", it.reason()));
            }
            "retrying" => sentences
                .push(format!("At {time} {who} could not be told{how} and is tried again: {}.", it.reason())),
            "failed" => {
                sentences.push(format!("At {time} telling {who}{how} was given up: {}.", it.reason()))
            }
            _ => sentences.push(format!("{who} was not told at {time}: {}.", it.reason())),
        }
    }
    sentences.truncate(TOLD);
    let fired = is_from_outside(episode) || episode.iter().any(|it| it.is_rule("firing"));
    if fired && sends.iter().all(|it| it.outcome() != "sent") {
        sentences.push(format!("Nobody was told: {}.", why_nobody(episode, &sends)));
    }
    sentences
}

/// Prometheus, or whoever else states alerts of its own: no rule of ours decides anything about those.
fn is_from_outside(episode: &[Decided]) -> bool {
    !episode.is_empty() && episode.iter().all(|it| it.stage != "rule")
}

fn why_nobody(episode: &[Decided], sends: &[&Decided]) -> String {
    let last_send = sends.last().map(|it| it.outcome());
    let last_route = episode.iter().rev().find(|it| it.stage == "route");
    match (last_send, last_route) {
        (Some("failed" | "retrying"), _) => "no receiver took the message".to_owned(),
        (Some("queued" | "escalated"), _) => "the message waits in the outbox".to_owned(),
        (Some(_), _) => "as said above".to_owned(),
        (None, Some(route)) if route.outcome() == "suppressed" => route.reason().to_owned(),
        (None, Some(route)) if route.reason().starts_with("no longer ") => {
            format!("it was {} at {}, and its group has not ticked since", route.reason(), route.time)
        }
        (None, Some(route)) => format!(
            "its group still waits (group_wait), or the receiver {} has no integration",
            route.receiver()
        ),
        (None, None) => "it was not routed yet".to_owned(),
    }
}

/// The objective's own statement, or the rule's at that moment.
fn statement(details: &Value) -> Option<String> {
    if let Some(sql) = details["annotations"]["sql"].as_str() {
        return Some(sql.to_owned());
    }
    let (sql, at) = (details["facts"]["sql"].as_str()?, details["facts"]["at"].as_str()?);
    let moment = format!("arrow_cast('{at}', 'Timestamp(Nanosecond, Some(\"UTC\"))')");
    Some(sql.replace("now()", &moment).replace("NOW()", &moment))
}
