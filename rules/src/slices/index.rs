//! Where a slice stands in time.

use std::time::Duration;

use plimsoll_model::Timestamp;

use super::slices_in;

/// A slice by its number since 1970. What lies before is number 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceIndex(pub(super) u32);

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
