//! How often something comes, learnt from when it came.

use std::time::Duration;

use plimsoll_model::{SourceState, Timestamp};

/// Silence is worth a word when it lasts this many times the longest usual gap, ...
const PATIENCE: u32 = 5;
/// ... and never sooner, nor later, than this.
const SHORTEST: Duration = Duration::from_mins(2);
const LONGEST: Duration = Duration::from_hours(24);

#[derive(Debug)]
pub(super) struct Rhythm {
    /// Since when it has been coming without an unusual gap.
    since: Timestamp,
    last: Timestamp,
    /// The longest of the latest gaps; older ones fade by a hundredth with every beat.
    usual_gap: Duration,
}

impl Rhythm {
    pub(super) fn starting(now: Timestamp) -> Self {
        Self { since: now, last: now, usual_gap: Duration::ZERO }
    }

    pub(super) fn beat(&mut self, now: Timestamp) {
        let (state, _) = self.state(now);
        if state != SourceState::Ok {
            self.since = now;
        }
        // A clock that went back is no gap.
        let gap = now.since(self.last);
        self.usual_gap = gap.max(self.usual_gap * 99 / 100).min(LONGEST);
        self.last = self.last.max(now);
    }

    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    pub(super) fn allowed_silence(&self) -> Duration {
        (self.usual_gap * PATIENCE).clamp(SHORTEST, LONGEST)
    }

    pub(super) fn state(&self, now: Timestamp) -> (SourceState, Timestamp) {
        let due = self.last + self.allowed_silence();
        if now > due { (SourceState::Late, due) } else { (SourceState::Ok, self.since) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn silence_is_late_after_five_usual_gaps_and_not_within_two_minutes() {
        let mut rhythm = Rhythm::starting(at(0));
        for beat in 1..=10 {
            rhythm.beat(at(60 * beat));
        }
        assert_eq!(rhythm.state(at(600 + 300)), (SourceState::Ok, at(0)));
        assert_eq!(rhythm.state(at(600 + 301)), (SourceState::Late, at(900)));

        let mut quick = Rhythm::starting(at(0));
        quick.beat(at(1));
        assert_eq!(quick.state(at(121)).0, SourceState::Ok);
        assert_eq!(quick.state(at(122)).0, SourceState::Late);
    }

    #[test]
    fn who_comes_back_is_well_since_then_and_a_long_gap_makes_us_patient_for_a_while() {
        let mut rhythm = Rhythm::starting(at(0));
        rhythm.beat(at(10));
        rhythm.beat(at(1_000));
        assert_eq!(rhythm.state(at(1_001)), (SourceState::Ok, at(1_000)));
        assert!(rhythm.allowed_silence() > Duration::from_secs(4_000));
        for beat in 0..600 {
            rhythm.beat(at(1_010 + 10 * beat));
        }
        assert_eq!(rhythm.allowed_silence(), SHORTEST);
    }

    #[test]
    fn a_clock_that_goes_back_is_no_gap() {
        let mut rhythm = Rhythm::starting(at(100));
        rhythm.beat(at(50));
        assert_eq!((rhythm.last(), rhythm.state(at(220)).0), (at(100), SourceState::Ok));
    }
}
