//! How often a statement is asked: as configured, and less often when it turns out to be dear.

use std::time::Duration;

use plimsoll_model::Timestamp;

/// A statement over this share of its limit is asked less often.
const DEAR: u32 = 5;
/// The rarest: this many times what was configured.
const RAREST: u32 = 64;

#[derive(Debug, Default)]
pub(crate) struct Pace {
    due: Option<Timestamp>,
    factor: u32,
    took: Duration,
}

impl Pace {
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// After the statement was asked: `is_over` when it was stopped at its limit.
    pub(crate) fn asked(
        &mut self,
        began: Timestamp,
        took: Duration,
        limit: Duration,
        is_over: bool,
        every: Duration,
    ) {
        self.took = took;
        let factor = self.factor.max(1);
        self.factor = if is_over || took > limit / DEAR {
            (factor * 2).min(RAREST)
        } else if took < limit / (DEAR * 4) {
            (factor / 2).max(1)
        } else {
            factor
        };
        self.due = Some(began + every * self.factor);
    }

    /// What to tell about a statement that is asked less often than configured.
    pub(crate) fn note(&self, what: &str, every: Duration) -> Option<String> {
        let every = every * self.factor;
        let took = self.took.as_millis();
        (self.factor > 1)
            .then(|| format!("{what}: took {took} ms, so it is measured every {} s", every.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dear_statement_is_asked_less_often_and_a_cheap_one_again_as_configured() {
        let (limit, every, now) = (Duration::from_secs(5), Duration::from_secs(60), Timestamp::from_secs(0));
        let ms = Duration::from_millis;
        let mut pace = Pace::default();
        assert!(pace.is_due(now));
        pace.asked(now, ms(1_200), limit, false, every);
        pace.asked(now, ms(1_200), limit, false, every);
        assert!(!pace.is_due(Timestamp::from_secs(239)) && pace.is_due(Timestamp::from_secs(240)));
        assert!(
            pace.note("gaps", every).is_some_and(|note| note.contains("1200 ms") && note.contains("240 s"))
        );
        for _ in 0..10 {
            pace.asked(now, ms(5_000), limit, true, every);
        }
        assert_eq!(pace.factor, RAREST);
        pace.asked(now, ms(500), limit, false, every);
        assert_eq!(pace.factor, RAREST, "between dear and cheap it stays");
        for _ in 0..10 {
            pace.asked(now, ms(20), limit, false, every);
        }
        assert_eq!(pace.note("gaps", every), None);
    }
}
