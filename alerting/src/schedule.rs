//! Who is on call when: rotations in layers, of which the last that has somebody wins, and overrides, which win over
//! all of them. A schedule is arithmetic on the clock on the wall; it remembers nothing.

mod preview;
mod rotation;
mod wall_clock;

use plimsoll_model::Timestamp;

pub(crate) use preview::preview;
pub(crate) use rotation::{Rotation, Unit};
pub(crate) use wall_clock::{first_moment, zone_named};

/// The time intervals of the routing file, by name.
pub(crate) trait Intervals {
    /// Whether one that is called so holds the moment; false when there is none.
    fn hold(&self, name: &str, at: Timestamp) -> bool;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// From the bottom to the top.
    pub(crate) layers: Vec<Layer>,
    /// The last of those that overlap wins.
    pub(crate) overrides: Vec<Override>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) rotation: Rotation,
    /// Time intervals outside of which nobody of this layer is on call; none is always.
    pub(crate) restrictions: Vec<String>,
}

/// Somebody stands in, [from, to).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) participant: String,
}

/// Why it is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Override,
    /// Counted from 0 at the bottom.
    Layer(usize),
}

impl Schedule {
    /// The one who is on call, if anybody is.
    pub(crate) fn on_call(&self, at: Timestamp, intervals: &dyn Intervals) -> Option<(&str, By)> {
        let stands_in = self.overrides.iter().rev().find(|other| (other.from..other.to).contains(&at));
        if let Some(other) = stands_in {
            return Some((&other.participant, By::Override));
        }
        let mut layers = self.layers.iter().enumerate().rev();
        layers.find_map(|(number, layer)| Some((layer.on_call(at, intervals)?, By::Layer(number))))
    }
}

impl Layer {
    fn on_call(&self, at: Timestamp, intervals: &dyn Intervals) -> Option<&str> {
        let is_open = self.restrictions.is_empty()
            || self.restrictions.iter().any(|interval| intervals.hold(interval, at));
        if is_open { self.rotation.on_call(at) } else { None }
    }
}

#[cfg(test)]
mod tests;
