//! The silences that are active at a moment, ready to be asked of many alerts.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};

use super::{Silence, SilenceState};
use crate::matcher::{Matcher, all_match};

/// Of an author's name, and of a comment.
const SHOWN_CHARS: usize = 200;

#[derive(Debug, Default)]
pub(crate) struct Muting {
    active: Vec<(Silence, Vec<Vec<Matcher>>)>,
}

impl Muting {
    pub(crate) fn new(silences: Vec<Silence>, now: Timestamp) -> Self {
        let active = silences.into_iter().filter(|silence| silence.state(now) == SilenceState::Active);
        Self { active: active.filter_map(compiled).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// The ids of those that hold for the labels, sorted.
    pub(crate) fn silenced_by(&self, labels: &Labels) -> Vec<String> {
        let holds = |sets: &Vec<Vec<Matcher>>| sets.iter().any(|set| all_match(set, labels));
        let mut ids: Vec<String> = self
            .active
            .iter()
            .filter(|(_, sets)| holds(sets))
            .map(|(silence, _)| silence.id.clone())
            .collect();
        ids.sort();
        ids
    }

    /// `silenced by ID (Anna: the conveyor is serviced)`, of each.
    pub(crate) fn reason(&self, ids: &[String]) -> String {
        let known: BTreeMap<&str, &Silence> =
            self.active.iter().map(|(silence, _)| (silence.id.as_str(), silence)).collect();
        let said = ids.iter().map(|id| match known.get(id.as_str()) {
            Some(silence) => format!("{id} ({}: {})", short(&silence.created_by), short(&silence.comment)),
            None => id.clone(),
        });
        format!("silenced by {}", said.collect::<Vec<_>>().join(", "))
    }
}

/// One line of what a person wrote: it stands in the decision about each alert, and on terminals.
fn short(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_CHARS {
        return line;
    }
    line.chars().take(SHOWN_CHARS).chain("...".chars()).collect()
}

/// One that was taken once compiles; a store that somebody edited by hand must not stop the others.
fn compiled(silence: Silence) -> Option<(Silence, Vec<Vec<Matcher>>)> {
    let sets = silence.matcher_sets.iter().map(|set| set.iter().map(|matcher| matcher.compile()).collect());
    match sets.collect::<Result<_, _>>() {
        Ok(sets) => Some((silence, sets)),
        Err(error) => {
            tracing::error!(silence_id = silence.id, %error, "a stored silence can't be read: it silences nothing");
            None
        }
    }
}
