//! DataFusion over the lake: the SQL surface, its fence, and PostgreSQL wire.
//!
//! A statement's journey: the [`fence`] reads it and lets nothing but a bounded read pass; a [`lane`] gives it a place,
//! threads, memory and a deadline; a [`session`] holds tables that share one snapshot, and the statement's own `now()`;
//! the [`provider`] shows what is in memory and what is in Parquet as one table. Every face (HTTP, console, rules,
//! PostgreSQL wire) comes through [`QueryEngine`], so none has a fence or limits of its own.

mod cancel;
mod config;
mod databases;
mod engine;
mod error;
mod fence;
mod functions;
mod lane;
mod objects;
mod output;
mod provider;
mod row_wise;
mod session;
mod views;
mod wire;

#[cfg(test)]
mod testing;

pub use config::Config;
pub use databases::{Database, Databases, Locked};
pub use engine::{Description, Param, QueryEngine};
pub use error::QueryError;
pub use lane::LaneStats;
pub use output::QueryOutput;
pub use row_wise::{RowForm, RowWise};
pub use views::View;
pub use wire::serve_postgres;
