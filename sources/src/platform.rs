//! A PostgreSQL as a platform: who waits for whom, what costs the most, and how the server stands. Sampled, because most
//! of it is true only for a moment; named as OpenTelemetry's receiver names it.

mod activity;
mod levels;
mod reader;
mod top_queries;

pub(crate) use reader::PlatformReader;
