//! What an objective's alert says to people. Pure: numbers in, sentences out.

use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use crate::burn::{Budget, Counts, Reading, Wait, time_to_exhaustion};
use crate::calendar::Period;
use crate::durations;
use crate::objective::Objective;
use crate::template::significant;

/// Why there is an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cause {
    /// A tier: its windows burn too fast.
    Burn(Reading),
    /// The whole window's budget went, however slowly, and still goes.
    Spent { budget: Budget, recent: Counts },
    /// It will be gone that soon.
    Exhausts { budget: Budget, recent: Counts, lasts: Duration },
}

impl Cause {
    /// How long it must last before it is an alert.
    pub(crate) const fn after(&self) -> Duration {
        match self {
            Self::Burn(reading) => reading.threshold.after,
            Self::Spent { .. } | Self::Exhausts { .. } => Duration::ZERO,
        }
    }

    /// What the summary speaks of: counts, and of how long.
    pub(crate) fn recent(&self) -> (Counts, Duration) {
        match self {
            Self::Burn(reading) => (reading.short, reading.threshold.tier.short),
            Self::Spent { recent, .. } | Self::Exhausts { recent, .. } => (*recent, A_DAY),
        }
    }
}

const A_DAY: Duration = Duration::from_secs(86_400);

/// The numbers of one objective and group at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<'a> {
    pub(crate) objective: &'a Objective,
    pub(crate) groups: &'a Labels,
    pub(crate) cause: Cause,
    pub(crate) readings: &'a [Reading],
    /// The whole window of the objective.
    pub(crate) budget: Budget,
    pub(crate) since_began: Counts,
    pub(crate) began: Timestamp,
    pub(crate) history: Duration,
    pub(crate) refused_groups: usize,
    /// How long the budget lasts.
    pub(crate) window: Duration,
    /// What the business clock does to them, a sentence each.
    pub(crate) clock: Vec<String>,
}

impl Numbers<'_> {
    /// One sentence a warehouse lead understands.
    pub(crate) fn summary(&self) -> String {
        let (name, noun) = (&self.objective.name, self.noun());
        let window = self.window_said();
        let allowed = self.budget.allowed;
        match self.cause {
            Cause::Burn(reading) => format!(
                "{name}: {} of {noun}{} missed the objective ({} %) in the last {}; {} bad since {}",
                percent(reading.short.error_ratio()),
                self.place(),
                self.objective.percent,
                durations::say(reading.threshold.tier.short),
                self.since_began.bad(),
                self.began.to_utc().format("%H:%M UTC"),
            ),
            Cause::Spent { budget, recent } => format!(
                "{name}: the error budget of {window}{} is {} spent: {} {noun} were bad, {} may be; {} in the last day",
                self.place(),
                percent(budget.spent),
                budget.window.bad(),
                allowed.floor(),
                recent.bad(),
            ),
            Cause::Exhausts { budget, recent, lasts } => format!(
                "{name}: the error budget of {window}{} lasts {} more at the rate of the last day ({} bad {noun}); {} is left",
                self.place(),
                durations::say(lasts),
                recent.bad(),
                percent(1.0 - budget.spent),
            ),
        }
    }

    /// `28 d`, `this month`.
    fn window_said(&self) -> String {
        let period = self.objective.clock.period.as_ref();
        period.map_or_else(|| durations::say(self.objective.window), Period::said)
    }

    fn budget_said(&self) -> String {
        match &self.objective.clock.period {
            Some(period) => format!("the budget of {}", period.said()),
            None => format!("the {} budget", durations::say(self.objective.window)),
        }
    }

    fn noun(&self) -> &str {
        self.objective.noun.as_deref().unwrap_or("events")
    }

    fn place(&self) -> String {
        let places = self.objective.group_by.iter().map(|group| self.groups.get(group));
        let places: Vec<&str> = places.filter(|at| !at.is_empty()).collect();
        if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) }
    }

    pub(crate) fn description(&self) -> String {
        let mut sentences = Vec::new();
        sentences.extend(self.objective.description.clone());
        sentences.push(self.reason());
        let burns = self.readings.iter().map(|reading| {
            format!(
                "{} {}",
                durations::say(reading.threshold.tier.long),
                significant(round(reading.burn_long))
            )
        });
        sentences.push(format!("Burn rates: {}.", burns.collect::<Vec<_>>().join(", ")));
        sentences.push(self.budget_sentence());
        sentences.extend(self.clock.iter().cloned());
        sentences.extend(self.coverage());
        sentences.join(" ")
    }

    /// Why there is an alert.
    pub(crate) fn reason(&self) -> String {
        let window = self.window_said();
        match self.cause {
            Cause::Burn(reading) => burn_reason(&reading),
            Cause::Spent { budget, .. } => format!(
                "{} of the error budget of {window} is spent, and it goes on, though no burn window is too fast.",
                percent(budget.spent)
            ),
            Cause::Exhausts { lasts, .. } => format!(
                "At the rate of the last day the error budget of {window} is gone in {}.",
                durations::say(lasts)
            ),
        }
    }

    fn budget_sentence(&self) -> String {
        let left = 1.0 - self.budget.spent;
        let window = self.window_said();
        let said = percent(left);
        if left <= 0.0 {
            return format!("The budget of {window} is overspent: {said} left.");
        }
        let lasts = match self.cause {
            Cause::Burn(reading) => time_to_exhaustion(left, self.window, reading.burn_long)
                .map(|time| (time, reading.threshold.tier.long)),
            Cause::Spent { .. } | Cause::Exhausts { .. } => None,
        };
        match lasts {
            Some((time, long)) => format!(
                "{said} of {} is left, gone in {} at the rate of the last {}.",
                self.budget_said(),
                durations::say(time),
                durations::say(long)
            ),
            None => format!("{said} of {} is left.", self.budget_said()),
        }
    }

    /// What these numbers do not know.
    pub(crate) fn coverage(&self) -> Option<String> {
        let short_history = match self.cause {
            Cause::Burn(reading) if self.history < reading.threshold.tier.long => Some(format!(
                "History covers {} of {}; the ratio is taken as that of the whole.",
                durations::say(self.history),
                durations::say(reading.threshold.tier.long)
            )),
            _ => None,
        };
        let refused = (self.refused_groups > 0).then(|| {
            format!("{} more groups are not watched: the query groups too finely.", self.refused_groups)
        });
        let said: Vec<String> = short_history.into_iter().chain(refused).collect();
        (!said.is_empty()).then(|| said.join(" "))
    }
}

