//! The lake through its edges: what was acknowledged is visible at once, and after every kind of end it is there once.

mod append;
mod crash;
mod damage;
mod delta;
mod events;
mod faults;
mod harness;
mod maintain;
mod originals;
mod outlined;
mod upkeep;
mod verbs;
