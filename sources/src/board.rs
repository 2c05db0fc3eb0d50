//! How each source is doing: kept by its runner, read by the table `sources`, by health and by metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plimsoll_model::{Clock, SourceBook, SourceKind, SourceState, SourceStatus, TenantName, Timestamp};

use crate::source::Fetched;

/// A source that has had more to read for longer than this, while it answers, is behind.
const LATE: Duration = Duration::from_secs(120);
/// So long after its opening a source may be behind and is still starting: the first looks read what happened before.
const CHANCE: Duration = Duration::from_secs(300);
/// Polls that may be missed before silence is lateness.
const MISSED: u32 = 5;
/// What a status has room for.
const LONGEST_LIST: usize = 32;

/// The line of one source.
#[derive(Debug)]
pub(crate) struct Line {
    name: String,
    kind: SourceKind,
    tenant: TenantName,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    state: SourceState,
    since: Timestamp,
    opened: Timestamp,
    /// When it had last read all that there was. An open transaction of the source's may hold its watermark back all the same,
    /// and that is no lateness: what it wrote is nobody's yet.
    caught_up: Option<Timestamp>,
    watermark: Option<Timestamp>,
    last_success: Option<Timestamp>,
    last_error: Option<String>,
    lacks: Vec<String>,
    polls: PollStats,
    /// By the name of a signal: what was handed in.
    items: Vec<(&'static str, u64)>,
}

/// What a source's runner counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollStats {
    pub polls: u64,
    pub failed: u64,
    /// Items that the door refused for good.
    pub refused: u64,
    /// Times that the door asked to come back later.
    pub deferred: u64,
    /// Time spent in looking.
    pub busy: Duration,
}

