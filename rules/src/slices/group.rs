//! The slices of one group and their sums, per window and line.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Labels, Timestamp};

use super::lines::{Course, Line, Lines};
use super::{Slice, SliceIndex, add, remove};
use crate::burn::Counts;

#[derive(Debug)]
pub(super) struct Group {
    /// As they were counted, whatever line they stand under.
    pub(super) slices: BTreeMap<SliceIndex, Counts>,
    /// One for each window and line: those of a window stand together.
    sums: Vec<Counts>,
    lines: usize,
    pub(super) course: Course,
    pub(super) unsaved: BTreeSet<SliceIndex>,
    pub(super) last_event: Timestamp,
}

impl Group {
    pub(super) fn new(windows: usize, lines: usize) -> Self {
        Self {
            slices: BTreeMap::new(),
            sums: vec![Counts::default(); windows * lines],
            lines,
            course: Course::default(),
            unsaved: BTreeSet::new(),
            last_event: Timestamp::MIN,
        }
    }

    pub(super) fn sums(&self, window: usize) -> &[Counts] {
        self.sums.get(window * self.lines..(window + 1) * self.lines).unwrap_or_default()
    }

    /// True when that is news. `starts` is where each window begins, `end` where all of them do.
    pub(super) fn set(&mut self, slice: &Slice, starts: &[SliceIndex], end: SliceIndex) -> bool {
        let before = self.slices.get(&slice.index).copied().unwrap_or_default();
        self.last_event = self.last_event.max(slice.last_event);
        if before == slice.counts {
            return false;
        }
        if slice.counts.total == 0 {
            self.slices.remove(&slice.index);
        } else {
            self.slices.insert(slice.index, slice.counts);
        }
        if slice.index < end {
            let line = self.course.line_of(slice.index);
            for (window, start) in starts.iter().enumerate() {
                if slice.index >= *start
                    && let Some(sum) = self.sums.get_mut(window * self.lines + line.0)
                {
                    remove(sum, before);
                    add(sum, slice.counts);
                }
            }
        }
        self.unsaved.insert(slice.index);
        true
    }

    /// Moves a window on: what it left is taken from its sums, what it reached is added.
    pub(super) fn slide(
        &mut self,
        window: usize,
        (old_start, old_end): (SliceIndex, SliceIndex),
        (new_start, new_end): (SliceIndex, SliceIndex),
    ) {
        let (slices, course, lines) = (&self.slices, &self.course, self.lines);
        let Some(sums) = self.sums.get_mut(window * lines..(window + 1) * lines) else { return };
        if new_start >= old_end {
            sums.fill(Counts::default());
        } else {
            for (index, counts) in slices.range(old_start..new_start) {
                change(sums, course.line_of(*index), |sum| remove(sum, *counts));
            }
        }
        for (index, counts) in slices.range(new_start.max(old_end)..new_end) {
            change(sums, course.line_of(*index), |sum| add(sum, *counts));
        }
    }

    /// Makes every sum anew.
    pub(super) fn recount(&mut self, starts: &[SliceIndex], end: SliceIndex) {
        self.sums = vec![Counts::default(); starts.len() * self.lines];
        for (window, start) in starts.iter().enumerate() {
            self.slide(window, (*start, *start), (*start, end.max(*start)));
        }
    }

    pub(super) fn stand_under(
        &mut self,
        lines: Option<&dyn Lines>,
        groups: &Labels,
        kept: (SliceIndex, SliceIndex),
        count: usize,
    ) {
        self.lines = count;
        self.course = Course::default();
        self.learn(lines, groups, kept, kept.1);
    }

    /// Lines are asked for when `end` passes what is known of them, and not before there is a now.
    pub(super) fn learn(
        &mut self,
        lines: Option<&dyn Lines>,
        groups: &Labels,
        kept: (SliceIndex, SliceIndex),
        end: SliceIndex,
    ) {
        let Some(lines) = lines else { return };
        if end > SliceIndex::default() && self.course.knows_until() < end {
            self.course.cover(lines, groups, kept);
        }
    }

    pub(super) fn counting(
        &self,
        (from, to): (SliceIndex, SliceIndex),
        out: Option<Line>,
    ) -> impl Iterator<Item = (SliceIndex, Counts)> + '_ {
        let slices = self.slices.range(from..to.max(from));
        let counting =
            slices.filter(move |(index, _)| out.is_none_or(|out| self.course.line_of(**index) != out));
        counting.map(|(index, counts)| (*index, *counts))
    }

    /// False when nothing is left.
    pub(super) fn forget_before(&mut self, oldest: SliceIndex) -> bool {
        while let Some(entry) = self.slices.first_entry().filter(|entry| *entry.key() < oldest) {
            entry.remove();
        }
        while self.unsaved.first().is_some_and(|index| *index < oldest) {
            self.unsaved.pop_first();
        }
        !(self.slices.is_empty() && self.unsaved.is_empty())
    }
}

fn change(sums: &mut [Counts], line: Line, how: impl FnOnce(&mut Counts)) {
    if let Some(sum) = sums.get_mut(line.0) {
        how(sum);
    }
}
