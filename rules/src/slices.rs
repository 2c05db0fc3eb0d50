//! Ten-second slices of one objective, per group, with running sums per window: setting or correcting a slice and
//! moving the windows on cost what changed, never what is old. A window of length L that ends with the slice `end`
//! holds the slices [end - L, end); the open slice counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use crate::burn::Counts;

pub const SLICE: Duration = Duration::from_secs(10);

/// More groups than this would mean a group column that identifies events rather than groups them.
pub const MAX_GROUPS: usize = 1_000;

/// A slice by its number since 1970. What lies before is number 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceIndex(u32);

impl SliceIndex {
    #[must_use]
    pub fn holding(time: Timestamp) -> Self {
        let slices = time.nanos().max(0).unsigned_abs() / NANOS;
        Self(u32::try_from(slices).unwrap_or(u32::MAX))
    }

    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(i64::from(self.0) * 10)
    }

    /// The first slice of the stretch of this length, a whole number of slices, that holds it.
    #[must_use]
    pub(crate) fn aligned(self, length: Duration) -> Self {
        let slices = slices_in(length).max(1);
        Self(self.0 - self.0 % slices)
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    #[must_use]
    pub(crate) const fn plus(self, slices: u32) -> Self {
        Self(self.0.saturating_add(slices))
    }

    pub(crate) const fn back(self, slices: u32) -> Self {
        Self(self.0.saturating_sub(slices))
    }
}

const NANOS: u64 = 10_000_000_000;

#[derive(Debug)]
pub struct Slices {
    /// In slices, ascending; the longest is what is kept.
    windows: Vec<u32>,
    /// The first slice that no window holds yet.
    end: SliceIndex,
    first: Option<SliceIndex>,
    groups: BTreeMap<Labels, Group>,
    refused_groups: BTreeSet<Labels>,
}

#[derive(Debug)]
struct Group {
    slices: BTreeMap<SliceIndex, Counts>,
    sums: Vec<Counts>,
    unsaved: BTreeSet<SliceIndex>,
    last_event: Timestamp,
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
            windows: windows.into_iter().collect(),
            end: SliceIndex::default(),
            first: None,
            groups: BTreeMap::new(),
            refused_groups: BTreeSet::new(),
        }
    }

    /// Sets what a slice holds, in whatever order they come; true when that is news.
    pub fn set(&mut self, slice: &Slice) -> bool {
        if slice.index < self.oldest_kept() || !self.admits(&slice.groups) {
            return false;
        }
        let (end, windows) = (self.end, &self.windows);
        let group = self.groups.entry(slice.groups.clone()).or_insert_with(|| Group::new(windows.len()));
        let before = group.slices.get(&slice.index).copied().unwrap_or_default();
        group.last_event = group.last_event.max(slice.last_event);
        if before == slice.counts {
            return false;
        }
        if slice.counts.total == 0 {
            group.slices.remove(&slice.index);
        } else {
            group.slices.insert(slice.index, slice.counts);
        }
        for (sum, window) in group.sums.iter_mut().zip(windows) {
            if slice.index < end && slice.index >= end.back(*window) {
                remove(sum, before);
                add(sum, slice.counts);
            }
        }
        group.unsaved.insert(slice.index);
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
        for group in self.groups.values_mut() {
            for (sum, window) in group.sums.iter_mut().zip(&self.windows) {
                let (old_start, new_start) = (self.end.back(*window), end.back(*window));
                for (_, counts) in group.slices.range(old_start..new_start.min(self.end)) {
                    remove(sum, *counts);
                }
                for (_, counts) in group.slices.range(new_start.max(self.end)..end) {
                    add(sum, *counts);
                }
            }
        }
        self.end = end;
        self.forget_old();
    }

    /// What the window of this length holds; it must be one of those given to `new`.
    #[must_use]
    pub fn within(&self, groups: &Labels, window: Duration) -> Counts {
        let position = self.windows.iter().position(|slices| *slices == slices_in(window));
        let sum = self.groups.get(groups).zip(position).and_then(|(group, at)| group.sums.get(at));
        sum.copied().unwrap_or_default()
    }

    /// What happened since, the open slice included; walks the slices, so not for long stretches at every tick.
    #[must_use]
    pub fn since(&self, groups: &Labels, from: Timestamp) -> Counts {
        let from = SliceIndex::holding(from).min(self.end);
        let mut sum = Counts::default();
        for (_, counts) in self.groups.get(groups).into_iter().flat_map(|g| g.slices.range(from..self.end)) {
            add(&mut sum, *counts);
        }
        sum
    }

    /// The first bad slice at or after `from`.
    #[must_use]
    pub fn first_bad_since(&self, groups: &Labels, from: Timestamp) -> Option<Timestamp> {
        let from = SliceIndex::holding(from).min(self.end);
        let mut slices = self.groups.get(groups)?.slices.range(from..self.end);
        slices.find(|(_, counts)| counts.bad() > 0).map(|(index, _)| index.start())
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

    fn oldest_kept(&self) -> SliceIndex {
        self.end.back(self.windows.last().copied().unwrap_or_default())
    }

    fn forget_old(&mut self) {
        let oldest = self.oldest_kept();
        self.groups.retain(|_, group| {
            while let Some(entry) = group.slices.first_entry().filter(|entry| *entry.key() < oldest) {
                entry.remove();
            }
            while group.unsaved.first().is_some_and(|index| *index < oldest) {
                group.unsaved.pop_first();
            }
            !(group.slices.is_empty() && group.unsaved.is_empty())
        });
        self.first = self.first.map(|first| first.max(oldest));
    }
}

impl Group {
    fn new(windows: usize) -> Self {
        Self {
            slices: BTreeMap::new(),
            sums: vec![Counts::default(); windows],
            unsaved: BTreeSet::new(),
            last_event: Timestamp::MIN,
        }
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