/// One source's counts, for `/metrics`.
#[derive(Clone, Debug)]
pub struct SourceStats {
    pub name: String,
    pub kind: SourceKind,
    pub tenant: TenantName,
    pub is_blind: bool,
    pub polls: PollStats,
    /// Items taken, by signal.
    pub items: Vec<(&'static str, u64)>,
}

impl Line {
    pub(crate) fn new(
        name: &str,
        kind: SourceKind,
        tenant: &TenantName,
        signals: &[&'static str],
        interval: Duration,
        now: Timestamp,
    ) -> Self {
        let state = State {
            state: SourceState::Starting,
            since: now,
            opened: now,
            caught_up: None,
            watermark: None,
            last_success: None,
            last_error: None,
            lacks: Vec::new(),
            polls: PollStats::default(),
            items: signals.iter().map(|&signal| (signal, 0)).collect(),
        };
        Self { name: name.to_owned(), kind, tenant: tenant.clone(), interval, state: Mutex::new(state) }
    }

    pub(crate) fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn looked(&self, took: Duration) {
        let mut state = self.lock();
        state.polls.polls += 1;
        state.polls.busy += took;
    }

    pub(crate) fn took(&self, signal: &'static str, items: u64, refused: u64) {
        let mut state = self.lock();
        state.polls.refused += refused;
        if let Some((_, count)) = state.items.iter_mut().find(|(name, _)| *name == signal) {
            *count += items;
        }
    }

    pub(crate) fn deferred(&self) {
        self.lock().polls.deferred += 1;
    }

    /// What was refused for good stands in the status until the next trouble.
    pub(crate) fn complain(&self, complaint: String) {
        self.lock().last_error = Some(complaint);
    }

    pub(crate) fn succeeded(&self, fetched: &Fetched, now: Timestamp) {
        let mut state = self.lock();
        state.last_success = Some(now);
        state.watermark = fetched.watermark.or(state.watermark);
        if !fetched.more {
            state.caught_up = Some(now);
        }
        state.lacks.clone_from(&fetched.lacks);
        state.lacks.truncate(LONGEST_LIST);
        match &fetched.late {
            Some(reason) => {
                state.last_error = Some(reason.clone());
                state.enter(SourceState::Late, now);
            }
            None => state.enter(SourceState::Ok, now),
        }
    }

    /// True when it was well until now: a failure is logged once.
    pub(crate) fn failed(&self, error: String, now: Timestamp) -> bool {
        let mut state = self.lock();
        state.polls.failed += 1;
        state.last_error = Some(error);
        let is_news = state.state != SourceState::Failing;
        state.enter(SourceState::Failing, now);
        is_news
    }

    pub(crate) fn stats(&self, now: Timestamp) -> SourceStats {
        let is_blind = self.statuses(now).iter().any(|status| status.state.is_blind());
        let state = self.lock();
        SourceStats {
            name: self.name.clone(),
            kind: self.kind,
            tenant: self.tenant.clone(),
            is_blind,
            polls: state.polls,
            items: state.items.clone(),
        }
    }

    /// One row for each signal that the source gives.
    fn statuses(&self, now: Timestamp) -> Vec<SourceStatus> {
        let state = self.lock();
        let row = |&(signal, items): &(&'static str, u64)| SourceStatus {
            name: self.name.clone(),
            kind: self.kind,
            signal,
            state: state.as_of(now, self.interval),
            since: state.since,
            watermark: state.watermark.or(state.last_success),
            last_success: state.last_success,
            expected_every: Some(self.interval),
            items,
            errors: state.polls.failed,
            last_error: state.last_error.clone(),
            lacks: state.lacks.clone(),
        };
        state.items.iter().map(row).collect()
    }
}

impl State {
    fn enter(&mut self, state: SourceState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// A reader that hangs, or is behind with what it reads, says nothing about it itself.
    fn as_of(&self, now: Timestamp, interval: Duration) -> SourceState {
        if self.state != SourceState::Ok {
            return self.state;
        }
        if self.last_success.is_some_and(|time| now.since(time) > overdue(interval)) {
            return SourceState::Late;
        }
        match self.caught_up {
            Some(time) if now.since(time) <= overdue(interval) => SourceState::Ok,
            None if now.since(self.opened) <= CHANCE => SourceState::Starting,
            _ => SourceState::Late,
        }
    }
}

fn overdue(interval: Duration) -> Duration {
    (interval * MISSED).max(LATE)
}

/// The lines of one tenant's sources.
#[derive(Clone, Debug)]
pub(crate) struct Book(pub(crate) Arc<[Arc<Line>]>);

impl SourceBook for Book {
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
        self.0.iter().flat_map(|line| line.statuses(now)).collect()
    }
}

/// All of them, whosever.
pub(crate) fn stats(lines: &[Arc<Line>], clock: &dyn Clock) -> Vec<SourceStats> {
    lines.iter().map(|line| line.stats(clock.now())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let signals = ["business_events", "metrics"];
        Line::new("odoo", SourceKind::Odoo, &TenantName::default(), &signals, secs(5), at(0))
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn state(line: &Line, now: i64) -> SourceState {
        line.statuses(at(now))[0].state
    }

    #[test]
    fn a_source_starts_works_fails_and_recovers() {
        let line = line();
        assert_eq!(state(&line, 0), SourceState::Starting);
        line.succeeded(&Fetched::default(), at(1));
        assert_eq!(state(&line, 2), SourceState::Ok);
        assert!(line.failed("connection refused".into(), at(3)));
        assert!(!line.failed("connection refused".into(), at(9)), "told once");
        let status = &line.statuses(at(10))[1];
        assert_eq!((status.state, status.since, status.errors), (SourceState::Failing, at(3), 2));
        assert_eq!(status.last_success, Some(at(1)));
        line.succeeded(&Fetched::default(), at(11));
        assert_eq!(state(&line, 12), SourceState::Ok);
    }

    /// A look that read up to then, and whether there was more.
    fn look(watermark: i64, more: bool) -> Fetched {
        Fetched { watermark: Some(at(watermark)), more, ..Fetched::default() }
    }

    #[test]
    fn a_source_that_hangs_or_stays_behind_is_late() {
        let line = line();
        line.succeeded(&look(1_000, false), at(1_001));
        assert_eq!(state(&line, 1_100), SourceState::Ok);
        assert_eq!(state(&line, 1_122), SourceState::Late, "no answer for two minutes");
        line.succeeded(&look(1_010, true), at(1_200));
        assert_eq!(state(&line, 1_201), SourceState::Late, "it answers, and there is always more");
        line.succeeded(&look(1_200, false), at(1_202));
        assert_eq!(state(&line, 1_203), SourceState::Ok);
        line.succeeded(
            &Fetched { late: Some("its clock is a day behind".into()), ..Fetched::default() },
            at(1_204),
        );
        assert_eq!(line.statuses(at(1_204))[0].last_error.as_deref(), Some("its clock is a day behind"));
    }

    #[test]
    fn an_open_transaction_holds_the_watermark_back_and_makes_nobody_blind() {
        let line = line();
        for now in [1_000, 1_300, 1_600] {
            line.succeeded(&look(1_000, false), at(now));
            assert_eq!(state(&line, now), SourceState::Ok);
        }
        assert_eq!(line.statuses(at(1_600))[0].watermark, Some(at(1_000)), "what is said of it stays true");
    }

    #[test]
    fn a_source_that_reads_what_happened_before_it_was_opened_is_starting_and_not_late() {
        let line = line();
        line.succeeded(&look(-3_600, true), at(1));
        assert_eq!(state(&line, 2), SourceState::Starting, "the first look");
        assert!(!line.stats(at(2)).is_blind);
        line.succeeded(&look(-1_800, false), at(6));
        assert_eq!(state(&line, 7), SourceState::Ok);
        line.succeeded(&look(0, true), at(200));
        assert_eq!(state(&line, 200), SourceState::Late, "it had its chance");

        let slow = self::line();
        slow.succeeded(&look(-3_600, true), at(299));
        assert_eq!(state(&slow, 300), SourceState::Starting);
        slow.succeeded(&look(-3_000, true), at(301));
        assert_eq!(state(&slow, 301), SourceState::Late, "so has it");
        assert!(slow.stats(at(301)).is_blind);
    }
}
