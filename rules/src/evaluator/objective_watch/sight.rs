//! Whether an objective can see: how far its sources have got, when they were silent, and how much of a window that leaves.
//! An empty slice under a living source is covered; what passed while nobody could tell us is not.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use plimsoll_model::{Signal, SourceKind, SourceStatus, Table, Timestamp};

use crate::objective::Blindness;

/// Silences that are remembered; more of them than this would be one long silence.
const MAX_GAPS: usize = 64;
/// That we live says nothing about anybody else.
const OURSELVES: &str = "plimsoll";

/// Who sends or is asked, and how far each has got, whatever the signal: reckoned once for all objectives of a tick.
#[derive(Debug)]
pub(in crate::evaluator) struct Sources {
    statuses: Vec<SourceStatus>,
    lives: HashMap<String, Option<Timestamp>>,
}

impl Sources {
    pub(in crate::evaluator) fn new(statuses: Vec<SourceStatus>) -> Self {
        let mut lives: HashMap<String, Option<Timestamp>> = HashMap::new();
        for source in &statuses {
            let known = lives.entry(source.name.clone()).or_default();
            *known = (*known).max(life(source));
        }
        Self { statuses, lives }
    }

    fn life(&self, name: &str) -> Option<Timestamp> {
        self.lives.get(name).copied().flatten()
    }
}

/// Events of the future say nothing about now, and what arrives with yesterday's times says nothing about today. Who is
/// asked by us and answers lives, though there was nothing to tell.
fn life(source: &SourceStatus) -> Option<Timestamp> {
    match source.kind {
        SourceKind::Otlp => Some(source.watermark?.min(source.last_success?)),
        _ => source.last_success,
    }
}

#[derive(Debug)]
pub(super) struct Sight {
    settings: Blindness,
    signals: Vec<Signal>,
    /// Everything up to here has come, as far as we know.
    alive_until: Option<Timestamp>,
    gaps: VecDeque<Gap>,
    is_blind: bool,
    /// Named as sources, and nobody knows them.
    unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Gap {
    from: Timestamp,
    to: Timestamp,
}

impl Sight {
    pub(super) fn new(settings: Blindness, tables: &[Table]) -> Self {
        let mut signals: Vec<Signal> = tables.iter().filter_map(|table| signal_of(*table)).collect();
        signals.sort_unstable();
        signals.dedup();
        let (gaps, unknown) = (VecDeque::new(), Vec::new());
        Self { settings, signals, alive_until: None, gaps, is_blind: false, unknown }
    }

    /// `watermark` is that of the tables; `earliest` the first event time among what just came.
    pub(super) fn look(
        &mut self,
        sources: &Sources,
        watermark: Option<Timestamp>,
        earliest: Option<Timestamp>,
        now: Timestamp,
    ) {
        if self.settings.absent_is_bad {
            return;
        }
        let alive_until = if self.settings.sources.is_empty() {
            self.of_feeders(sources).or(watermark)
        } else {
            self.of_named(sources)
        };
        if let Some(earliest) = earliest {
            self.fill(earliest);
        }
        self.step(alive_until, earliest);
        let silence = self.alive_until.map(|until| now.since(until));
        self.is_blind = !self.unknown.is_empty() || silence.is_some_and(|it| it > self.settings.after);
        let oldest = now - Duration::from_secs(4 * 86_400);
        self.gaps.retain(|gap| gap.to > oldest);
    }

    pub(super) const fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// How much of the last `window` somebody could have told us of: 0 to 1.
    pub(super) fn coverage(&self, window: Duration, now: Timestamp) -> f64 {
        let start = now - window;
        let silent_now = self.alive_until.filter(|_| self.is_blind).map(|from| Gap { from, to: now });
        let gaps = self.gaps.iter().copied().chain(silent_now);
        let missing: f64 = gaps.map(|gap| gap.to.min(now).since(gap.from.max(start)).as_secs_f64()).sum();
        (1.0 - missing / window.as_secs_f64()).clamp(0.0, 1.0)
    }

    pub(super) fn is_covered(&self, window: Duration, now: Timestamp) -> bool {
        self.coverage(window, now) >= self.settings.coverage_floor
    }

    /// Since when nothing has come, and from whom, for a sentence.
    pub(super) fn silence(&self, sources: &Sources, now: Timestamp) -> String {
        if !self.unknown.is_empty() {
            let names = self.unknown.join(", ");
            return format!(
                "nobody has heard of its source {names}: correct `blind: sources`, or let it send"
            );
        }
        let mut names: Vec<&str> = if self.settings.sources.is_empty() {
            sources
                .statuses
                .iter()
                .filter(|source| self.feeds(source))
                .map(|source| source.name.as_str())
                .collect()
        } else {
            self.settings.sources.iter().map(String::as_str).collect()
        };
        names.dedup();
        let of = match names.as_slice() {
            [] => String::new(),
            [name] => format!(" from {name}"),
            [first, second] => format!(" from {first} and {second}"),
            [first, second, rest @ ..] => format!(" from {first}, {second} and {} more", rest.len()),
        };
        let since = self.alive_until.map_or_else(String::new, |until| {
            let minutes = now.since(until).as_secs() / 60;
            format!(" since {} ({minutes} min)", until.to_utc().format("%H:%M UTC"))
        });
        format!("nothing has come{of}{since}")
    }

    fn feeds(&self, source: &SourceStatus) -> bool {
        source.name != OURSELVES && self.signals.iter().any(|signal| signal.name() == source.signal)
    }

    /// Who feeds our tables lives as long as it sends anything at all: an hour without an order is no silence.
    fn of_feeders(&mut self, sources: &Sources) -> Option<Timestamp> {
        self.unknown.clear();
        let feeders = sources.statuses.iter().filter(|source| self.feeds(source));
        feeders.filter_map(|feeder| sources.life(&feeder.name)).max()
    }

    /// Each of those that were named is needed.
    fn of_named(&mut self, sources: &Sources) -> Option<Timestamp> {
        let is_known = |name: &&String| sources.lives.contains_key(*name);
        self.unknown = self.settings.sources.iter().filter(|name| !is_known(name)).cloned().collect();
        self.settings.sources.iter().filter_map(|name| sources.life(name)).min()
    }

    fn step(&mut self, alive_until: Option<Timestamp>, earliest: Option<Timestamp>) {
        let Some(until) = alive_until else { return };
        if let Some(before) = self.alive_until.filter(|before| until.since(*before) > self.settings.after) {
            let to = earliest.map_or(until, |earliest| earliest.clamp(before, until));
            if to.since(before) > self.settings.after {
                self.gaps.push_back(Gap { from: before, to });
                if self.gaps.len() > MAX_GAPS {
                    self.gaps.pop_front();
                }
            }
        }
        self.alive_until = self.alive_until.max(Some(until));
    }

    /// What was kept back and comes now was no gap.
    fn fill(&mut self, earliest: Timestamp) {
        for gap in self.gaps.iter_mut().filter(|gap| gap.from <= earliest && earliest < gap.to) {
            gap.to = earliest;
        }
    }
}

const fn signal_of(table: Table) -> Option<Signal> {
    match table {
        Table::Spans => Some(Signal::Traces),
        Table::Logs | Table::BusinessEvents | Table::ChangeRecords => Some(Signal::Logs),
        Table::Metrics => Some(Signal::Metrics),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
