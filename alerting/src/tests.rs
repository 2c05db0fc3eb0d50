//! The pipeline as a story: push alerts, move time, and read what the receivers got.

mod alertmanager;
mod delivery;
mod incidents;
pub(crate) mod kill;
mod lease;
mod muting;
mod outbound;
mod postgres;
mod routing;
mod silences;
mod storm;
mod support;
mod tables;
mod time;
mod upgrade;
