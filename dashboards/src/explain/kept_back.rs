//! What kept an alert back at a moment: a source that inhibits it, a silence, or a time interval of a route.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;

use super::story::Decided;

/// How a reason of suppression begins, and how its end does.
const KINDS: [(&str, &str); 4] = [
    ("inhibited by ", "no longer inhibited"),
    ("silenced by ", "no longer silenced"),
    ("muted by time interval ", "no longer muted"),
    ("outside active time interval ", "no longer muted"),
];

/// A sentence for each that held at `at`, from whatever was decided until then.
pub(super) fn at_moment(episode: &[Decided], at: Timestamp) -> Vec<String> {
    let mut held: BTreeMap<(&str, &str), &Decided> = BTreeMap::new();
    for decided in episode.iter().filter(|it| it.moment() <= at) {
        if decided.is_rule("resolved") || decided.is_rule("inactive") {
            held.clear();
        }
        if decided.stage != "route" {
            continue;
        }
        for (_, ends) in KINDS.iter().filter(|(begins, ends)| {
            decided.reason().starts_with(begins) || decided.reason().starts_with(ends)
        }) {
            held.remove(&(*ends, decided.receiver()));
            if decided.outcome() == "suppressed" {
                held.insert((*ends, decided.receiver()), decided);
            }
        }
    }
    let sentence = |decided: &&Decided| {
        let whom = match decided.receiver() {
            "" => String::new(),
            receiver => format!(" from {receiver}"),
        };
        format!("At {at} it was kept back{whom}: {}, since {}.", decided.reason(), decided.time)
    };
    held.values().map(sentence).collect()
}
