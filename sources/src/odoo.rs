//! An Odoo, read in its PostgreSQL by a role that may only read: what happened as business events, how things stand as
//! metrics. For those who can't install a module, and for what no module can see: what should have happened and didn't.
//!
//! Each look is a handful of short read-only transactions, each with its own limits. A feed that fails (a right, a lock,
//! a statement over its time) is told in the status and stops no other.

mod documents;
mod feeds;
mod fields;
mod gauges;
mod labels;
mod low_water;
mod masses;
mod missed;
mod reader;
mod schema;
mod tracking;
mod watch;
mod watches;

pub(crate) use reader::OdooReader;
