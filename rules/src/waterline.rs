//! An objective's calendars, found: under which line each moment stands, for which group. The load line of a ship is not
//! one either: it depends on season and water.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use crate::burn::Counts;
use crate::calendar::{Calendar, Calendars, Span, minus, union};
use crate::durations;
use crate::objective::BusinessClock;
use crate::slices::{Line, Lines};

/// What an objective names, as calendars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waterline {
    count_only: Vec<Arc<Calendar>>,
    exclude: Vec<Arc<Calendar>>,
    lines: Vec<Arc<Calendar>>,
}

impl Waterline {
    /// `None` when the objective follows none. Names that there are not have been refused before.
    pub(crate) fn of(clock: &BusinessClock, calendars: &Calendars) -> Option<Arc<Self>> {
        let found =
            |names: &[String]| names.iter().filter_map(|name| calendars.named(name).cloned()).collect();
        let lines: Vec<String> = clock.lines.iter().map(|line| line.calendar.clone()).collect();
        let waterline = Self {
            count_only: found(&clock.count_only),
            exclude: found(&clock.exclude),
            lines: found(&lines),
        };
        clock.has_lines().then(|| Arc::new(waterline))
    }

    const fn out(&self) -> Line {
        Line(self.lines.len() + 1)
    }

    /// What of [from, to) does not count. A calendar that concerns others says nothing of this group.
    fn left_out(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let mut out: Vec<Span> =
            self.exclude.iter().flat_map(|calendar| calendar.spans_for(groups, from, to)).collect();
        let inside: Vec<_> = self.count_only.iter().filter(|calendar| calendar.concerns(groups)).collect();
        if !inside.is_empty() {
            let hours =
                union(inside.iter().flat_map(|calendar| calendar.spans_for(groups, from, to)).collect());
            out.extend(minus(&[Span::new(from, to)], &hours));
        }
        union(out)
    }

    /// Under which line the moment stands.
    pub(crate) fn line_at(&self, groups: &Labels, time: Timestamp) -> Line {
        let after = Timestamp::from_nanos(time.nanos().saturating_add(1));
        self.of(groups, time, after).first().map_or(Line(0), |(_, line)| *line)
    }

    /// Whether what happens at the moment counts.
    pub(crate) fn counts_at(&self, groups: &Labels, time: Timestamp) -> bool {
        self.line_at(groups, time) != self.out()
    }

    /// The calendar whose line holds at the moment; none when it is the objective's own.
    pub(crate) fn calendar_at(&self, groups: &Labels, time: Timestamp) -> Option<&str> {
        let Line(line) = self.line_at(groups, time);
        let calendar = line.checked_sub(1).and_then(|at| self.lines.get(at));
        calendar.map(|calendar| calendar.name.as_str())
    }

    /// What of [from, to) does not count, for people: `2 h of maintenance do not count (12 of 40 orders bad).`
    pub(crate) fn say(
        &self,
        groups: &Labels,
        (from, to): (Timestamp, Timestamp),
        out: Counts,
        noun: &str,
    ) -> Vec<String> {
        let mut said = Vec::new();
        for calendar in &self.exclude {
            let held = total(&calendar.spans_for(groups, from, to));
            if held > Duration::ZERO {
                said.push(format!("{} of {} do not count.", durations::say(held), calendar.name));
            }
        }
        let inside: Vec<_> = self.count_only.iter().filter(|calendar| calendar.concerns(groups)).collect();
        if !inside.is_empty() {
            let names = inside.iter().map(|calendar| calendar.name.as_str()).collect::<Vec<_>>().join(" or ");
            said.push(format!("Only what happens in {names} counts."));
        }
        if out.total > 0 {
            said.push(format!("That leaves out {} {noun}, {} of them bad.", out.total, out.bad()));
        }
        said
    }
}

fn total(spans: &[Span]) -> Duration {
    spans.iter().map(|span| span.to.since(span.from)).sum()
}

impl Lines for Waterline {
    fn count(&self) -> usize {
        self.lines.len() + 2
    }

    fn of(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<(Span, Line)> {
        let mut taken = self.left_out(groups, from, to);
        let mut found: Vec<(Span, Line)> = taken.iter().map(|span| (*span, self.out())).collect();
        for (at, calendar) in self.lines.iter().enumerate() {
            let held = minus(&calendar.spans_for(groups, from, to), &taken);
            found.extend(held.iter().map(|span| (*span, Line(at + 1))));
            taken = union(taken.into_iter().chain(held).collect());
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests;
