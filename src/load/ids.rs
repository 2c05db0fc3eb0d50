//! Who is who in a run. Every id follows from the run and a number, so that whoever knows both can say what was sent;
//! no two items share an id, and a store can compress the ids no better than random ones.

use std::fmt;

/// One run of the generator: a number that is drawn once and goes into every id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run(u64);

impl Run {
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// What the scope of everything sent is named, for SQL: `WHERE scope_name = 'plimsoll.load/5f0c...'`.
    pub(super) fn scope_name(self) -> String {
        format!("plimsoll.load/{self}")
    }

    pub(super) fn trace_id(self, trace: u64) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.mixed(trace, 1).to_be_bytes());
        id[8..].copy_from_slice(&self.mixed(trace, 2).to_be_bytes());
        id
    }

    pub(super) fn span_id(self, item: u64) -> [u8; 8] {
        self.mixed(item, 3).to_be_bytes()
    }

    /// A parent that was sent by somebody else.
    pub(super) fn foreign_span_id(self, item: u64) -> [u8; 8] {
        self.mixed(item, 4).to_be_bytes()
    }

    /// What the payload of an item is decided by.
    pub(super) fn dice(self, item: u64) -> u64 {
        self.mixed(item, 5)
    }

    /// One to one in `number`, and never zero while numbers stay below 2^63: OTLP refuses ids of zeros.
    fn mixed(self, number: u64, purpose: u64) -> u64 {
        mix(number ^ (mix(self.0 ^ purpose) | 1 << 63))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The finalizer of splitmix64: a bijection whose output looks random, and zero only for zero.
pub(super) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A number that counts what is held in memory.
pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).expect("memory holds no more than it can count")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_within_a_run_and_follow_from_it() {
        let run = Run::new(7);
        let spans: HashSet<[u8; 8]> = (0..100_000).map(|item| run.span_id(item)).collect();
        let traces: HashSet<[u8; 16]> = (0..100_000).map(|trace| run.trace_id(trace)).collect();
        assert_eq!((spans.len(), traces.len()), (100_000, 100_000));
        assert_eq!(run.span_id(5), Run::new(7).span_id(5));
        assert_ne!(run.span_id(5), Run::new(8).span_id(5));
    }
}
