//! The PostgreSQL and the Odoo that the readers' own tests stand on.

#[path = "../../../sources/tests/it/harness/clock.rs"]
mod clock;
#[path = "../../../sources/tests/it/harness/odoo.rs"]
mod odoo;
#[expect(dead_code, reason = "the readers' own tests use all of it")]
#[path = "../../../sources/tests/it/harness/postgres.rs"]
mod postgres;

pub(crate) use clock::{WallClock, eventually};
pub(crate) use odoo::{Change, Odoo};
pub(crate) use postgres::Postgres;
