//! Who will be on call: the stretches in which it is the same one.

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::Timestamp;

use super::{By, Intervals, Layer, Schedule};

/// Time intervals begin and end at whole minutes.
const MINUTE: Duration = Duration::from_secs(60);

/// [from, to), with nobody when nobody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) on_call: Option<(String, By)>,
}

/// [from, to) without a gap, in order; neighbours differ.
pub(crate) fn preview(
    schedule: &Schedule,
    from: Timestamp,
    to: Timestamp,
    intervals: &dyn Intervals,
) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    for at in changes(schedule, from, to, intervals) {
        let on_call = schedule.on_call(at, intervals).map(|(name, by)| (name.to_owned(), by));
        match shifts.last_mut() {
            Some(last) if last.on_call == on_call => {}
            last => {
                if let Some(last) = last {
                    last.to = at;
                }
                shifts.push(Shift { from: at, to, on_call });
            }
        }
    }
    shifts
}

/// Every moment at which it may become somebody else, `from` the first of them.
fn changes(
    schedule: &Schedule,
    from: Timestamp,
    to: Timestamp,
    intervals: &dyn Intervals,
) -> BTreeSet<Timestamp> {
    if from >= to {
        return BTreeSet::new();
    }
    let overrides = schedule.overrides.iter().flat_map(|other| [other.from, other.to]);
    let mut found: BTreeSet<Timestamp> = overrides.collect();
    for layer in &schedule.layers {
        handoffs(layer, from, to, &mut found);
    }
    let restrictions: BTreeSet<&str> =
        schedule.layers.iter().flat_map(|layer| &layer.restrictions).map(String::as_str).collect();
    for name in restrictions {
        openings(name, from, to, intervals, &mut found);
    }
    found.retain(|at| (from..to).contains(at));
    found.insert(from);
    found
}

fn handoffs(layer: &Layer, from: Timestamp, to: Timestamp, found: &mut BTreeSet<Timestamp>) {
    let mut turn = layer.rotation.turn(from).unwrap_or_default();
    loop {
        let at = layer.rotation.handoff(turn);
        if at >= to {
            return;
        }
        found.insert(at);
        turn += 1;
    }
}

fn openings(
    name: &str,
    from: Timestamp,
    to: Timestamp,
    intervals: &dyn Intervals,
    found: &mut BTreeSet<Timestamp>,
) {
    let mut was_open = intervals.hold(name, from);
    let mut at = from.floor_to(MINUTE) + MINUTE;
    while at < to {
        let is_open = intervals.hold(name, at);
        if is_open != was_open {
            found.insert(at);
        }
        was_open = is_open;
        at = at + MINUTE;
    }
}
