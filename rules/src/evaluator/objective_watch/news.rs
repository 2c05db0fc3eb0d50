//! Bringing slices up to date: the newest stretch at once, what is older bit by bit, from the newest to the oldest, so that
//! a new objective of ninety days judges its last hours within a tick and delays nobody.

use plimsoll_model::Timestamp;
use plimsoll_query::QueryError;

use super::{Context, ObjectiveWatch};
use crate::burn::TIERS;
use crate::indicator::{first_event, read_slices};
use crate::slices::{SLICE, Slice, SliceIndex};

/// Events are read in stretches of this many slices at most; shorter ones once an answer outgrew the engine's limits.
const LONGEST_STRETCH: u32 = 2_160;

/// Stretches of the past that may be read in one tick, all objectives together.
#[derive(Debug)]
pub(in crate::evaluator) struct Allowance(u32);

impl Allowance {
    pub(in crate::evaluator) const fn of_a_tick() -> Self {
        Self(4)
    }

    fn take(&mut self) -> bool {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        is_left
    }
}

/// What must be read again.
#[derive(Debug)]
pub(super) struct Unread {
    /// Since the last pass, the earliest event time that came.
    since: Option<Timestamp>,
    /// When that was read last.
    read_at: Option<Timestamp>,
    /// The latest event that counts.
    pub(super) newest: Timestamp,
    /// Of the past: [from, to), read from its end.
    past: Option<(SliceIndex, SliceIndex)>,
    /// Whether `past` is known to begin with an event.
    is_probed: bool,
    stretch: u32,
    /// Nothing was stored of it: until the past is read, its windows hold less than they should.
    is_new: bool,
}

impl Unread {
    pub(super) const fn new(since: Timestamp, is_new: bool) -> Self {
        Self {
            since: Some(since),
            read_at: None,
            newest: Timestamp::MIN,
            past: None,
            is_probed: false,
            stretch: LONGEST_STRETCH,
            is_new,
        }
    }

    /// What is ahead of everything that counts is read from there on.
    fn since(&self) -> Option<SliceIndex> {
        Some(SliceIndex::holding(self.since?.min(self.newest)))
    }

    pub(super) fn from(&mut self, time: Timestamp) {
        self.since = Some(self.since.map_or(time, |known| known.min(time)));
    }

    fn add_past(&mut self, from: SliceIndex, to: SliceIndex) {
        let (known_from, known_to) = self.past.unwrap_or((from, to));
        self.is_probed &= from >= known_from;
        self.past = Some((from.min(known_from), to.max(known_to)));
    }
}

impl ObjectiveWatch {
    /// [from, end) of what must be read first, if anything must.
    pub(in crate::evaluator) fn unread(&self, now: Timestamp) -> Option<(SliceIndex, SliceIndex)> {
        let from = self.unread.since()?.max(self.oldest_needed(now));
        let end = SliceIndex::holding(self.unread.newest).next();
        Some((from.max(end.back(self.unread.stretch)), end))
    }

    /// All that is in [from, end) is in these slices.
    pub(in crate::evaluator) fn was_read(
        &mut self,
        (from, end): (SliceIndex, SliceIndex),
        slices: &[Slice],
        now: Timestamp,
    ) {
        self.slices.replace(from, end, slices);
        self.leave_the_rest(from, now);
    }

    /// What lies before `from` is the past, and read bit by bit.
    fn leave_the_rest(&mut self, from: SliceIndex, now: Timestamp) {
        let Some(since) = self.unread.since() else { return };
        self.unread.since = None;
        let since = since.max(self.oldest_needed(now)).aligned(self.objective().budgeting.slice());
        if since < from {
            self.unread.add_past(since, from);
        }
    }

    /// Reads what arrived, and nothing when nothing did. What could not be read is read next time.
    pub(super) async fn read_news(
        &mut self,
        context: &Context,
        allowance: &mut Allowance,
        now: Timestamp,
    ) -> Result<(), QueryError> {
        if let Some(read_at) = self.unread.read_at.filter(|_| self.follows_the_time()) {
            // What became due since then. It looks far back, at what is due within hours: once a slice is soon enough.
            self.unread.from(read_at.min(now));
        }
        if let Some((from, end)) = self.unread(now).filter(|_| !self.was_just_read(now)) {
            let from = from.aligned(self.objective().budgeting.slice());
            self.read(context, (from, end), now).await?;
            self.leave_the_rest(from, now);
            self.unread.read_at = Some(now);
        }
        while self.unread.past.is_some() && allowance.take() {
            self.read_past(context, now).await?;
        }
        Ok(())
    }

    /// That time passes is news: something becomes due, or did not come.
    fn follows_the_time(&self) -> bool {
        self.checked.speaks_of_now || self.objective().blind.absent_is_bad
    }

    fn was_just_read(&self, now: Timestamp) -> bool {
        let read_at = self.unread.read_at.filter(|_| self.follows_the_time());
        read_at.is_some_and(|read_at| SliceIndex::holding(read_at) == SliceIndex::holding(now))
    }

    /// A part of the past that some burn window looks at is still to be read for the first time.
    pub(super) fn is_filling(&self, now: Timestamp) -> bool {
        let longest = TIERS.into_iter().map(|tier| tier.long).max().unwrap_or_default();
        let needed = SliceIndex::holding(now - longest);
        self.unread.is_new && self.unread.past.is_some_and(|(_, to)| to > needed)
    }

    async fn read_past(&mut self, context: &Context, now: Timestamp) -> Result<(), QueryError> {
        let Some((from, to)) = self.unread.past else { return Ok(()) };
        let mut from = from.max(self.oldest_needed(now));
        if !self.unread.is_probed && from.plus(self.unread.stretch) < to {
            let first = first_event(&self.checked, &context.engine, (from, to), now).await?.unwrap_or(to);
            self.slices.replace(from, first, &[]);
            from = first;
            self.unread.is_probed = true;
        }
        let begin = to.back(self.unread.stretch).max(from);
        if begin < to {
            self.read(context, (begin, to), now).await?;
        }
        self.unread.past = (from < begin).then_some((from, begin));
        Ok(())
    }

    async fn read(
        &mut self,
        context: &Context,
        (from, to): (SliceIndex, SliceIndex),
        now: Timestamp,
    ) -> Result<(), QueryError> {
        match read_slices(&self.checked, &context.engine, (from, to), now).await {
            Ok(mut slices) => {
                slices.extend(self.absent((from, to), &slices, now));
                self.slices.replace(from, to, &slices);
                Ok(())
            }
            Err(error) => {
                if matches!(error, QueryError::Limit(_)) {
                    self.unread.stretch = (self.unread.stretch / 2).max(1);
                }
                Err(error)
            }
        }
    }

    fn oldest_needed(&self, now: Timestamp) -> SliceIndex {
        let tiers = TIERS.into_iter().chain(self.thresholds.iter().map(|it| it.tier)).map(|tier| tier.long);
        let longest = tiers.fold(self.objective().kept(), std::time::Duration::max) - SLICE;
        SliceIndex::holding(now - longest)
    }
}
