//! What the business clock does to an objective: which line weighs what, whose budget it is, and how people hear of it.

use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use super::ObjectiveWatch;
use crate::objective::{Face, Weighed};

impl ObjectiveWatch {
    /// A new period has a budget of its own, and thresholds by its own length.
    pub(super) fn follow_the_calendar(&mut self, now: Timestamp) {
        let Some(period) = &self.checked.objective.clock.period else { return };
        if self.period.is_some_and(|known| known.from <= now && now < known.to) {
            return;
        }
        self.period = Some(period.holding(now));
        self.thresholds = self.checked.objective.thresholds_over(self.window());
    }

    /// How long the budget lasts.
    pub(super) fn window(&self) -> Duration {
        self.period.map_or(self.checked.objective.window, |period| period.to.since(period.from))
    }

    /// What a window holds, of all lines or of those that speak under a label.
    pub(super) fn weighed(&self, groups: &Labels, window: Duration, face: Option<&Face>) -> Weighed {
        let objective = self.objective();
        let by_line = self.slices.by_line(groups, window);
        objective
            .clock
            .weigh(by_line, objective.target(), |line| face.is_none_or(|face| face.speaks_of(line)))
    }

    pub(super) fn weighed_budget(&self, groups: &Labels) -> Weighed {
        let objective = self.objective();
        let by_line = self.slices.budget_by_line(groups, objective.window);
        objective.clock.weigh(by_line, objective.target(), |_| true)
    }

    /// Whether what happens now counts for anybody: when it does not, nobody needs to see it.
    pub(super) fn counts_now(&self, now: Timestamp) -> bool {
        let Some(waterline) = &self.checked.waterline else { return true };
        let mut groups = self.slices.groups().peekable();
        if groups.peek().is_none() {
            return waterline.counts_at(&Labels::default(), now);
        }
        groups.any(|groups| waterline.counts_at(groups, now))
    }

    /// The calendar whose line holds, if it is not the objective's own.
    pub(super) fn line_now(&self, groups: &Labels, now: Timestamp) -> Option<String> {
        self.checked.waterline.as_ref()?.calendar_at(groups, now).map(str::to_owned)
    }

    pub(super) fn said_of_the_clock(&self, groups: &Labels, now: Timestamp) -> Vec<String> {
        let Some(waterline) = &self.checked.waterline else { return Vec::new() };
        let objective = self.objective();
        let from = self.period.map_or(now - objective.window, |period| period.from);
        let out = self.slices.left_out(groups, objective.window);
        let mut said = waterline.say(groups, (from, now), out, objective.noun.as_deref().unwrap_or("events"));
        if let Some(calendar) = waterline.calendar_at(groups, now) {
            let line = objective.clock.lines.iter().find(|line| line.calendar == calendar);
            let percent = line.and_then(|line| line.percent).unwrap_or(objective.percent);
            said.push(format!("While {calendar} lasts the line is at {percent} %."));
        }
        said
    }
}
