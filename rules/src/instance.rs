//! One rule on one label set: Inactive -> Pending -> Firing, as in Prometheus. A Pending that clears is dropped
//! silently; a Firing that clears is resolved and restated for a while, so that a lost message costs nothing.
//! Pure: time and conditions are handed in.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::{Alert, Labels, Timestamp};

/// How long a resolved instance is restated.
pub const RESOLVED_RETENTION: Duration = Duration::from_secs(15 * 60);

/// A firing statement holds for this many intervals if it isn't repeated ...
const HOLDS_FOR_INTERVALS: u32 = 4;
/// ... an interval counting as this much at least.
const SHORTEST_HOLD: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Firing,
    Resolved { at: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub state: State,
    /// When the condition became true: what `starts_at` says.
    pub active_at: Timestamp,
    /// From when on its numbers count; before `active_at` when the damage began earlier.
    pub began: Timestamp,
    pub keep_firing_since: Option<Timestamp>,
    /// What was resolved shortly before this became Pending again: it goes on being restated, so that its resolve is
    /// not lost on a condition that may come to nothing.
    pub former: Option<Box<Instance>>,
}

/// What a step did, for the ledger. `None` from a step means that nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Pending,
    Firing,
    Resolved,
    /// A Pending that cleared: forget the instance.
    Dropped,
}

impl Change {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Dropped => "inactive",
        }
    }
}

/// `for` and `keep_firing_for`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub hold: Duration,
    pub keep_firing: Duration,
}

impl Instance {
    /// An instance whose condition has just become true.
    #[must_use]
    pub fn begin(labels: Labels, now: Timestamp) -> Self {
        Self {
            labels,
            annotations: BTreeMap::new(),
            state: State::Pending,
            active_at: now,
            began: now,
            keep_firing_since: None,
            former: None,
        }
    }

    /// The condition holds at `now`. An instance that was resolved begins anew.
    pub fn met(&mut self, timing: Timing, now: Timestamp) -> Option<Change> {
        self.keep_firing_since = None;
        let before = self.state;
        if let State::Resolved { .. } = self.state {
            let former = std::mem::replace(self, Self::begin(self.labels.clone(), now));
            self.former = Some(Box::new(former));
        }
        if self.state == State::Pending && now.since(self.active_at) >= timing.hold {
            self.state = State::Firing;
            self.former = None;
        }
        match (before, self.state) {
            (State::Firing, _) | (State::Pending, State::Pending) => None,
            (_, State::Firing) => Some(Change::Firing),
            _ => Some(Change::Pending),
        }
    }

    /// The condition does not hold at `now`.
    pub fn cleared(&mut self, timing: Timing, now: Timestamp) -> Option<Change> {
        match self.state {
            State::Resolved { .. } => None,
            State::Pending => Some(match self.former.take() {
                Some(former) => {
                    *self = *former;
                    Change::Resolved
                }
                None => Change::Dropped,
            }),
            State::Firing => {
                let since = *self.keep_firing_since.get_or_insert(now);
                if now.since(since) < timing.keep_firing {
                    return None;
                }
                self.state = State::Resolved { at: now };
                Some(Change::Resolved)
            }
        }
    }

    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, State::Resolved { .. })
    }

    /// Resolved so long ago that everybody has heard of it.
    #[must_use]
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Resolved { at } if now.since(at) > RESOLVED_RETENTION)
    }

    /// The statement at `now`; a Pending makes none, but for that of what was resolved before.
    #[must_use]
    pub fn alert(&self, now: Timestamp, interval: Duration, generator_url: &str) -> Option<Alert> {
        let ends_at = match self.state {
            State::Pending => {
                let former = self.former.as_ref().filter(|former| !former.is_forgotten(now))?;
                return former.alert(now, interval, generator_url);
            }
            State::Firing => now + interval.max(SHORTEST_HOLD) * HOLDS_FOR_INTERVALS,
            State::Resolved { at } => at,
        };
        Some(Alert {
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            starts_at: self.active_at,
            ends_at: Some(ends_at),
            generator_url: generator_url.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
