//! What every test stands on: a PostgreSQL of its own, a door that keeps what is handed in, and waiting for a condition.

mod certificates;
mod clock;
mod door;
mod odoo;
mod postgres;
mod reader;

pub(crate) use certificates::certificates_for;
pub(crate) use clock::{WallClock, eventually};
pub(crate) use door::{Door, Event};
pub(crate) use odoo::{Change, Odoo, root};
pub(crate) use postgres::{Postgres, free_port};
pub(crate) use reader::{Reader, odoo_settings, server};
