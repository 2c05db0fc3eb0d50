//! Which line holds when, and which slices do not count: the business clock as slices see it, in slices.

use std::fmt;

use plimsoll_model::{Labels, Timestamp};

use super::SliceIndex;
use crate::calendar::Span;

/// Under which line a slice stands: 0 is the objective's own, then those that it names, and the last is none, for what
/// does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(pub usize);

/// Who knows under which line a group stands when. Pure: the same answer whenever it is asked.
pub trait Lines: fmt::Debug + Send + Sync {
    /// How many lines there are, that of what does not count among them.
    fn count(&self) -> usize;

    /// The stretches of [from, to) that stand under another line than 0: sorted and disjoint.
    fn of(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<(Span, Line)>;
}

/// The lines of one group over the slices that it keeps. A slice stands where its start does.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Sorted and disjoint.
    stretches: Vec<(SliceIndex, SliceIndex, Line)>,
    /// What is known: [from, to).
    from: SliceIndex,
    to: SliceIndex,
}

impl Course {
    /// Knows [from, to) afterwards and forgets what lies before.
    pub(super) fn cover(&mut self, lines: &dyn Lines, groups: &Labels, (from, to): (SliceIndex, SliceIndex)) {
        if self.to == SliceIndex::default() || from < self.from || from > self.to {
            *self = Self { stretches: Vec::new(), from, to: from };
        }
        if self.to < to {
            let found = lines.of(groups, self.to.start(), to.start());
            self.stretches.extend(found.into_iter().filter_map(|(span, line)| in_slices(span, line)));
            self.to = to;
        }
        let old = self.stretches.partition_point(|(_, end, _)| *end <= from);
        self.stretches.drain(..old);
        self.from = from;
    }

    pub(super) fn knows_until(&self) -> SliceIndex {
        self.to
    }

    pub(super) fn line_of(&self, index: SliceIndex) -> Line {
        let next = self.stretches.partition_point(|(start, _, _)| *start <= index);
        let held =
            next.checked_sub(1).and_then(|at| self.stretches.get(at)).filter(|(_, end, _)| index < *end);
        held.map_or(Line(0), |(_, _, line)| *line)
    }

    /// The stretches of [from, to) under this line.
    pub(super) fn under(&self, line: Line, from: SliceIndex, to: SliceIndex) -> Vec<Span> {
        let cut = self.stretches.iter().filter(|(_, _, held)| *held == line).filter_map(|(start, end, _)| {
            Span::new((*start).max(from).start(), (*end).min(to).start()).within(from.start(), to.start())
        });
        cut.collect()
    }
}

/// A slice that begins within the span.
fn in_slices(span: Span, line: Line) -> Option<(SliceIndex, SliceIndex, Line)> {
    let first = |time: Timestamp| {
        let index = SliceIndex::holding(time);
        if index.start() < time { index.next() } else { index }
    };
    let (from, to) = (first(span.from), first(span.to));
    (from < to).then_some((from, to, line))
}
