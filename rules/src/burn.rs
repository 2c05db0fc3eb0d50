//! Burn-rate arithmetic, pure. With T = objective, e = error ratio: burn = e / (1 - T). A tier fires while both its
//! long and its short window burn at least B = (share of the budget) x (period) / (long window); see the SRE workbook,
//! chapter 5. Nothing here is ever clamped to look nicer: an overspent budget is negative.

use std::time::Duration;

use plimsoll_model::Severity;

use crate::objective::Weighed;

/// Equal up to rounding counts as reached: `0.2 / (1 - 0.9)` is a hair under 2.
const ROUNDING: f64 = 1e-9;

/// Good and total events of some stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub total: u64,
}

impl Counts {
    #[must_use]
    pub const fn bad(self) -> u64 {
        self.total.saturating_sub(self.good)
    }

    /// 0 when nothing happened: an empty window is no error.
    #[must_use]
    pub fn error_ratio(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.bad() as f64 / self.total as f64 }
    }
}

/// How much of the budget may go in how long before somebody hears of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    pub severity: Severity,
    pub long: Duration,
    pub short: Duration,
    pub budget_share: f64,
}

pub const TIERS: [Tier; 4] = [
    tier(Severity::Page, 60, 0.02),
    tier(Severity::Page, 6 * 60, 0.05),
    tier(Severity::Ticket, 24 * 60, 0.10),
    tier(Severity::Ticket, 72 * 60, 0.10),
];

const fn tier(severity: Severity, long_minutes: u64, budget_share: f64) -> Tier {
    let long = Duration::from_secs(long_minutes * 60);
    Tier { severity, long, short: Duration::from_secs(long_minutes * 5), budget_share }
}

/// A tier with its burn rate for one objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub tier: Tier,
    pub burn: f64,
    /// What the budget share asked for, where no burn could ever reach that; `burn` is then the ceiling 1 / (1 - T).
    pub clamped_from: Option<f64>,
    /// How long both windows must burn before it fires.
    pub after: Duration,
}

impl Threshold {
    /// The error ratio that trips it.
    #[must_use]
    pub fn error_ratio(&self, target: f64) -> f64 {
        (self.burn * (1.0 - target)).min(1.0)
    }
}

/// The tiers that fit into `period`, each with the burn rate that spends its share of the budget.
#[must_use]
pub fn thresholds(period: Duration, target: f64) -> Vec<Threshold> {
    let ceiling = 1.0 / (1.0 - target);
    let fitting = TIERS.into_iter().filter(|tier| tier.long <= period);
    fitting
        .map(|tier| {
            let asked = tier.budget_share * period.as_secs_f64() / tier.long.as_secs_f64();
            let clamped_from = (asked > ceiling * (1.0 + ROUNDING)).then_some(asked);
            Threshold { tier, burn: asked.min(ceiling), clamped_from, after: Duration::ZERO }
        })
        .collect()
}

#[must_use]
pub fn burn_rate(counts: Counts, target: f64) -> f64 {
    counts.error_ratio() / (1.0 - target)
}

/// 1 is untouched, 0 is spent, below is overspent: that is the message.
#[must_use]
pub fn budget_left(window: Counts, target: f64) -> f64 {
    if window.total == 0 { 1.0 } else { 1.0 - burn_rate(window, target) }
}

/// When the budget is gone if it goes on like this; `None` when it does not burn or nothing is left.
#[must_use]
pub fn time_to_exhaustion(budget_left: f64, period: Duration, burn: f64) -> Option<Duration> {
    if burn <= 0.0 || budget_left <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64(budget_left * period.as_secs_f64() / burn).ok()
}

/// What a tier's two windows hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub threshold: Threshold,
    pub long: Counts,
    pub short: Counts,
    pub burn_long: f64,
    pub burn_short: f64,
    /// `burn_long`, had the long window been as busy as it usually is: never above it.
    pub burn_of_usual: f64,
}

impl Reading {
    /// `usual` is how many events the long window holds on average.
    #[must_use]
    pub fn new(threshold: Threshold, long: Counts, short: Counts, usual: f64, target: f64) -> Self {
        let (burn_long, burn_short) = (burn_rate(long, target), burn_rate(short, target));
        let burn_of_usual = burn_at_usual(long, usual, target);
        Self { threshold, long, short, burn_long, burn_short, burn_of_usual }
    }

