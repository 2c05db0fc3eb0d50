//! What came when, so that whoever evaluates looks at new rows only. Memory is bounded: an asker who comes too late
//! hears the earliest time of everything that was forgotten, which costs work but misses nothing.

use std::collections::VecDeque;

use plimsoll_model::Timestamp;
use plimsoll_wal::Sequence;

/// What reached a table since a [`Sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// Ask with this next time.
    pub next: Sequence,
    /// The earliest event time among the new rows; `None` when nothing came.
    pub earliest: Option<Timestamp>,
    /// The latest credible event time the table ever received, also before a restart: what lay more than an hour ahead of
    /// its arrival does not count.
    pub watermark: Option<Timestamp>,
}

const KEPT_APPENDS: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct ArrivalLog {
    kept: VecDeque<Arrival>,
    /// The last of those that are no longer kept, with the earliest time of all of them.
    forgotten: Option<Arrival>,
    watermark: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    sequence: Sequence,
    earliest: Timestamp,
}

impl ArrivalLog {
    /// What files already hold, through `sequence` of the log.
    pub(crate) fn restored(
        sequence: Sequence,
        earliest: Option<Timestamp>,
        watermark: Option<Timestamp>,
    ) -> Self {
        let forgotten = earliest.map(|earliest| Arrival { sequence, earliest });
        Self { kept: VecDeque::new(), forgotten, watermark }
    }

    pub(crate) fn push(&mut self, sequence: Sequence, earliest: Timestamp, watermark: Option<Timestamp>) {
        self.watermark = self.watermark.max(watermark);
        self.kept.push_back(Arrival { sequence, earliest });
        if self.kept.len() > KEPT_APPENDS
            && let Some(oldest) = self.kept.pop_front()
        {
            let before = self.forgotten.map_or(oldest.earliest, |forgotten| forgotten.earliest);
            self.forgotten = Some(Arrival { earliest: before.min(oldest.earliest), ..oldest });
        }
    }

    pub(crate) fn since(&self, since: Sequence, visible: Sequence) -> Arrivals {
        let kept = self.kept.iter().rev().take_while(|arrival| arrival.sequence > since);
        let forgotten = self.forgotten.iter().filter(|arrival| arrival.sequence > since);
        let earliest = kept.chain(forgotten).map(|arrival| arrival.earliest).min();
        Arrivals { next: visible, earliest, watermark: self.watermark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn only_what_came_later_counts_and_the_watermark_never_goes_back() {
        let mut log = ArrivalLog::default();
        log.push(Sequence(1), at(10), Some(at(20)));
        log.push(Sequence(4), at(15), Some(at(16)));

        let arrivals = log.since(Sequence(1), Sequence(4));
        assert_eq!((arrivals.earliest, arrivals.watermark), (Some(at(15)), Some(at(20))));
        assert_eq!(log.since(arrivals.next, Sequence(4)).earliest, None);
    }

    #[test]
    fn who_comes_too_late_hears_the_earliest_of_all_that_was_forgotten() {
        let mut log = ArrivalLog::restored(Sequence(5), Some(at(3)), Some(at(9)));
        assert_eq!(log.since(Sequence(4), Sequence(5)).earliest, Some(at(3)));
        assert_eq!(log.since(Sequence(5), Sequence(5)).earliest, None);

        for sequence in 6..6 + KEPT_APPENDS as u64 + 2 {
            log.push(Sequence(sequence), at(100), Some(at(100)));
        }
        assert_eq!(log.since(Sequence(6), Sequence(9999)).earliest, Some(at(3)));
        assert_eq!(log.since(Sequence(7), Sequence(9999)).earliest, Some(at(100)));
    }
}
