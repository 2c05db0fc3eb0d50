//! How an objective follows the business clock: when it counts at all, where its line stands, when its budget begins. Each
//! is said by name, none by default.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Objective, SeverityNames};
use crate::burn::Counts;
use crate::calendar::{Period, day_or_moment, follows_the_calendar, zone_named};
use crate::durations;
use crate::finding::{Finding, Place};

/// Where months, quarters and years begin unless the objective says otherwise.
const FIRST_PERIOD: &str = "2020-01-01";
/// What is usual, for budgets that begin anew.
const USUAL: Duration = Duration::from_secs(28 * 86_400);
const SHORTEST_WINDOW: Duration = Duration::from_secs(3_600);
const LONGEST_WINDOW: Duration = Duration::from_secs(90 * 86_400);

/// Names of calendars, and the period that the budget follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BusinessClock {
    /// Only what happens within one of these counts.
    pub count_only: Vec<String>,
    /// What happens within one of these does not count.
    pub exclude: Vec<String>,
    /// The first whose calendar holds the moment is the line.
    pub lines: Vec<OtherLine>,
    /// `None`: the window rolls.
    pub period: Option<Period>,
}

/// While a calendar holds: another objective, another severity.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherLine {
    pub calendar: String,
    /// In place of the objective's own.
    pub percent: Option<f64>,
    /// In place of the objective's own, each that is said.
    pub severities: SeverityNames,
}

/// The same before it is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClockDraft {
    pub(crate) count_only: Vec<Spanned<String>>,
    pub(crate) exclude: Vec<Spanned<String>>,
    pub(crate) lines: Vec<LineDraft>,
    pub(crate) starts: Option<Spanned<String>>,
    pub(crate) time_zone: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineDraft {
    pub(crate) r#while: Spanned<String>,
    pub(crate) objective: Option<Spanned<f64>>,
    #[serde(default)]
    pub(crate) severity: SeverityNames,
}

/// Good and total of a stretch that may stand under several lines, and the one ratio that stands for them: an event that
/// is bad under a line of 95 % takes 20 of the budget's events, under one of 99.5 % it takes 200.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighed {
    pub(crate) counts: Counts,
    /// Of what was bad, so that `burn_rate(counts, target)` is what the lines say together.
    pub(crate) target: f64,
    /// The burn rate if everything were bad.
    pub(crate) ceiling: f64,
}

impl Objective {
    /// How far back slices are needed. What is usual is never asked of a month that has just begun.
    pub(crate) fn kept(&self) -> Duration {
        if self.clock.period.is_some() { self.window.max(USUAL) } else { self.window }
    }

    /// Over how long what is usual is measured.
    pub(crate) fn usual_window(&self) -> Duration {
        if self.clock.period.is_some() { USUAL } else { self.window }
    }

    /// `28d`, `1M`: as it is written.
    pub(crate) fn window_spelt(&self) -> String {
        self.clock.period.as_ref().map_or_else(|| durations::spell(self.window), Period::spelt)
    }
}

impl BusinessClock {
    #[must_use]
    pub fn has_lines(&self) -> bool {
        !(self.count_only.is_empty() && self.exclude.is_empty() && self.lines.is_empty())
    }

    /// `by_line` as slices keep it; `target` is the objective's own. Lines that `counts` refuses are left out, and what
    /// does not count at all always is.
    pub(crate) fn weigh(&self, by_line: &[Counts], target: f64, counts: impl Fn(usize) -> bool) -> Weighed {
        let target_of = |line: usize| {
            let other = line.checked_sub(1).and_then(|at| self.lines.get(at)).and_then(|line| line.percent);
            other.map_or(target, |percent| percent / 100.0)
        };
        let (mut sum, mut bad_weight, mut total_weight) = (Counts::default(), 0.0, 0.0);
        let standing = by_line.iter().enumerate().take(self.lines.len() + 1);
        for (line, of_line) in standing.filter(|(line, _)| counts(*line)) {
            let budget = 1.0 - target_of(line);
            sum.good = sum.good.saturating_add(of_line.good);
            sum.total = sum.total.saturating_add(of_line.total);
            bad_weight += of_line.bad() as f64 / budget;
            total_weight += of_line.total as f64 / budget;
        }
        if self.lines.is_empty() || sum.total == 0 {
            return Weighed { counts: sum, target, ceiling: 1.0 / (1.0 - target) };
        }
        let ceiling = total_weight / sum.total as f64;
        let target = if sum.bad() == 0 { 1.0 - 1.0 / ceiling } else { 1.0 - sum.bad() as f64 / bad_weight };
        Weighed { counts: sum, target, ceiling }
    }
}

