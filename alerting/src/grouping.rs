//! When a group speaks: after `group_wait` the first time, then on every tick of `group_interval`.

use plimsoll_model::Timestamp;

use crate::route::Timing;

/// A group's clock, kept in the store so that a restart neither forgets nor hurries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupTimer {
    pub(crate) next_flush: Timestamp,
    pub(crate) has_flushed: bool,
}

impl GroupTimer {
    pub(crate) fn opened(now: Timestamp, timing: Timing) -> Self {
        Self { next_flush: now + timing.group_wait, has_flushed: false }
    }

    /// An alert that began longer than `group_wait` ago has waited enough: somebody else's downtime, or ours, must not
    /// be added to it.
    pub(crate) fn joined(self, starts_at: Timestamp, now: Timestamp, timing: Timing) -> Self {
        if !self.has_flushed && starts_at + timing.group_wait < now {
            return Self { next_flush: now, ..self };
        }
        self
    }

    /// Never further away than the longest that it waits: the clock may have gone back.
    pub(crate) fn within(self, now: Timestamp, timing: Timing) -> Self {
        let latest = now + timing.group_wait.max(timing.group_interval);
        Self { next_flush: self.next_flush.min(latest), ..self }
    }

    pub(crate) fn is_due(self, now: Timestamp) -> bool {
        self.next_flush <= now
    }

    pub(crate) fn flushed(now: Timestamp, timing: Timing) -> Self {
        Self { next_flush: now + timing.group_interval, has_flushed: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_group_waits_once_and_then_ticks() {
        let timing = Timing::default();
        let timer = GroupTimer::opened(at(100), timing).joined(at(100), at(100), timing);
        assert!(!timer.is_due(at(129)));
        assert!(timer.is_due(at(130)));
        let timer = GroupTimer::flushed(at(131), timing);
        assert!(!timer.is_due(at(430)));
        assert!(timer.is_due(at(431)));
    }

    #[test]
    fn an_alert_that_began_long_ago_does_not_wait_again() {
        let timing = Timing::default();
        let timer = GroupTimer::opened(at(100), timing).joined(at(50), at(100), timing);
        assert!(timer.is_due(at(100)));
        let ticking = GroupTimer::flushed(at(100), timing);
        assert_eq!(ticking.joined(at(50), at(110), timing), ticking);
    }
}
