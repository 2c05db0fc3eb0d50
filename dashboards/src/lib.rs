//! The console and the HTTP API: what people and programs look at.
//!
//! A request passes the fence (`fence`: which host it names, which page it comes from), reaches the page (`web`) or
//! the API (`sql`, `state`, `probes`), and leaves with strict headers. Everything shown comes out of
//! [`plimsoll_query::QueryEngine`], so whatever the console knows can also be asked in SQL; the `runbooks` are texts that
//! `src/` hands in.

mod ack_page;
mod alertmanager;
mod explain;
mod faces;
mod fence;
mod format;
mod incidents;
mod metrics;
mod on_call;
mod pagerduty;
mod probes;
mod problem;
mod receivers;
mod runbooks;
mod server;
mod sql;
mod state;
mod tenant;
mod web;

pub use faces::{Faces, Health, Reload};
pub use metrics::{MetricKind, MetricsSource, Sample};
pub use runbooks::Runbook;
pub use server::serve;
