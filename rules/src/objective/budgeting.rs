//! What the error budget counts: events, or slices of time.

use std::time::Duration;

use crate::slices::SLICE;

/// A slice of time in which nothing happened counts neither as good nor as bad.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Budgeting {
    /// Good events of all events.
    #[default]
    Occurrences,
    /// Good slices of all slices; one is good when at least `target` of its events are.
    Timeslices { window: Duration, target: f64 },
    /// The mean of the slices' ratios.
    RatioTimeslices { window: Duration },
}

impl Budgeting {
    /// As OpenSLO names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Occurrences => "Occurrences",
            Self::Timeslices { .. } => "Timeslices",
            Self::RatioTimeslices { .. } => "RatioTimeslices",
        }
    }

    /// How long that is which is counted as one: the engine's own slice when it counts events.
    #[must_use]
    pub const fn slice(self) -> Duration {
        match self {
            Self::Occurrences => SLICE,
            Self::Timeslices { window, .. } | Self::RatioTimeslices { window } => window,
        }
    }

    /// A ratio is kept in thousandths of a slice.
    #[must_use]
    pub const fn parts(self) -> u64 {
        match self {
            Self::RatioTimeslices { .. } => PARTS,
            Self::Occurrences | Self::Timeslices { .. } => 1,
        }
    }
}

/// Where one measurement or slice can be good in part, it counts as this many.
pub(crate) const PARTS: u64 = 1_000;
