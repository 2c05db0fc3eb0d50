//! What is sent to us: OTLP over gRPC and HTTP; admitted, decoded, converted, made durable, answered.
//!
//! A request's way, top to bottom: [`serve`] accepts the connection, [`http`] or [`grpc`] reads its envelope, [`body`]
//! takes the bytes in within the memory [`admission`] leaves, [`collector`] carries them through [`decompress`],
//! [`wire`] (structure, depth, lengths, then prost) and [`convert`] (Arrow), appends to the lake and says exactly
//! what was kept. Both transports meet in `Collector::ingest`; only their envelopes differ.

mod admission;
mod body;
mod collector;
mod config;
mod convert;
mod decompress;
mod grpc;
mod http;
mod refusal;
mod reply;
mod rpc_status;
mod serve;
mod signal;
mod stats;
mod wire;

pub use collector::{Collector, CollectorError};
pub use config::Config;
pub use convert::ItemReason;
pub use refusal::RequestReason;
pub use signal::Signal;
pub use stats::{SignalStats, Stats};
