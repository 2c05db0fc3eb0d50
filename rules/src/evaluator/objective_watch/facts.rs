//! The numbers behind a decision, for whoever asks why: what burns, how much of it could be seen, and which guard held it back.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};
use serde_json::{Value, json};

use super::{Context, ObjectiveWatch};
use crate::burn::{Reading, Wait};
use crate::durations;
use crate::instances::near_miss;
use crate::sentences::{Cause, waiting};

impl ObjectiveWatch {
    pub(super) fn facts(&self, cause: Cause, labels: &Labels, now: Timestamp) -> Value {
        let groups = self.groups_of(labels);
        let budget = self.budget(&groups);
        let mut facts = match cause {
            Cause::Burn(reading) => self.facts_of(&reading, now),
            Cause::Spent { recent, .. } | Cause::Exhausts { recent, .. } => {
                json!({"recent_bad": recent.bad(), "recent_total": recent.total})
            }
        };
        facts["budget_spent"] = budget.spent.into();
        facts["objective"] = self.objective().percent.into();
        facts
    }

    fn facts_of(&self, reading: &Reading, now: Timestamp) -> Value {
        let tier = reading.threshold.tier;
        json!({
            "value": reading.short.error_ratio(),
            "threshold": reading.threshold.burn,
            "burn_long": reading.burn_long, "burn_short": reading.burn_short,
            "long": durations::spell(tier.long), "short": durations::spell(tier.short),
            "long_bad": reading.long.bad(), "long_total": reading.long.total,
            "short_bad": reading.short.bad(), "short_total": reading.short.total,
            "coverage": self.sight.coverage(tier.short, now),
            "history_s": self.slices.history().as_secs(),
            "min_bad_events": self.objective().min_bad_events,
        })
    }

    /// Written when a guard begins to hold something back, or another one does.
    pub(super) fn note_near_misses(
        &self,
        before: &BTreeMap<Labels, (Reading, Wait)>,
        context: &Context,
        now: Timestamp,
    ) {
        for (groups, (reading, wait)) in &self.waiting {
            let severity = reading.threshold.tier.severity;
            let was = before.get(groups).map(|(reading, wait)| (reading.threshold.tier.severity, *wait));
            if was == Some((severity, *wait)) {
                continue;
            }
            let face = self.faces.iter().find(|face| face.severity == severity);
            let labels = self.labels(groups, face.map_or(severity.as_str(), |face| face.label.as_str()));
            // A pending alert says it itself.
            if self.instances.get(&labels).is_some_and(|it| it.is_active()) {
                continue;
            }
            let mut facts = self.facts_of(reading, now);
            facts["guard"] = match wait {
                Wait::History => "history",
                Wait::FewBad => "min_bad_events",
                Wait::Confirmation => "long window",
                Wait::LowTraffic => "low traffic",
            }
            .into();
            let reason = waiting(reading, *wait, self.objective().min_bad_events);
            context.ledger.record(near_miss(&self.instances.rule, &labels, &reason, &facts, now));
        }
    }
}
