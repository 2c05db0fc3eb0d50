//! A connection to a PostgreSQL that is somebody else's: read-only, with limits on time and locks, and gone when we are.

mod connection;
mod pace;
mod tls;
mod trouble;

pub use connection::open_session;
pub(crate) use connection::{Connection, Reading, Row, from_micros};
pub(crate) use pace::Pace;
pub(crate) use trouble::{Kind, Trouble};