    /// What fires goes on while both windows burn. An empty short window is no news, and no news clears nothing.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.reaches(self.burn_long) && (self.short.total == 0 || self.reaches(self.burn_short))
    }

    /// Of windows that may stand under several lines. No threshold is above what can burn there at most.
    pub(crate) fn under_lines(mut threshold: Threshold, long: Weighed, short: Weighed, usual: f64) -> Self {
        let asked = threshold.clamped_from.unwrap_or(threshold.burn);
        let ceiling = long.ceiling.min(short.ceiling);
        threshold.burn = asked.min(ceiling);
        threshold.clamped_from = (asked > ceiling * (1.0 + ROUNDING)).then_some(asked);
        let reading = Self::new(threshold, long.counts, short.counts, usual, long.target);
        Self { burn_short: burn_rate(short.counts, short.target), ..reading }
    }

    fn reaches(&self, burn: f64) -> bool {
        burn >= self.threshold.burn * (1.0 - ROUNDING)
    }
}

/// The burn rate of as many bad events among as many as are usual, if that is more than came.
fn burn_at_usual(counts: Counts, usual: f64, target: f64) -> f64 {
    let events = usual.max(counts.total as f64).max(1.0);
    counts.bad() as f64 / events / (1.0 - target)
}

/// How many events `window` holds on average, by what the whole period holds. A history that is no longer than the window
/// knows of no other rate than the window's own.
#[must_use]
pub fn usual_events(whole: Counts, period: Duration, history: Duration, window: Duration) -> f64 {
    let known = history.min(period);
    if known <= window {
        return 0.0;
    }
    whole.total as f64 * window.as_secs_f64() / known.as_secs_f64()
}

/// The whole period's budget, used by how many bad events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    pub window: Counts,
    /// How many events of the whole period may be bad; what history does not reach is taken to be as busy as what it does.
    pub allowed: f64,
    /// 1 is all of it.
    pub spent: f64,
}

impl Budget {
    #[must_use]
    pub fn new(window: Counts, period: Duration, history: Duration, target: f64) -> Self {
        let known = history.min(period).as_secs_f64();
        let stretch = if known > 0.0 { period.as_secs_f64() / known } else { 1.0 };
        let allowed = (1.0 - target) * window.total as f64 * stretch;
        let spent = if allowed > 0.0 { window.bad() as f64 / allowed } else { 0.0 };
        Self { window, allowed, spent }
    }

    /// How long it lasts if it goes on as in `recent`; `None` when nothing burns or nothing is left.
    #[must_use]
    pub fn lasts(&self, recent: Counts, usual: f64, period: Duration, target: f64) -> Option<Duration> {
        time_to_exhaustion(1.0 - self.spent, period, burn_at_usual(recent, usual, target))
    }
}

/// Why what burns in the short window is not an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing was known yet when the short window began.
    History,
    /// Fewer bad events than the objective asks for.
    FewBad,
    /// The long window has not confirmed it yet.
    Confirmation,
    /// So few events that the tier's share of the whole period's budget is not spent.
    LowTraffic,
}

/// What the tiers of one severity say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Clear,
    Waiting(Reading, Wait),
    Burning(Reading),
}

/// Against low traffic and a short memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Fewer bad events than this never fire, whatever their ratio.
    pub min_bad_events: u64,
    /// How far back the objective knows anything. A tier is judged once its short window is covered: a ratio seen for
    /// less than a twelfth of the long window says nothing about it.
    pub history: Duration,
}

impl Guard {
    fn judge(self, reading: &Reading) -> Verdict {
        if !reading.reaches(reading.burn_short) || reading.short.bad() == 0 {
            return Verdict::Clear;
        }
        let wait = if self.history < reading.threshold.tier.short {
            Wait::History
        } else if reading.long.bad() < self.min_bad_events {
            Wait::FewBad
        } else if !reading.reaches(reading.burn_long) {
            Wait::Confirmation
        } else if !reading.reaches(reading.burn_of_usual) {
            Wait::LowTraffic
        } else {
            return Verdict::Burning(*reading);
        };
        Verdict::Waiting(*reading, wait)
    }
}

/// The first burning tier decides, else the first that waits.
#[must_use]
pub fn judge(readings: &[Reading], severity: Severity, guard: Guard) -> Verdict {
    let mut verdict = Verdict::Clear;
    for reading in readings.iter().filter(|reading| reading.threshold.tier.severity == severity) {
        match guard.judge(reading) {
            Verdict::Clear => {}
            waiting @ Verdict::Waiting(..) if verdict == Verdict::Clear => verdict = waiting,
            Verdict::Waiting(..) => {}
            burning @ Verdict::Burning(_) => return burning,
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