fn burn_reason(reading: &Reading) -> String {
    let Reading { threshold, burn_long, burn_short, .. } = reading;
    let bound = match threshold.clamped_from {
        Some(_) => "the highest there can be".to_owned(),
        None => format!("{} of the budget", percent(threshold.tier.budget_share)),
    };
    format!(
        "The error budget burns {} times too fast over {} and {} times over {}; the limit is {} ({bound}).",
        significant(round(*burn_long)),
        durations::say(threshold.tier.long),
        significant(round(*burn_short)),
        durations::say(threshold.tier.short),
        significant(threshold.burn),
    )
}

/// Why what burns wakes nobody yet.
pub(crate) fn waiting(reading: &Reading, wait: Wait, min_bad_events: u64) -> String {
    let long = durations::say(reading.threshold.tier.long);
    let short = durations::say(reading.threshold.tier.short);
    let burns = format!("it burns {} times too fast over {short}", significant(round(reading.burn_short)));
    match wait {
        Wait::History => format!("{burns}, but history is shorter than {short}: waits"),
        Wait::FewBad => format!(
            "{burns}, but only {} of {} were bad in {long}: waits for {min_bad_events} (min_bad_events)",
            reading.long.bad(),
            reading.long.total,
        ),
        Wait::Confirmation => format!(
            "{burns}, and {} times over {long}: waits for {} there",
            significant(round(reading.burn_long)),
            significant(reading.threshold.burn),
        ),
        Wait::LowTraffic => format!(
            "{burns}, but with so little traffic {} bad in {long} spend less than {} of the budget: waits",
            reading.long.bad(),
            percent(reading.threshold.tier.budget_share),
        ),
    }
}

/// `62 %`, `6.7 %`, `0.12 %`, and `-12 %` for what is overspent.
pub(crate) fn percent(ratio: f64) -> String {
    let hundredths = ratio * 100.0;
    let decimals = match hundredths.abs() {
        magnitude if magnitude >= 9.95 || magnitude == 0.0 => 0,
        magnitude if magnitude >= 0.995 => 1,
        _ => 2,
    };
    let text = format!("{hundredths:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

fn round(burn: f64) -> f64 {
    (burn * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
