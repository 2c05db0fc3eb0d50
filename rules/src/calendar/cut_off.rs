//! Cut-offs: until when an order must be there to leave that day, by warehouse, carrier and weekday.

use std::sync::Arc;

use chrono_tz::Tz;
use plimsoll_model::{Labels, Timestamp};

use super::Calendar;
use super::interval::Days;
use super::zone::{self, days};

/// No further ahead than this: a warehouse without a cut-off in a year has none.
const HORIZON_DAYS: i64 = 400;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CutOff {
    pub(crate) name: String,
    /// `None` is every warehouse that has none of its own; so for carriers.
    pub(crate) warehouse: Option<String>,
    pub(crate) carrier: Option<String>,
    /// Minutes of the day; the first whose days hold the date decides.
    pub(crate) times: Vec<(Days, u32)>,
    pub(crate) zone: Tz,
    pub(crate) minus: Vec<Arc<Calendar>>,
    pub(crate) reason: Option<String>,
}

impl CutOff {
    /// The next one after `time`, not at it.
    pub(crate) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        // A local day earlier, since a day's cut-off may be the next day's midnight.
        let today = zone::local(self.zone, time).date() - days(1);
        (0..HORIZON_DAYS).find_map(|ahead| self.on(today + days(ahead)).filter(|found| *found > time))
    }

    fn on(&self, date: chrono::NaiveDate) -> Option<Timestamp> {
        let (_, minutes) = self.times.iter().find(|(of, _)| of.hold(date))?;
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        let local = midnight + chrono::TimeDelta::try_minutes(i64::from(*minutes)).unwrap_or_default();
        let moment = zone::moment(self.zone, local);
        // A holiday is a day: what ends at midnight still belongs to the day that it ends.
        let asked = if *minutes == 1_440 { moment - std::time::Duration::from_secs(1) } else { moment };
        let groups = self.groups();
        let is_off = self.minus.iter().any(|calendar| calendar.holds_for(&groups, asked));
        (!is_off).then_some(moment)
    }

    fn groups(&self) -> Labels {
        let warehouse = self.warehouse.iter().map(|name| ("warehouse", name.as_str()));
        warehouse.chain(self.carrier.iter().map(|name| ("carrier", name.as_str()))).collect()
    }

    /// How exactly it speaks of the two; `None` when it speaks of others.
    pub(crate) fn rank(&self, warehouse: &str, carrier: Option<&str>) -> Option<u8> {
        let of_warehouse = match &self.warehouse {
            Some(own) if own == warehouse => 2,
            Some(_) => return None,
            None => 0,
        };
        match &self.carrier {
            Some(own) if Some(own.as_str()) == carrier => Some(of_warehouse + 1),
            Some(_) => None,
            None => Some(of_warehouse),
        }
    }
}
