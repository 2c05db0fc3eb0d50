//! The composing place: reads configuration, builds every room, hands rooms to each other, owns start and stop.
//! Read `app.rs` first; it is the whole product in one function.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
mod health;
mod ledger;
pub mod load;
pub mod replay;
pub mod rule_test;
pub mod server;
mod telemetry;
