//! The alert that an objective can't be judged: what can't be seen must not be taken for healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::Timestamp;

use super::{Context, ObjectiveWatch, Sources};
use crate::instance::{State, Timing};

/// What `alertname` says of every objective that is blind.
const NAME: &str = "ObjectiveBlind";
/// A query that fails may answer at the next tick.
const TROUBLE_LASTS: Duration = Duration::from_secs(60);
const OFF: &str = "none";

impl ObjectiveWatch {
    pub(super) fn state_blindness(&mut self, context: &Context, sources: &Sources, now: Timestamp) {
        let ledger = context.ledger.as_ref();
        let severity = self.objective().blind.severity.clone();
        let Some(reason) = self.why_held(sources, now).filter(|_| severity != OFF && self.counts_now(now))
        else {
            let reason = "it can be judged again";
            return self.blind.clear_others(&[], Timing::default(), reason, ledger, now);
        };
        let labels = self.labels_of_all(NAME, &severity);
        let hold = if self.sight.is_blind() { Duration::ZERO } else { TROUBLE_LASTS };
        let change = self.blind.met(&labels, Timing { hold, ..Timing::default() }, now);
        let annotations = self.blind_annotations(&reason);
        if let Some(instance) = self.blind.get_mut(&labels) {
            instance.annotations = annotations;
        }
        if let Some(change) = change {
            self.blind.record(&labels, change, &reason, ledger, now);
        }
    }

    fn why_held(&self, sources: &Sources, now: Timestamp) -> Option<String> {
        if self.sight.is_blind() {
            return Some(self.sight.silence(sources, now));
        }
        self.trouble.message().map(|error| format!("its query fails: {error}"))
    }

    fn blind_annotations(&self, reason: &str) -> BTreeMap<String, String> {
        let objective = self.objective();
        let noun = objective.noun.as_deref().unwrap_or("events");
        let firing = self.instances.iter().filter(|instance| instance.state == State::Firing).count();
        let held = match firing {
            0 => "Nothing of it fires, and nothing will until it can be judged again.".to_owned(),
            1 => "One alert of it fires and is held as it is.".to_owned(),
            more => format!("{more} alerts of it fire and are held as they are."),
        };
        let mut said = BTreeMap::from([
            (
                "summary".to_owned(),
                format!("{}: nobody can see whether {noun} are fine: {reason}", objective.name),
            ),
            (
                "description".to_owned(),
                format!(
                    "The objective ({} %) can't be judged: {reason}. {held} Look at the table `sources` first: either \
                     what sends has stopped, or nothing happens at all.",
                    objective.percent
                ),
            ),
            ("sql".to_owned(), "SELECT * FROM sources ORDER BY blind DESC, watermark".to_owned()),
        ]);
        if let Some(runbook_url) = &objective.runbook_url {
            said.insert("runbook_url".to_owned(), runbook_url.clone());
        }
        said
    }
}
