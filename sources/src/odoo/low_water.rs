//! Reading an append-only table by its ids, though ids become visible out of order.
//!
//! A row gets its id when it is inserted, and is seen when its transaction commits: after row 12 has been read, row 11 may
//! still appear, hours later if its transaction idles. So everything above a low-water mark is looked at again, less what
//! was read already, and the mark moves only past ids below which nothing can appear any more:
//!
//! 1. At one look, `highest` is the highest id that anybody sees. Whatever id is lower was given out before.
//! 2. Whoever was given one has a transaction id by the next look (the two are given within one statement), which is then
//!    below that look's `xmax`.
//! 3. When the oldest transaction that still runs is that `xmax` or later, all of those have ended: what they wrote is
//!    seen in this very look, or never.
//!
//! Transaction ids are PostgreSQL's 64-bit ones (`txid_current_snapshot`), which don't wrap around. A transaction that
//! never ends would keep the mark where it is; it moves anyhow once [`WIDEST`] ids lie above it, and that is said.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Ids that are looked at for the first time in one look: what bounds its cost.
pub(crate) const STEP: i64 = 10_000;
/// Ids that are looked at again because of a transaction that doesn't end.
pub(crate) const WIDEST: i64 = 500_000;
/// Marks that wait for a transaction; further ones would only say the same with more memory.
const MARKS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LowWater {
    /// Everything at or below has been read, and nothing can appear there any more.
    low: i64,
    /// Everything visible at or below has been read.
    read_to: i64,
    /// Nothing can appear at or below any more.
    settled: i64,
    /// Written before this, by the server's clock, is settled.
    settled_at: i64,
    /// What was read above `low`.
    seen: BTreeSet<i64>,
    marks: VecDeque<Mark>,
}

/// What a look saw, waiting for every transaction of that time to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    highest: i64,
    at: i64,
    /// The `xmax` of the look after it.
    until: Option<i64>,
}

/// A look's moment: all of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The oldest transaction that still runs.
    pub(crate) xmin: i64,
    /// The next one that will begin.
    pub(crate) xmax: i64,
    /// By the server's clock.
    pub(crate) at: Timestamp,
    /// In the table, 0 when it is empty.
    pub(crate) highest: i64,
}

/// What a look must read: ids above `low`, up to and including `upper`, but for `seen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: i64,
    pub(crate) upper: i64,
    pub(crate) seen: Vec<i64>,
}

/// What became of the mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advance {
    /// There are more ids to look at.
    pub(crate) more: bool,
    /// The mark was moved though a transaction may still write below it.
    pub(crate) forced: bool,
    /// Ids went back: the database was restored to an earlier state.
    pub(crate) restored: bool,
}

impl LowWater {
    /// Begins behind `id`.
    pub(crate) fn behind(id: i64, now: Timestamp) -> Self {
        Self {
            low: id,
            read_to: id,
            settled: id,
            settled_at: now.nanos(),
            seen: BTreeSet::new(),
            marks: VecDeque::new(),
        }
    }

    pub(crate) fn range(&self) -> Range {
        Range {
            low: self.low,
            upper: self.read_to.saturating_add(STEP),
            seen: self.seen.iter().copied().collect(),
        }
    }

    /// After the rows of [`Self::range`] were read within the snapshot of `sight`.
    pub(crate) fn advance(&mut self, sight: &Sight, read: impl IntoIterator<Item = i64>) -> Advance {
        let mut advance = Advance::default();
        let upper = self.read_to.saturating_add(STEP);
        self.seen.extend(read);
        self.settle(sight);
        self.read_to = self.read_to.max(upper.min(sight.highest));
        advance.more = upper < sight.highest;
        self.low = self.low.max(self.settled.min(self.read_to));
        if self.read_to - self.low > WIDEST {
            self.low = self.read_to - WIDEST / 2;
            self.settled = self.settled.max(self.low);
            advance.forced = true;
        }
        if sight.highest < self.low.min(self.settled) && sight.highest < self.read_to - STEP {
            *self = Self::behind(sight.highest, sight.at);
            advance.restored = true;
        }
        self.seen = self.seen.split_off(&(self.low + 1));
        advance
    }

    fn settle(&mut self, sight: &Sight) {
        while let Some(mark) = self.marks.front()
            && mark.until.is_some_and(|until| sight.xmin >= until)
        {
            self.settled = self.settled.max(mark.highest);
            self.settled_at = self.settled_at.max(mark.at);
            self.marks.pop_front();
        }
        for mark in &mut self.marks {
            // A server that was restored counts its transactions from an earlier number again.
            let until = mark.until.unwrap_or(sight.xmax).min(sight.xmax);
            mark.until = Some(until);
        }
        if self.marks.len() < MARKS {
            let at = sight.at.nanos();
            self.marks.push_back(Mark { highest: sight.highest, at, until: None });
        }
    }

    /// Whatever was written before this time has been read; transactions older than `longest` are not waited for.
    pub(crate) fn watermark(&self, now: Timestamp, longest: Duration) -> Timestamp {
        Timestamp::from_nanos(self.settled_at).max(now - longest)
    }

    /// How long the mark has waited for a transaction to end.
    pub(crate) fn waits_since(&self) -> Option<Timestamp> {
        self.marks.front().map(|first| Timestamp::from_nanos(first.at))
    }
}

#[cfg(test)]
#[path = "low_water/tests.rs"]
mod tests;
