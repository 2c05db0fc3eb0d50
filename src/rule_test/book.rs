//! Sources as a test states them: what the table `sources` shows, moment by moment.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use plimsoll_model::{SourceBook, SourceKind, SourceState, SourceStatus, Timestamp};
use serde_json::{Map, Value};

use super::moments::{duration, offset};

const KINDS: [SourceKind; 7] = [
    SourceKind::Otlp,
    SourceKind::Heartbeat,
    SourceKind::Postgres,
    SourceKind::Odoo,
    SourceKind::Redis,
    SourceKind::Scrape,
    SourceKind::Logs,
];
const STATES: [SourceState; 4] =
    [SourceState::Starting, SourceState::Ok, SourceState::Late, SourceState::Failing];

/// Each statement holds until the next one about the same source.
#[derive(Debug, Default)]
pub(super) struct StatedSources(pub(super) Vec<(Timestamp, SourceStatus)>);

impl SourceBook for StatedSources {
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
        let mut latest: BTreeMap<(&str, SourceKind), &(Timestamp, SourceStatus)> = BTreeMap::new();
        for stated in self.0.iter().filter(|(at, _)| *at <= now) {
            let place = latest.entry((&stated.1.name, stated.1.kind)).or_insert(stated);
            if place.0 <= stated.0 {
                *place = stated;
            }
        }
        latest.into_values().map(|(_, status)| status.clone()).collect()
    }
}

/// A row of `sources` as it is written: `name`, `kind` and `state`, the rest if it matters.
pub(super) fn status(row: &Map<String, Value>, at: Timestamp) -> anyhow::Result<SourceStatus> {
    let known = [
        "time",
        "name",
        "kind",
        "state",
        "since",
        "last_success",
        "expected_every",
        "errors",
        "last_error",
        "lacks",
    ];
    if let Some(unknown) = row.keys().find(|key| !known.contains(&key.as_str())) {
        bail!("sources are stated by {}, not by {unknown}", known.join(", "));
    }
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let needed = |key: &str| text(key).with_context(|| format!("a source needs its `{key}`"));
    let (kind, state) = (needed("kind")?, needed("state")?);
    let time = |key: &str| {
        let moment = |text: &str| {
            offset(text, at)
                .or_else(|| Timestamp::parse_rfc3339(text))
                .with_context(|| format!("`{key}`: {text}"))
        };
        text(key).map(moment).transpose()
    };
    Ok(SourceStatus {
        name: needed("name")?.to_owned(),
        kind: KINDS
            .into_iter()
            .find(|known| known.as_str() == kind)
            .with_context(|| format!("kind {kind}"))?,
        signal: "",
        state: STATES
            .into_iter()
            .find(|known| known.as_str() == state)
            .with_context(|| format!("state {state}"))?,
        since: time("since")?.unwrap_or(at),
        watermark: None,
        last_success: time("last_success")?,
        expected_every: text("expected_every").map(duration).transpose()?,
        items: 0,
        errors: row.get("errors").and_then(Value::as_u64).unwrap_or_default(),
        last_error: text("last_error").map(str::to_owned),
        lacks: text("lacks").map(str::to_owned).into_iter().collect(),
    })
}
