//! One connection to a receiver of OTLP, and what its answers mean to a client that follows the specification.

mod grpc;
mod http;

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::ValueEnum;
use url::Url;

use super::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    Grpc,
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// How requests travel.
#[derive(Clone, Debug)]
pub struct Transport {
    pub protocol: Protocol,
    pub compression: Compression,
    /// Where OTLP is received; without a path.
    pub endpoint: Url,
    /// For one attempt, until its answer is there.
    pub timeout: Duration,
    pub acknowledged_by: AcknowledgedBy,
}

/// What counts as an acknowledgement over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgedBy {
    /// 2xx with OTLP's own answer in it, as the specification says.
    Otlp,
    /// Any 2xx: some receivers answer with a text of their own.
    Status,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, but for this many of its items.
    Acknowledged { rejected: u64 },
    /// Trying again makes sense: after this long, if the receiver said so.
    Later { code: String, after: Option<Duration> },
    /// The request went out and nothing came back: it may have been taken.
    Lost { code: String },
    /// Trying again makes no sense.
    Refused { code: String, message: String },
}

/// Sends one request at a time.
#[derive(Debug)]
pub(super) enum Connection {
    Grpc(grpc::GrpcConnection),
    Http(http::HttpConnection),
}

impl Connection {
    /// Connects when it first sends.
    pub(super) fn new(transport: &Transport) -> anyhow::Result<Self> {
        Ok(match transport.protocol {
            Protocol::Grpc => Self::Grpc(grpc::GrpcConnection::new(transport)?),
            Protocol::Http => Self::Http(http::HttpConnection::new(transport)?),
        })
    }

    pub(super) async fn send(&mut self, signal: Signal, wire: Bytes) -> Answer {
        match self {
            Self::Grpc(connection) => connection.send(signal, wire).await,
            Self::Http(connection) => connection.send(signal, wire).await,
        }
    }
}

impl Compression {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Gzip at level 1 and zstd at level 1: a sender under load wants it quick.
    pub(super) fn of(self, body: &Bytes) -> anyhow::Result<Bytes> {
        Ok(match self {
            Self::None => body.clone(),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut encoder, body)?;
                encoder.finish().context("gzip")?.into()
            }
            Self::Zstd => zstd::bulk::compress(body, 1).context("zstd")?.into(),
        })
    }
}

impl Protocol {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "OTLP/gRPC",
            Self::Http => "OTLP/HTTP",
        }
    }
}
