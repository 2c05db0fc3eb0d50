//! From a group's sums to the alerts that should be there, and the reason why one is not.

use std::time::Duration;

use plimsoll_model::{Labels, Severity, Timestamp};

use super::ObjectiveWatch;
use crate::burn::{Budget, Guard, Reading, Threshold, Verdict, Wait, judge, usual_events};
use crate::instance::State;
use crate::objective::Face;
use crate::sentences::Cause;

/// What the budget's slow end is measured on.
pub(super) const RECENT: Duration = Duration::from_secs(86_400);
/// A day of which less than this is known says nothing about how long a budget lasts.
const RECENT_KNOWN: Duration = Duration::from_secs(2 * 3_600);

/// One alert that a group's numbers call for.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) groups: Labels,
    pub(super) labels: Labels,
    pub(super) cause: Cause,
    pub(super) readings: Vec<Reading>,
    /// Both windows: Firing rather than Pending.
    pub(super) burns: bool,
}

/// A group's alerts, and what waits.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) judged: Vec<Judged>,
    /// Neither fired nor resolved: too little of their windows could be seen.
    pub(super) frozen: Vec<Labels>,
    pub(super) waiting: Option<(Reading, Wait)>,
}

impl ObjectiveWatch {
    pub(super) fn budget(&self, groups: &Labels) -> Budget {
        let whole = self.weighed_budget(groups);
        Budget::new(whole.counts, self.window(), self.slices.budget_history(), whole.target)
    }

    pub(super) fn guard(&self) -> Guard {
        Guard { min_bad_events: self.objective().min_bad_events, history: self.slices.history() }
    }

    /// How many events a window of this group usually holds.
    pub(super) fn usual(&self, groups: &Labels, window: Duration, face: Option<&Face>) -> f64 {
        let period = self.objective().usual_window();
        usual_events(self.weighed(groups, period, face).counts, period, self.slices.history(), window)
    }

    pub(super) fn readings(&self, groups: &Labels, face: &Face) -> Vec<Reading> {
        let read = |threshold: &Threshold| {
            let within = |window| self.weighed(groups, window, Some(face));
            let usual = self.usual(groups, threshold.tier.long, Some(face));
            Reading::under_lines(*threshold, within(threshold.tier.long), within(threshold.tier.short), usual)
        };
        self.thresholds.iter().map(read).collect()
    }

    /// A ticket is not stated beside a page.
    pub(super) fn judge_group(&self, groups: &Labels, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        // Without lines every face sees the same.
        let shared = self.faces.first().filter(|_| self.objective().clock.lines.is_empty());
        let shared = shared.map(|face| self.readings(groups, face));
        for face in &self.faces {
            let severity = face.severity;
            let readings = shared.clone().unwrap_or_else(|| self.readings(groups, face));
            let labels = self.labels(groups, &face.label);
            let is_firing =
                self.instances.get(&labels).is_some_and(|instance| instance.state == State::Firing);
            let seen: Vec<Reading> = readings
                .iter()
                .filter(|it| self.sight.is_covered(it.threshold.tier.short, now))
                .copied()
                .collect();
            let verdict = judge(&seen, severity, self.guard());
            if let Verdict::Waiting(reading, wait) = verdict {
                judgement.waiting.get_or_insert((reading, wait));
            }
            let Some((cause, burns)) = self.cause(groups, &seen, face, verdict, is_firing) else {
                if is_firing && seen.len() < readings.len() {
                    judgement.frozen.push(labels);
                }
                continue;
            };
            // Tickets of one line may be what pages are of another: one alert, and what burns is stated.
            let same = judgement.judged.iter().position(|other: &Judged| other.labels == labels);
            if let Some(same) = same {
                if !burns {
                    continue;
                }
                judgement.judged.remove(same);
            }
            judgement.judged.push(Judged { groups: groups.clone(), labels, cause, readings, burns });
            if burns {
                break;
            }
        }
        judgement
    }

    /// What calls for an alert of this severity, and whether it fires or is only near.
    fn cause(
        &self,
        groups: &Labels,
        seen: &[Reading],
        face: &Face,
        verdict: Verdict,
        is_firing: bool,
    ) -> Option<(Cause, bool)> {
        let severity = face.severity;
        if let Verdict::Burning(reading) = verdict {
            return Some((Cause::Burn(reading), true));
        }
        // What fires lasts as long as both windows burn, however little traffic is left.
        let lasts = seen.iter().find(|it| is_firing && it.threshold.tier.severity == severity && it.holds());
        if let Some(reading) = lasts {
            return Some((Cause::Burn(*reading), true));
        }
        if severity == Severity::Ticket
            && face.speaks_of(0)
            && let Some(cause) = self.budget_cause(groups)
        {
            return Some((cause, true));
        }
        match verdict {
            Verdict::Waiting(reading, Wait::Confirmation | Wait::LowTraffic)
                if !is_firing && reading.short.bad() >= self.objective().min_bad_events =>
            {
                Some((Cause::Burn(reading), false))
            }
            _ => None,
        }
    }

    /// The slow bleed: no window burns fast enough for a tier, and yet the budget goes.
    fn budget_cause(&self, groups: &Labels) -> Option<Cause> {
        let objective = self.objective();
        objective.severities.label(Severity::Ticket)?;
        let weighed = self.weighed(groups, RECENT, None);
        let (budget, recent) = (self.budget(groups), weighed.counts);
        if budget.window.bad() < objective.min_bad_events.max(1) || recent.bad() == 0 {
            return None;
        }
        let alerts = &objective.budget_alerts;
        if alerts.spent.is_some_and(|percent| budget.spent >= percent / 100.0) {
            return Some(Cause::Spent { budget, recent });
        }
        if self.slices.history() < RECENT_KNOWN {
            return None;
        }
        let usual = self.usual(groups, RECENT, None);
        let lasts = budget.lasts(recent, usual, self.window(), weighed.target)?;
        let is_soon = alerts.exhausts_within.is_some_and(|within| lasts <= within);
        is_soon.then_some(Cause::Exhausts { budget, recent, lasts })
    }
}
