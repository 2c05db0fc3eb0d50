//! Two sets of rules over the same history: what the new ones add, leave out, and say earlier or later.

use std::time::Duration;

use plimsoll_model::Timestamp;
use serde::Serialize;

use super::Episode;

/// An alert of one run is that of the other when both fire within this of each other, or overlap.
const NEAR: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Difference {
    Added { alert: Box<Episode> },
    Removed { alert: Box<Episode> },
    Earlier { alert: Box<Episode>, seconds: u64 },
    Later { alert: Box<Episode>, seconds: u64 },
}

/// Of what fired. `step` is how exactly the two can be compared.
#[must_use]
pub fn compare(running: &[Episode], new: &[Episode], step: Duration) -> Vec<Difference> {
    let mut before: Vec<(&Episode, Timestamp)> = fired(running).collect();
    let mut differences = Vec::new();
    for (episode, at) in fired(new) {
        let same = |(other, then): &(&Episode, Timestamp)| {
            other.labels == episode.labels
                && (overlap(other, episode) || at.since(*then).max(then.since(at)) <= NEAR)
        };
        let Some(found) = before.iter().position(same) else {
            differences.push(Difference::Added { alert: Box::new(episode.clone()) });
            continue;
        };
        let (_, then) = before.remove(found);
        let alert = Box::new(episode.clone());
        if then.since(at) > step {
            differences.push(Difference::Earlier { alert, seconds: then.since(at).as_secs() });
        } else if at.since(then) > step {
            differences.push(Difference::Later { alert, seconds: at.since(then).as_secs() });
        }
    }
    let removed =
        before.into_iter().map(|(episode, _)| Difference::Removed { alert: Box::new(episode.clone()) });
    differences.extend(removed);
    differences
}

fn fired(episodes: &[Episode]) -> impl Iterator<Item = (&Episode, Timestamp)> {
    episodes.iter().filter_map(|episode| Some((episode, episode.firing?)))
}

fn overlap(left: &Episode, right: &Episode) -> bool {
    let end = |episode: &Episode| episode.resolved.unwrap_or(Timestamp::MAX);
    left.firing.zip(right.firing).is_some_and(|(l, r)| l < end(right) && r < end(left))
}
