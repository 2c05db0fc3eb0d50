//! Ten-second slices of one objective, per group, with running sums per window: setting or correcting a slice and
//! moving the windows on cost what changed, never what is old. A window of length L that ends with the slice `end`
//! holds the slices [end - L, end); the open slice counts. The budget's window may follow the calendar instead: then it
//! begins where the current period did.
//!
//! Slices are kept as they were counted. Under which [`Line`] each stands, and whether it counts at all, is the business
//! clock's to say, at any time anew; the sums are kept per line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use crate::burn::Counts;
use crate::calendar::{Period, Span};

mod group;
mod index;
mod lines;

use group::Group;
pub use index::SliceIndex;
pub use lines::{Line, Lines};

pub const SLICE: Duration = Duration::from_secs(10);

/// More groups than this would mean a group column that identifies events rather than groups them.
pub const MAX_GROUPS: usize = 1_000;

/// How far ahead lines are asked for at once.
const LINES_AHEAD: u32 = 8_640;

#[derive(Debug)]
pub struct Slices {
    /// In slices, ascending; the longest is what is kept.
    windows: Vec<u32>,
    /// The budget's window, when it follows the calendar: a further one, after those.
    period: Option<Period>,
    /// Where each window begins.
    starts: Vec<SliceIndex>,
    /// The first slice that no window holds yet.
    end: SliceIndex,
    first: Option<SliceIndex>,
    groups: BTreeMap<Labels, Group>,
    refused_groups: BTreeSet<Labels>,
    /// `None`: everything counts, under one line.
    lines: Option<Arc<dyn Lines>>,
}

/// One slice as the indicator or the lake gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub groups: Labels,
    pub index: SliceIndex,
    pub counts: Counts,
    pub last_event: Timestamp,
}

impl Slices {
    #[must_use]
    pub fn new(windows: impl IntoIterator<Item = Duration>) -> Self {
        let windows: BTreeSet<u32> = windows.into_iter().map(slices_in).collect();
        Self {
            starts: vec![SliceIndex::default(); windows.len()],
            windows: windows.into_iter().collect(),
            period: None,
            end: SliceIndex::default(),
            first: None,
            groups: BTreeMap::new(),
            refused_groups: BTreeSet::new(),
            lines: None,
        }
    }

    /// The budget's window begins with each period; to be said before the first slice comes.
    #[must_use]
    pub fn with_period(mut self, period: Option<Period>) -> Self {
        if period.is_some() {
            self.starts = vec![SliceIndex::default(); self.windows.len() + 1];
        }
        self.period = period;
        self
    }

    /// From now on the slices stand under these lines, also those that are long counted: every sum is made anew.
    pub fn stand_under(&mut self, lines: Option<Arc<dyn Lines>>) {
        self.lines = lines;
        let (kept, count, starts) = (self.covered(), self.line_count(), self.starts.clone());
        for (groups, group) in &mut self.groups {
            group.stand_under(self.lines.as_deref(), groups, kept, count);
            group.recount(&starts, self.end);
        }
    }

    /// Sets what a slice holds, in whatever order they come; true when that is news.
    pub fn set(&mut self, slice: &Slice) -> bool {
        if slice.index < self.oldest_kept() || !self.admits(&slice.groups) {
            return false;
        }
        if !self.groups.contains_key(&slice.groups) {
            let group = self.new_group(&slice.groups);
            self.groups.insert(slice.groups.clone(), group);
        }
        let (end, starts) = (self.end, &self.starts);
        let Some(group) = self.groups.get_mut(&slice.groups) else { return false };
        if !group.set(slice, starts, end) {
            return false;
        }
        self.first = Some(self.first.map_or(slice.index, |first| first.min(slice.index)));
        true
    }

    /// Sets every slice of [from, to) to what `slices` say; what they do not mention is empty.
    pub fn replace(&mut self, from: SliceIndex, to: SliceIndex, slices: &[Slice]) {
        let told: BTreeSet<(&Labels, SliceIndex)> =
            slices.iter().map(|slice| (&slice.groups, slice.index)).collect();
        let mut gone = Vec::new();
        for (groups, group) in &self.groups {
            let known = group.slices.range(from..to).map(|(index, _)| *index);
            gone.extend(known.filter(|index| !told.contains(&(groups, *index))).map(|index| Slice {
                groups: groups.clone(),
                index,
                counts: Counts::default(),
                last_event: Timestamp::MIN,
            }));
        }
        for slice in gone.iter().chain(slices) {
            self.set(slice);
        }
    }

