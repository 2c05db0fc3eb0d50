//! The business clock as SQL asks it: what the functions `in_calendar` and `next_cutoff` stand on.

use crate::Timestamp;

/// Calendars and cut-offs, lent to whoever answers SQL. Answers depend on the file alone, never on now.
pub trait BusinessClock: std::fmt::Debug + Send + Sync {
    /// For each moment whether it lies in the calendar, for this warehouse or, without one, for any. `None` when there is
    /// no calendar of that name.
    fn in_calendar(&self, calendar: &str, warehouse: Option<&str>, times: &[Timestamp]) -> Option<Vec<bool>>;

    /// For each moment the next cut-off after it: the carrier's in this warehouse, else the warehouse's, else everybody's;
    /// `None` where none is stated.
    fn next_cut_offs(
        &self,
        warehouse: &str,
        carrier: Option<&str>,
        times: &[Timestamp],
    ) -> Vec<Option<Timestamp>>;

    /// The calendars' names, for whoever misspelt one.
    fn names(&self) -> Vec<String>;
}
