//! An objective's rows of the table `slos`.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};

use super::ObjectiveWatch;
use crate::burn::{TIERS, budget_left, burn_rate};
use crate::durations;
use crate::instance::{Instance, State};
use crate::sentences::waiting;
use crate::slo_table::SloRow;

impl ObjectiveWatch {
    /// One row per group; one without a group while there is none yet.
    pub(in crate::evaluator) fn rows(&self) -> Vec<SloRow> {
        let mut groups = self.all_groups();
        if groups.is_empty() {
            groups.insert(Labels::default());
        }
        groups.iter().map(|groups| self.row(groups)).collect()
    }

    fn row(&self, groups: &Labels) -> SloRow {
        let objective = self.objective();
        let (whole, budget) = (self.budget(groups), self.weighed_budget(groups));
        let worst = self.worst(groups);
        SloRow {
            slo: objective.name.clone(),
            service: objective.service.clone(),
            team: objective.team.clone(),
            objective: objective.percent,
            window: objective.window_spelt(),
            groups: groups.clone(),
            state: self.state_of(worst),
            severity: worst.map(|instance| instance.labels.get("severity").to_owned()),
            good: budget.counts.good,
            total: budget.counts.total,
            not_counted: self.slices.left_out(groups, objective.window).total,
            line: self.line_now(groups, self.slices.newest()),
            budget_left: budget_left(budget.counts, budget.target),
            budget_spent: whole.spent,
            burns: self.burns(groups),
            last_event_time: self.slices.last_event(groups).map(Timestamp::nanos),
            coverage: self.coverage(groups),
            waiting: self.waiting(groups),
        }
    }

    fn worst(&self, groups: &Labels) -> Option<&Instance> {
        let active =
            self.instances.iter().filter(|it| it.is_active() && self.groups_of(&it.labels) == *groups);
        active.max_by_key(|instance| instance.state == State::Firing)
    }

    fn state_of(&self, worst: Option<&Instance>) -> &'static str {
        if self.is_held() {
            return "blind";
        }
        match worst.map(|instance| instance.state) {
            Some(State::Firing) => "firing",
            Some(State::Pending) => "pending",
            Some(State::Resolved { .. }) | None => "inactive",
        }
    }

    fn burns(&self, groups: &Labels) -> BTreeMap<String, f64> {
        let windows = TIERS.into_iter().flat_map(|tier| [tier.long, tier.short]);
        let burns = windows.map(|window| {
            let weighed = self.weighed(groups, window, None);
            let burn = burn_rate(weighed.counts, weighed.target);
            (format!("burn_{}", durations::spell(window)), burn)
        });
        burns.collect()
    }

    fn waiting(&self, groups: &Labels) -> Option<String> {
        let (reading, wait) = self.waiting.get(groups)?;
        Some(waiting(reading, *wait, self.objective().min_bad_events))
    }

    fn coverage(&self, groups: &Labels) -> String {
        if let Some(error) = self.trouble.message() {
            return format!("the query fails, so nothing is judged: {error}");
        }
        if self.sight.is_blind() {
            return "no event has arrived lately, so nothing is judged".to_owned();
        }
        if self.slices.budget(groups, self.objective().window).total == 0 {
            return if self.period.is_some() { "no event yet in this period" } else { "no event yet" }
                .to_owned();
        }
        let mut said = format!("history covers {}", durations::say(self.slices.history()));
        if self.slices.refused_groups() > 0 {
            said.push_str(&format!("; {} more groups are not watched", self.slices.refused_groups()));
        }
        said
    }
}
