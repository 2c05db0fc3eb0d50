//! What an objective's alert says to people. Pure: numbers in, sentences out.

use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use crate::burn::{Counts, Reading, budget_left, time_to_exhaustion};
use crate::durations;
use crate::objective::Objective;
use crate::template::significant;

/// The numbers of one objective and group at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<'a> {
    pub(crate) objective: &'a Objective,
    pub(crate) groups: &'a Labels,
    /// The tier that decided.
    pub(crate) deciding: Reading,
    pub(crate) readings: &'a [Reading],
    /// The whole window of the objective.
    pub(crate) budget: Counts,
    pub(crate) since_began: Counts,
    pub(crate) began: Timestamp,
    pub(crate) history: Duration,
    pub(crate) refused_groups: usize,
}

impl Numbers<'_> {
    /// One sentence a warehouse lead understands.
    pub(crate) fn summary(&self) -> String {
        let places: Vec<&str> = self
            .objective
            .group_by
            .iter()
            .map(|group| self.groups.get(group))
            .filter(|at| !at.is_empty())
            .collect();
        let at = if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) };
        format!(
            "{}: {} of {}{at} missed the objective ({} %) in the last {}; {} bad since {}",
            self.objective.name,
            percent(self.deciding.short.error_ratio()),
            self.objective.noun.as_deref().unwrap_or("events"),
            self.objective.percent,
            durations::say(self.deciding.threshold.tier.short),
            self.since_began.bad(),
            self.began.to_utc().format("%H:%M UTC"),
        )
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
        sentences.extend(self.coverage());
        sentences.join(" ")
    }

    /// Why this tier fires.
    pub(crate) fn reason(&self) -> String {
        let Reading { threshold, burn_long, burn_short, .. } = self.deciding;
        let bound = match threshold.clamped_from {
            Some(_) => "the highest there can be".to_owned(),
            None => format!("{} of the budget", percent(threshold.tier.budget_share)),
        };
        format!(
            "The error budget burns {} times too fast over {} and {} times over {}; the limit is {} ({bound}).",
            significant(round(burn_long)),
            durations::say(threshold.tier.long),
            significant(round(burn_short)),
            durations::say(threshold.tier.short),
            significant(threshold.burn),
        )
    }

    fn budget_sentence(&self) -> String {
        let left = budget_left(self.budget, self.objective.target());
        let window = durations::say(self.objective.window);
        let said = percent(left);
        if left <= 0.0 {
            return format!("The budget of {window} is overspent: {said} left.");
        }
        match time_to_exhaustion(left, self.objective.window, self.deciding.burn_long) {
            Some(time) => format!(
                "{said} of the {window} budget is left, gone in {} at the rate of the last {}.",
                durations::say(time),
                durations::say(self.deciding.threshold.tier.long)
            ),
            None => format!("{said} of the {window} budget is left."),
        }
    }

    /// What these numbers do not know.
    pub(crate) fn coverage(&self) -> Option<String> {
        let long = self.deciding.threshold.tier.long;
        let short_history = (self.history < long).then(|| {
            format!(
                "History covers {} of {}; the ratio is taken as that of the whole.",
                durations::say(self.history),
                durations::say(long)
            )
        });
        let refused = (self.refused_groups > 0).then(|| {
            format!("{} more groups are not watched: the query groups too finely.", self.refused_groups)
        });
        let said: Vec<String> = short_history.into_iter().chain(refused).collect();
        (!said.is_empty()).then(|| said.join(" "))
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
