//! The calendars that are in force, shared: SQL asks them, a reload replaces them.

use std::sync::{Arc, PoisonError, RwLock};

use plimsoll_model::{BusinessClock, Labels, Timestamp};

use super::{Calendars, holds};

/// A question over a longer stretch than this is asked moment by moment if it has few of them.
const LONG: i64 = 400 * 86_400 * 1_000_000_000;

/// Clones share the calendars, so that the engine can have them before the files are read.
#[derive(Clone, Debug, Default)]
pub struct CalendarBook(Arc<RwLock<Arc<Calendars>>>);

impl CalendarBook {
    /// From now on these are in force.
    pub fn show(&self, calendars: Arc<Calendars>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = calendars;
    }

    #[must_use]
    pub fn in_force(&self) -> Arc<Calendars> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl BusinessClock for CalendarBook {
    fn in_calendar(&self, calendar: &str, warehouse: Option<&str>, times: &[Timestamp]) -> Option<Vec<bool>> {
        let calendars = self.in_force();
        let calendar = calendars.named(calendar)?;
        let groups: Option<Labels> = warehouse.map(|name| [("warehouse", name)].into_iter().collect());
        let spans = |from: Timestamp, to: Timestamp| match &groups {
            Some(groups) => calendar.spans_for(groups, from, to),
            None => calendar.spans(from, to),
        };
        let after = |time: Timestamp| Timestamp::from_nanos(time.nanos().saturating_add(1));
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
            return Some(Vec::new());
        };
        if last.nanos().saturating_sub(first.nanos()) > LONG && times.len() < 100 {
            return Some(times.iter().map(|time| !spans(*time, after(*time)).is_empty()).collect());
        }
        let spans = spans(*first, after(*last));
        Some(times.iter().map(|time| holds(&spans, *time)).collect())
    }

    fn next_cut_offs(
        &self,
        warehouse: &str,
        carrier: Option<&str>,
        times: &[Timestamp],
    ) -> Vec<Option<Timestamp>> {
        let calendars = self.in_force();
        // Ascending, so that most find the answer of the one before them.
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_unstable_by_key(|at| times.get(*at));
        let mut found = vec![None; times.len()];
        let mut last: Option<(Timestamp, Option<Timestamp>)> = None;
        for at in order {
            let Some(time) = times.get(at).copied() else { continue };
            let answer = match last {
                Some((asked, Some(next))) if asked <= time && time < next => Some(next),
                _ => calendars.next_cut_off(warehouse, carrier, time),
            };
            last = Some((time, answer));
            if let Some(slot) = found.get_mut(at) {
                *slot = answer;
            }
        }
        found
    }

    fn names(&self) -> Vec<String> {
        self.in_force().names().map(str::to_owned).collect()
    }
}
