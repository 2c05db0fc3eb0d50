//! Where nothing coming is bad: a slice of time that is over, and in which a group that was heard of before had no event.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Labels, Timestamp};

use super::ObjectiveWatch;
use crate::burn::Counts;
use crate::slices::{SLICE, Slice, SliceIndex};

impl ObjectiveWatch {
    /// The slices of [from, to) that should be there beside those that `told` has.
    pub(super) fn absent(
        &self,
        (from, to): (SliceIndex, SliceIndex),
        told: &[Slice],
        now: Timestamp,
    ) -> Vec<Slice> {
        let objective = self.objective();
        if !objective.blind.absent_is_bad {
            return Vec::new();
        }
        let length = objective.budgeting.slice();
        let step = u32::try_from(length.as_secs() / SLICE.as_secs()).unwrap_or(u32::MAX).max(1);
        // One that still runs may be good in the end.
        let over = SliceIndex::holding(now).aligned(length).min(to);
        let counts = Counts { good: 0, total: objective.budgeting.parts() };
        let mut absent = Vec::new();
        for (groups, begins) in self.begins(told) {
            let known: BTreeSet<SliceIndex> =
                told.iter().filter(|slice| slice.groups == *groups).map(|slice| slice.index).collect();
            let mut index = from.aligned(length).max(begins.aligned(length));
            while index < over {
                if !known.contains(&index) {
                    let groups = groups.clone();
                    absent.push(Slice { groups, index, counts, last_event: Timestamp::MIN });
                }
                index = index.plus(step);
            }
        }
        absent
    }

    /// Since when each group is known.
    fn begins<'a>(&'a self, told: &'a [Slice]) -> BTreeMap<&'a Labels, SliceIndex> {
        let known = self.slices.groups().filter_map(|groups| Some((groups, self.slices.first_of(groups)?)));
        let mut begins: BTreeMap<_, _> = known.collect();
        for slice in told {
            let first = begins.entry(&slice.groups).or_insert(slice.index);
            *first = (*first).min(slice.index);
        }
        begins
    }
}
