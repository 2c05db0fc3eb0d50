//! Turns that follow each other: everybody hands off to the next at the same time on the wall. In the night in which
//! clocks change, a turn is as much shorter or longer as the night is.

use chrono::{Datelike, Months, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

use super::wall_clock::{first_moment, local};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) unit: Unit,
    /// How many units a turn has, from 1.
    pub(crate) every: u32,
    /// When the first turn begins, on the wall; nobody is on call before.
    pub(crate) start: NaiveDateTime,
    pub(crate) zone: Tz,
    /// In their order; never empty.
    pub(crate) participants: Vec<String>,
}

impl Rotation {
    pub(crate) fn on_call(&self, at: Timestamp) -> Option<&str> {
        let turns = u64::try_from(self.participants.len()).ok()?;
        let place = usize::try_from(self.turn(at)?.checked_rem(turns)?).ok()?;
        self.participants.get(place).map(String::as_str)
    }

    /// The number of the turn that holds the moment, from 0.
    pub(super) fn turn(&self, at: Timestamp) -> Option<u64> {
        let mut turn = self.about(local(self.zone, at));
        while turn > 0 && self.handoff(turn) > at {
            turn -= 1;
        }
        while self.handoff(turn + 1) <= at {
            turn += 1;
        }
        (self.handoff(turn) <= at).then_some(turn)
    }

    /// When the turn begins. Always counted from the first, so that after 31 January come 28 February and 31 March.
    pub(super) fn handoff(&self, turn: u64) -> Timestamp {
        let units = u32::try_from(turn).unwrap_or(u32::MAX).saturating_mul(self.every);
        let local = match self.unit {
            Unit::Hour => self.start.checked_add_signed(TimeDelta::hours(units.into())),
            Unit::Day => self.start.checked_add_signed(TimeDelta::days(units.into())),
            Unit::Week => self.start.checked_add_signed(TimeDelta::weeks(units.into())),
            Unit::Month => self.start.checked_add_months(Months::new(units)),
        };
        local.map_or(Timestamp::MAX, |local| first_moment(self.zone, local))
    }

    /// One or two off at most.
    fn about(&self, at: NaiveDateTime) -> u64 {
        let apart = at - self.start;
        let units = match self.unit {
            Unit::Hour => apart.num_hours(),
            Unit::Day => apart.num_days(),
            Unit::Week => apart.num_weeks(),
            Unit::Month => {
                i64::from(at.year() - self.start.year()) * 12 + i64::from(at.month())
                    - i64::from(self.start.month())
            }
        };
        u64::try_from(units).unwrap_or_default() / u64::from(self.every.max(1))
    }
}
