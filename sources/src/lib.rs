//! What we fetch: the databases, log files, caches and exporters around an Odoo, read on a schedule and handed in as OTLP
//! by the same door as what is sent to us.
//!
//! A reader is a [`Source`]: a function from what it remembers to records and a new cursor. Everything that must be right
//! only once (intervals, back-off, retries, the cursor's file, the status) is the [`runner`]'s.

mod board;
mod config;
mod cursor;
mod otlp;
mod runner;
mod source;

mod logs;
mod odoo;
mod platform;
mod postgres;
mod redis;
mod scrape;
mod statement;
mod tls;

mod sources;

pub use board::{PollStats, SourceStats};
pub use config::{
    Config, DatabaseServer, KindSettings, LogFormat, LogsConfig, ModuleTells, OdooConfig, Password,
    PostgresConfig, RedisConfig, ScrapeConfig, Settings, TlsMode,
};
pub use postgres::open_session;
pub use source::{Batch, FetchError, Fetched, Source};
pub use sources::{Sources, SourcesError};
