//! Names of calendars in rules, held against those that there are.

use crate::calendar::Calendars;

/// What to say of each name that nobody defines.
pub(super) fn unknown(named: &[String], calendars: &Calendars) -> impl Iterator<Item = String> {
    let unknown = named.iter().filter(|name| calendars.named(name).is_none());
    unknown.map(|name| no_such(name, calendars))
}

pub(super) fn no_such(name: &str, calendars: &Calendars) -> String {
    let known = calendars.names().collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none is defined".to_owned() } else { format!("there are {known}") };
    format!("there is no calendar `{name}`: {known}; define it in calendars.yml")
}