    /// Moves the windows so that `now` lies in their last slice. Time never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        let end = SliceIndex::holding(now).next();
        if end <= self.end {
            return;
        }
        let (old_end, old_starts, old_kept) = (self.end, std::mem::take(&mut self.starts), self.covered());
        self.end = end;
        self.starts = self.starts_now();
        let moved: Vec<_> = old_starts.into_iter().zip(self.starts.iter().copied()).collect();
        // What windows leave behind stands under the line under which it came.
        let is_first = old_end == SliceIndex::default();
        let kept = (if is_first { self.covered().0 } else { old_kept.0 }, self.covered().1);
        let lines = self.lines.as_deref();
        for (groups, group) in &mut self.groups {
            group.learn(lines, groups, kept, end);
            for (window, (old, new)) in moved.iter().enumerate() {
                group.slide(window, (*old, old_end), (*new, end));
            }
        }
        self.forget_old();
    }

    fn starts_now(&self) -> Vec<SliceIndex> {
        let rolling = self.windows.iter().map(|window| self.end.back(*window));
        let newest = self.end.back(1).start();
        let of_period = self.period.as_ref().map(|period| SliceIndex::holding(period.holding(newest).from));
        rolling.chain(of_period).collect()
    }

    /// What the window of this length holds, of what counts; it must be one of those given to `new`.
    #[must_use]
    pub fn within(&self, groups: &Labels, window: Duration) -> Counts {
        self.counting(self.by_line(groups, window))
    }

    /// The same under each line apart, what does not count last. Empty when nothing is known.
    #[must_use]
    pub fn by_line(&self, groups: &Labels, window: Duration) -> &[Counts] {
        let position = self.windows.iter().position(|slices| *slices == slices_in(window));
        let sums = self.groups.get(groups).zip(position).map(|(group, at)| group.sums(at));
        sums.unwrap_or_default()
    }

    /// What the budget's window holds under each line: that of the current period, or the rolling one of this length.
    #[must_use]
    pub fn budget_by_line(&self, groups: &Labels, window: Duration) -> &[Counts] {
        if self.period.is_none() {
            return self.by_line(groups, window);
        }
        self.groups.get(groups).map(|group| group.sums(self.windows.len())).unwrap_or_default()
    }

    /// What counts of it.
    #[must_use]
    pub fn budget(&self, groups: &Labels, window: Duration) -> Counts {
        self.counting(self.budget_by_line(groups, window))
    }

    /// What of it does not count.
    #[must_use]
    pub fn left_out(&self, groups: &Labels, window: Duration) -> Counts {
        let sums = self.budget_by_line(groups, window);
        if self.lines.is_none() { Counts::default() } else { sums.last().copied().unwrap_or_default() }
    }

    /// When of [from, to) what happens does not count.
    #[must_use]
    pub fn times_left_out(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let Some(group) = self.groups.get(groups).filter(|_| self.lines.is_some()) else { return Vec::new() };
        group.course.under(Line(self.line_count() - 1), SliceIndex::holding(from), SliceIndex::holding(to))
    }

    fn counting(&self, by_line: &[Counts]) -> Counts {
        let counting = if self.lines.is_none() { by_line.len() } else { by_line.len().saturating_sub(1) };
        let mut sum = Counts::default();
        for counts in by_line.iter().take(counting) {
            add(&mut sum, *counts);
        }
        sum
    }

    /// What happened since and counts, the open slice included; walks the slices, so not for long stretches at every tick.
    #[must_use]
    pub fn since(&self, groups: &Labels, from: Timestamp) -> Counts {
        let mut sum = Counts::default();
        for (_, counts) in self.counting_since(groups, from) {
            add(&mut sum, counts);
        }
        sum
    }

    /// The first bad slice at or after `from` that counts.
    #[must_use]
    pub fn first_bad_since(&self, groups: &Labels, from: Timestamp) -> Option<Timestamp> {
        let mut slices = self.counting_since(groups, from);
        slices.find(|(_, counts)| counts.bad() > 0).map(|(index, _)| index.start())
    }

    fn counting_since(
        &self,
        groups: &Labels,
        from: Timestamp,
    ) -> impl Iterator<Item = (SliceIndex, Counts)> + '_ {
        let from = SliceIndex::holding(from).min(self.end);
        let out = self.lines.as_ref().map(|lines| Line(lines.count() - 1));
        let group = self.groups.get(groups);
        group.into_iter().flat_map(move |group| group.counting((from, self.end), out))
    }

    /// The first slice that is known of a group.
    pub(crate) fn first_of(&self, groups: &Labels) -> Option<SliceIndex> {
        self.groups.get(groups)?.slices.first_key_value().map(|(index, _)| *index)
    }

    pub fn groups(&self) -> impl Iterator<Item = &Labels> {
        self.groups.keys()
    }

    #[must_use]
    pub fn last_event(&self, groups: &Labels) -> Option<Timestamp> {
        self.groups.get(groups).map(|group| group.last_event).filter(|time| *time > Timestamp::MIN)
    }

    /// How far back anything is known.
    #[must_use]
    pub fn history(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.end.start().since(first.start()))
    }

    /// How much of the budget's window is known.
    #[must_use]
    pub fn budget_history(&self) -> Duration {
        let begins = self.period.as_ref().and_then(|_| self.starts.last());
        let since = begins.map(|begins| self.end.start().since(begins.start()));
        since.map_or_else(|| self.history(), |since| since.min(self.history()))
    }

    /// The slice in which now lies, by its start.
    #[must_use]
    pub fn newest(&self) -> Timestamp {
        self.end.back(1).start()
    }

    #[must_use]
    pub fn refused_groups(&self) -> usize {
        self.refused_groups.len()
    }

    /// At most `limit` closed slices that the lake does not have yet in this form, oldest groups first.
    #[must_use]
    pub fn unsaved(&self, now: Timestamp, limit: usize) -> Vec<Slice> {
        let open = SliceIndex::holding(now);
        let all = self.groups.iter().flat_map(|(groups, group)| {
            group.unsaved.range(..open).map(|index| Slice {
                groups: groups.clone(),
                index: *index,
                counts: group.slices.get(index).copied().unwrap_or_default(),
                last_event: group.last_event,
            })
        });
        all.take(limit).collect()
    }

    pub fn mark_saved(&mut self, slices: &[Slice]) {
        for slice in slices {
            if let Some(group) = self.groups.get_mut(&slice.groups) {
                group.unsaved.remove(&slice.index);
            }
        }
    }

    /// A group without a place is counted, not stored; the first `MAX_GROUPS` refused are remembered for that.
    fn admits(&mut self, groups: &Labels) -> bool {
        if self.groups.contains_key(groups) || self.groups.len() < MAX_GROUPS {
            return true;
        }
        if self.refused_groups.len() < MAX_GROUPS {
            self.refused_groups.insert(groups.clone());
        }
        false
    }

    fn new_group(&self, groups: &Labels) -> Group {
        let mut group = Group::new(self.starts.len(), self.line_count());
        group.learn(self.lines.as_deref(), groups, self.covered(), self.end);
        group
    }

    fn line_count(&self) -> usize {
        self.lines.as_ref().map_or(1, |lines| lines.count())
    }

    fn longest(&self) -> u32 {
        let of_period = self.period.as_ref().map(|period| slices_in(period.longest()));
        self.windows.last().copied().max(of_period).unwrap_or_default()
    }

    fn oldest_kept(&self) -> SliceIndex {
        self.end.back(self.longest())
    }

    /// The slices whose lines must be known, and a day more, so that they are asked for once a day.
    fn covered(&self) -> (SliceIndex, SliceIndex) {
        (self.oldest_kept(), self.end.plus(LINES_AHEAD))
    }

    fn forget_old(&mut self) {
        let oldest = self.oldest_kept();
        self.groups.retain(|_, group| group.forget_before(oldest));
        self.first = self.first.map(|first| first.max(oldest));
    }
}

fn slices_in(window: Duration) -> u32 {
    u32::try_from(window.as_secs().div_ceil(SLICE.as_secs())).unwrap_or(u32::MAX)
}

fn add(sum: &mut Counts, counts: Counts) {
    sum.good = sum.good.saturating_add(counts.good);
    sum.total = sum.total.saturating_add(counts.total);
}

fn remove(sum: &mut Counts, counts: Counts) {
    sum.good = sum.good.saturating_sub(counts.good);
    sum.total = sum.total.saturating_sub(counts.total);
}

#[cfg(test)]
mod tests;
