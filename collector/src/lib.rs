//! What is sent to us: OTLP over gRPC and HTTP; admitted, decoded, converted, made durable, answered.
//!
//! A request's way, top to bottom: [`serve`] accepts the connection, [`http`] or [`grpc`] reads its envelope, [`body`]
//! takes the bytes in within the memory [`admission`] leaves, [`collector`] carries them through [`decompress`],
//! [`wire`] (structure, depth, lengths) and [`convert`] (straight into Arrow), appends to the lake and says exactly what
//! was kept. [`reader`] goes the same way once more when the log is replayed. Both transports meet in `Collector::ingest`; only their envelopes differ.

mod admission;
mod body;
mod collector;
mod config;
mod convert;
mod decompress;
mod grpc;
mod http;
mod intake;
mod ledger;
mod quota;
mod reader;
mod redact;
mod refusal;
mod remote_write;
mod reply;
mod rpc_status;
mod senders;
mod serve;
mod signal;
mod stats;
mod tenant;
mod told;
mod wire;

pub use plimsoll_model::Signal;

pub use collector::{Collector, CollectorError};
pub use config::Config;
pub use convert::{ItemFlag, ItemReason};
pub use ledger::{IngestLedger, SettledMinute};
pub use quota::Quota;
pub use reader::OtlpReader;
pub use redact::{DEFAULT_ATTRIBUTES, Redactor};
pub use refusal::RequestReason;
pub use senders::{Beat, SentSources};
pub use stats::{SignalStats, Stats};
pub use tenant::{Tenant, TenantStats};
