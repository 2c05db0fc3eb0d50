//! `escalation.yml`: who is told next when nobody acknowledges. Keyed by the receivers of the routing file; a receiver
//! without a policy is told as Alertmanager would, and nothing more.

mod check;
mod clocks;
mod file;
mod progress;
mod urgency;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

pub(crate) use clocks::Clocks;
pub(crate) use progress::{Due, Progress};
pub(crate) use urgency::{Hours, Urgency, UrgencyRule};

use crate::config::Finding;
use crate::schedule::Schedule;

/// A larger file is a mistake, not a configuration.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Every policy and schedule of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Escalations {
    policies: BTreeMap<String, Policy>,
    schedules: BTreeMap<String, Schedule>,
}

/// What happens to the incidents of one receiver.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policy {
    /// The first rule that holds decides; without one that does, urgency is high.
    pub(crate) urgency: Vec<UrgencyRule>,
    steps: Vec<Step>,
    low_urgency_steps: Vec<Step>,
    /// How many more times the steps are gone through, and how long after the last of them that begins.
    pub(crate) repeat: u32,
    pub(crate) repeat_after: Duration,
    /// How long an acknowledgement holds.
    pub(crate) ack_timeout: Option<Duration>,
    /// How often those who were told last are told again while nobody acknowledges.
    pub(crate) renotify: Option<Duration>,
    /// How long an incident stays open at most.
    pub(crate) auto_resolve: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) targets: Vec<Target>,
    /// Counted from the step before.
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Receiver(String),
    Schedule(String),
}

/// The names that the file may use: they stand in others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) receivers: BTreeSet<String>,
    pub(crate) time_intervals: BTreeSet<String>,
}

impl Policy {
    pub(crate) fn steps(&self, urgency: Urgency) -> &[Step] {
        match urgency {
            Urgency::High => &self.steps,
            Urgency::Low => &self.low_urgency_steps,
        }
    }
}

impl Escalations {
    pub(crate) fn policy(&self, receiver: &str) -> Option<&Policy> {
        self.policies.get(receiver)
    }

    pub(crate) fn schedule(&self, name: &str) -> Option<&Schedule> {
        self.schedules.get(name)
    }

    pub(crate) fn schedules(&self) -> impl Iterator<Item = (&str, &Schedule)> {
        self.schedules.iter().map(|(name, schedule)| (name.as_str(), schedule))
    }

    /// Names of urgency rules that are no time intervals of the routing file: calendars, or nothing at all.
    pub(crate) fn calendars<'e>(&'e self, intervals: &'e BTreeSet<String>) -> impl Iterator<Item = &'e str> {
        let rules = self.policies.values().flat_map(|policy| &policy.urgency);
        rules.flat_map(UrgencyRule::hours).filter(|name| !intervals.contains(*name))
    }

    /// Reads and checks the file; it comes back only when no finding is an error.
    pub(crate) fn load(path: &Path, known: &Known) -> (Option<Self>, Vec<Finding>) {
        let refused =
            |line, message| (None, vec![Finding { file: path.to_owned(), line, message, is_error: true }]);
        match std::fs::metadata(path) {
            Ok(found) if found.len() > MAX_FILE_BYTES => {
                return refused(1, format!("the file is larger than {MAX_FILE_BYTES} bytes: shorten it"));
            }
            _ => {}
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return refused(0, format!("cannot read the escalation file: {error}")),
        };
        Self::parse(&text, path, known)
    }

    fn parse(text: &str, path: &Path, known: &Known) -> (Option<Self>, Vec<Finding>) {
        match serde_saphyr::from_str::<file::File>(text) {
            Ok(file) => check::check(file, path, known),
            Err(error) => {
                let line = error.location().map_or(1, |location| location.line());
                let message = file::cure(&error);
                (None, vec![Finding { file: path.to_owned(), line, message, is_error: true }])
            }
        }
    }
}

#[cfg(test)]
mod tests;