impl ClockDraft {
    /// Every calendar that it names, and where.
    pub(crate) fn named(&self, file: &Path) -> Vec<(String, Place)> {
        let of_lines = self.lines.iter().map(|line| &line.r#while);
        let names = self.count_only.iter().chain(&self.exclude).chain(of_lines);
        names.map(|name| (name.value.clone(), Place::of(file, name))).collect()
    }

    /// The clock, and the longest that the window can be.
    pub(crate) fn check(
        &self,
        window: &Spanned<String>,
        file: &Path,
        findings: &mut Vec<Finding>,
    ) -> Option<(BusinessClock, Duration)> {
        let before = findings.len();
        let lines = self.lines.iter().filter_map(|line| line.check(file, findings)).collect();
        let window = self.window(window, file).map_err(|finding| findings.push(finding)).ok();
        if findings.len() > before {
            return None;
        }
        let (period, length) = window?;
        let plain = |names: &[Spanned<String>]| names.iter().map(|name| name.value.clone()).collect();
        let clock = BusinessClock {
            count_only: plain(&self.count_only),
            exclude: plain(&self.exclude),
            lines,
            period,
        };
        Some((clock, length))
    }

    fn window(&self, window: &Spanned<String>, file: &Path) -> Result<(Option<Period>, Duration), Finding> {
        if self.starts.is_none() && !follows_the_calendar(&window.value) {
            return match (&self.time_zone, rolling(&window.value)) {
                (Some(zone), _) => Err(Place::of(file, zone).error(
                    "a window that rolls has no time zone: remove it, or say with `starts: 2026-01-05` where the \
                     periods of the calendar begin",
                )),
                (None, Ok(length)) => Ok((None, length)),
                (None, Err(message)) => Err(Place::of(file, window).error(message)),
            };
        }
        let (at, first) = match &self.starts {
            Some(starts) => (starts, starts.value.as_str()),
            None => (window, FIRST_PERIOD),
        };
        let first = day_or_moment(first).ok_or_else(|| {
            let message = format!("`{first}` is not a day: write 2026-01-05 or 2026-01-05 06:00");
            Place::of(file, at).error(message)
        })?;
        let zone = match &self.time_zone {
            Some(zone) => zone_named(&zone.value).map_err(|message| Place::of(file, zone).error(message))?,
            None => chrono_tz::UTC,
        };
        let period = Period::new(&window.value, first, zone);
        let period = period.map_err(|message| Place::of(file, window).error(message))?;
        let longest = period.longest();
        Ok((Some(period), longest))
    }
}

fn rolling(text: &str) -> Result<Duration, String> {
    let window = durations::parse(text)?;
    if (SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&window) {
        return Ok(window);
    }
    Err(format!("a window of {text} is out of range: 1h to 90d"))
}

impl LineDraft {
    fn check(&self, file: &Path, findings: &mut Vec<Finding>) -> Option<OtherLine> {
        let place = Place::of(file, &self.r#while);
        let percent = self.objective.as_ref().map(|percent| percent.value);
        if let Some(percent) = percent
            && !(percent > 0.0 && percent < 100.0)
        {
            let message =
                format!("an objective of {percent} % is none: write a percentage above 0 and below 100");
            findings.push(place.error(message));
            return None;
        }
        if percent.is_none() && self.severity == SeverityNames::default() {
            let message = format!(
                "the line while `{}` holds says nothing else: give it `objective` or `severity`",
                self.r#while.value
            );
            findings.push(place.error(message));
            return None;
        }
        Some(OtherLine { calendar: self.r#while.value.clone(), percent, severities: self.severity.clone() })
    }
}

#[cfg(test)]
mod tests;
