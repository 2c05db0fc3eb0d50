//! OTLP/gRPC. The body is encoded already; the client frames it, and compresses it as it does.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use bytes::{Buf, BufMut, Bytes};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::{Answer, Compression, Transport};
use crate::load::signal::Signal;

#[derive(Debug)]
pub(in crate::load) struct GrpcConnection {
    client: Grpc<Channel>,
}

impl GrpcConnection {
    pub(super) fn new(transport: &Transport) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(transport.endpoint.to_string()).context("--endpoint")?;
        let client = Grpc::new(endpoint.timeout(transport.timeout).connect_lazy());
        Ok(Self {
            client: match transport.compression {
                Compression::None => client,
                Compression::Gzip => client.send_compressed(CompressionEncoding::Gzip),
                Compression::Zstd => client.send_compressed(CompressionEncoding::Zstd),
            },
        })
    }

    pub(super) async fn send(&mut self, signal: Signal, body: Bytes) -> Answer {
        if self.client.ready().await.is_err() {
            return no_connection();
        }
        let path = PathAndQuery::from_static(signal.grpc_path());
        match self.client.unary(Request::new(body), path, Encoded).await {
            Ok(answer) => {
                let partial = answer.into_inner().partial_success.unwrap_or_default();
                Answer::Acknowledged { rejected: partial.rejected_spans.max(0).unsigned_abs() }
            }
            Err(status) => meaning(&status),
        }
    }
}

/// The table of the OTLP specification, and one case more: a status that no server sent.
fn meaning(status: &Status) -> Answer {
    let code = format!("{:?}", status.code());
    if let Some(error) = status.source() {
        return if was_never_sent(error) { no_connection() } else { Answer::Lost { code } };
    }
    let after = retry_delay(status);
    match status.code() {
        Code::Cancelled | Code::DeadlineExceeded => Answer::Lost { code },
        Code::Aborted | Code::OutOfRange | Code::Unavailable | Code::DataLoss => {
            Answer::Later { code, after }
        }
        Code::ResourceExhausted if after.is_some() => Answer::Later { code, after },
        _ => Answer::Refused { code, message: status.message().to_owned() },
    }
}

fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// The client's own name for it: no type of it is public.
fn was_never_sent(error: &(dyn Error + 'static)) -> bool {
    error.to_string().contains("connect error") || error.source().is_some_and(was_never_sent)
}

fn no_connection() -> Answer {
    Answer::Later { code: "no connection".to_owned(), after: None }
}

/// A message that is encoded already. The answers of all signals have the same fields.
#[derive(Clone, Copy, Debug)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, body: Bytes, room: &mut EncodeBuf<'_>) -> Result<(), Status> {
        room.reserve(body.len());
        room.put(body);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let answer = answer.copy_to_bytes(answer.remaining());
        let answer = ExportTraceServiceResponse::decode(answer);
        answer.map(Some).map_err(|error| Status::data_loss(format!("the answer is not OTLP: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn what_the_specification_calls_retryable_is_tried_again_and_nothing_else() {
        for code in [Code::Unavailable, Code::Aborted, Code::OutOfRange, Code::DataLoss] {
            assert!(matches!(meaning(&Status::new(code, "")), Answer::Later { after: None, .. }), "{code:?}");
        }
        for code in [Code::Internal, Code::InvalidArgument, Code::Unknown, Code::ResourceExhausted] {
            assert!(matches!(meaning(&Status::new(code, "")), Answer::Refused { .. }), "{code:?}");
        }
        let delay = Duration::from_secs(3);
        let told = ErrorDetails::with_retry_info(Some(delay));
        for code in [Code::Unavailable, Code::ResourceExhausted] {
            let answer = meaning(&Status::with_error_details(code, "", told.clone()));
            assert!(
                matches!(answer, Answer::Later { after: Some(after), .. } if after == delay),
                "{answer:?}"
            );
        }
    }
}
