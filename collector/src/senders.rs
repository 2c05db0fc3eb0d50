//! Who sends to us, and who has fallen silent. What never said how often it comes is judged by its own rhythm.

mod book;
mod heartbeats;
mod rhythm;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plimsoll_model::{Signal, SourceKind, SourceStatus, Timestamp};

use crate::ledger::Tally;
use rhythm::Rhythm;

pub use book::SentSources;
pub use heartbeats::Beat;
pub(crate) use heartbeats::{Heartbeats, MAX_NAMES};

/// Senders that are kept apart; a sender with a new name each day must not fill the memory.
const MAX_SENDERS: usize = 2_000;

/// Under these names lies what people tell when there is something to tell: they have no rhythm.
pub(crate) const CHANGES: &str = "plimsoll.changes";
pub(crate) const HEARTBEATS: &str = "plimsoll.heartbeats";
const TOLD: [&str; 2] = [CHANGES, HEARTBEATS];

/// Of one tenant. Clones share what is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Senders {
    known: Arc<Mutex<Known>>,
}

/// By signal and `service.name`.
#[derive(Debug, Default)]
struct Known([BTreeMap<String, Sender>; Signal::ALL.len()]);

#[derive(Debug)]
struct Sender {
    rhythm: Rhythm,
    watermark: Option<Timestamp>,
    items: u64,
    refused: u64,
}

impl Senders {
    /// Says that a request was taken.
    pub(crate) fn heard(&self, signal: Signal, tallies: &[Tally], now: Timestamp) {
        let mut known = self.lock();
        for tally in tallies.iter().filter(|tally| !TOLD.contains(&&*tally.source)) {
            if let Some(sender) = known.of(signal, &tally.source, now) {
                sender.heard(tally, now);
            }
        }
    }

    /// What an earlier process heard, so that one who stopped meanwhile is missed all the same. Its silence counts from now:
    /// before, there was nobody to hear it.
    pub(crate) fn remember(&self, source: &str, signal: Signal, watermark: Timestamp, now: Timestamp) {
        let mut known = self.lock();
        let is_known = known.0[signal as usize].contains_key(source);
        if is_known || TOLD.contains(&source) {
            return;
        }
        if let Some(sender) = known.of(signal, source, now) {
            sender.watermark = Some(watermark);
        }
    }

    pub(crate) fn statuses(&self, now: Timestamp) -> Vec<SourceStatus> {
        let known = self.lock();
        let of_signal = |signal: Signal| {
            known.0[signal as usize].iter().map(move |(name, sender)| (signal, name, sender))
        };
        let all = Signal::ALL.into_iter().flat_map(of_signal);
        all.map(|(signal, name, sender)| sender.status(name, signal, now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// `None` when there are too many for a new one.
    fn of(&mut self, signal: Signal, source: &str, now: Timestamp) -> Option<&mut Sender> {
        let has_room = self.0.iter().map(BTreeMap::len).sum::<usize>() < MAX_SENDERS;
        let senders = &mut self.0[signal as usize];
        if has_room && !senders.contains_key(source) {
            senders.insert(source.to_owned(), Sender::new(now));
        }
        senders.get_mut(source)
    }
}

impl Sender {
    fn new(now: Timestamp) -> Self {
        Self { rhythm: Rhythm::starting(now), watermark: None, items: 0, refused: 0 }
    }

    fn heard(&mut self, tally: &Tally, now: Timestamp) {
        self.rhythm.beat(now);
        self.watermark = self.watermark.max(tally.latest);
        self.items += tally.received;
        self.refused += tally.refused.iter().map(|(_, items)| items).sum::<u64>();
    }

    fn status(&self, name: &str, signal: Signal, now: Timestamp) -> SourceStatus {
        let (state, since) = self.rhythm.state(now);
        SourceStatus {
            name: name.to_owned(),
            kind: SourceKind::Otlp,
            signal: signal.name(),
            state,
            since,
            watermark: self.watermark,
            last_success: Some(self.rhythm.last()),
            expected_every: Some(self.rhythm.allowed_silence()),
            items: self.items,
            errors: self.refused,
            last_error: None,
            lacks: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::ItemReason;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    fn heard(source: &str, received: u64, latest: i64) -> Tally {
        let refused = vec![(ItemReason::InvalidTraceId, 1)];
        Tally { source: source.to_owned(), bytes: 0, received, refused, latest: Some(at(latest)) }
    }

    #[test]
    fn a_watermark_never_goes_back_and_items_add_up() {
        let senders = Senders::default();
        senders.heard(Signal::Logs, &[heard("odoo", 3, 10)], at(11));
        senders.heard(Signal::Logs, &[heard("odoo", 2, 5)], at(12));
        senders.heard(Signal::Traces, &[heard("odoo", 1, 7)], at(12));
        let known: Vec<_> = senders
            .statuses(at(12))
            .into_iter()
            .map(|source| (source.signal, source.items, source.errors, source.watermark))
            .collect();
        assert_eq!(known, [("traces", 1, 1, Some(at(7))), ("logs", 5, 2, Some(at(10)))]);
    }

    #[test]
    fn who_used_to_send_is_missed_after_a_restart_and_what_is_told_now_and_then_is_not() {
        let senders = Senders::default();
        senders.remember("odoo", Signal::Logs, at(-600), at(0));
        senders.remember(CHANGES, Signal::Logs, at(-600), at(0));
        senders.heard(Signal::Logs, &[heard(HEARTBEATS, 1, 0)], at(0));
        let known = senders.statuses(at(121));
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].state, known[0].watermark), (plimsoll_model::SourceState::Late, Some(at(-600))));
    }

    #[test]
    fn names_without_end_stay_bounded() {
        let senders = Senders::default();
        for n in 0..MAX_SENDERS + 50 {
            senders.heard(Signal::Logs, &[heard(&format!("pod-{n}"), 1, 0)], at(0));
        }
        assert_eq!(senders.statuses(at(0)).len(), MAX_SENDERS);
    }
}
