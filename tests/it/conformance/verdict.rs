//! Whether an answer is the one that a case expects: status, headers, media type and decoded body. The bodies are
//! decoded with the types that OpenTelemetry and Google publish.

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;
use tonic::{Code, Status};

use super::case::{Expect, Refusal, Signal, Transport};
use crate::harness::Answer;

/// Clients read at most 4 MiB, people less.
const LONGEST_MESSAGE: usize = 4_096;

impl Refusal {
    fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::TooLarge => 413,
            Self::UnknownEncoding | Self::WrongMediaType => 415,
            Self::NotFound => 404,
            Self::WrongMethod => 405,
        }
    }

    /// None of them is OUT_OF_RANGE or UNAVAILABLE, which clients retry, or INTERNAL, which blames us.
    fn code(self) -> Code {
        match self {
            Self::Invalid | Self::WrongMediaType => Code::InvalidArgument,
            Self::TooLarge => Code::ResourceExhausted,
            Self::UnknownEncoding | Self::NotFound | Self::WrongMethod => Code::Unimplemented,
        }
    }
}

pub(super) fn check(answer: &Answer, transport: Transport, signal: Signal, expect: &Expect) -> Result<()> {
    ensure!(answer.header("retry-after").is_empty(), "nothing here gets better by trying again");
    match expect {
        Expect::Refused { refusal, because } => refused(answer, transport, *refusal, because),
        kept => {
            let body = if transport == Transport::Grpc {
                grpc_message(answer)?
            } else {
                http_body(answer, transport)?
            };
            let partial =
                if transport.is_json() { from_json(body, signal)? } else { from_protobuf(body, signal)? };
            check_partial(partial, kept)
        }
    }
}

type Partial = Option<(i64, String)>;

fn check_partial(partial: Partial, expect: &Expect) -> Result<()> {
    let Expect::Rejected { items, because } = expect else {
        ensure!(partial.is_none(), "full success leaves partial_success unset, and this has {partial:?}");
        return Ok(());
    };
    let (rejected, message) = partial.context("partial_success is unset")?;
    ensure!(rejected == *items, "{rejected} are said to be rejected: {message}");
    ensure!(message.contains(because.as_str()), "the message is {message:?}");
    ensure!(message.len() < LONGEST_MESSAGE, "a message of {} bytes", message.len());
    Ok(())
}

/// An uncompressed frame, and OK in the trailers.
fn grpc_message(answer: &Answer) -> Result<&[u8]> {
    ensure!(answer.status == 200, "HTTP {}", answer.status);
    ensure!(answer.header("content-type") == "application/grpc", "{:?}", answer.headers);
    let status = Status::from_header_map(&answer.headers).context("no grpc-status")?;
    ensure!(status.code() == Code::Ok, "{status:?}");
    let (head, message) = answer.body.split_at_checked(5).context("no frame")?;
    let length = u32::try_from(message.len())?.to_be_bytes();
    ensure!(
        head == [&[0], length.as_slice()].concat(),
        "a frame that begins {head:?}, and {} bytes",
        message.len()
    );
    Ok(message)
}

fn http_body(answer: &Answer, transport: Transport) -> Result<&[u8]> {
    ensure!(answer.status == 200, "HTTP {}: {:?}", answer.status, answer.body);
    check_media_type(answer, transport.media_type())?;
    Ok(&answer.body)
}

fn check_media_type(answer: &Answer, expected: &str) -> Result<()> {
    let media_type = answer.header("content-type");
    ensure!(media_type == expected, "the answer is {media_type:?}, not {expected:?}");
    Ok(())
}

fn from_protobuf(body: &[u8], signal: Signal) -> Result<Partial> {
    Ok(match signal {
        Signal::Traces => ExportTraceServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_spans, partial.error_message)),
        Signal::Logs => ExportLogsServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_log_records, partial.error_message)),
        Signal::Metrics => ExportMetricsServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_data_points, partial.error_message)),
    })
}

/// Read by hand: 64-bit integers are quoted, and no key is there that the protocol does not know.
fn from_json(body: &[u8], signal: Signal) -> Result<Partial> {
    let body: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
    let mut body = body.as_object().context("the answer is no object")?.clone();
    let partial = body.remove("partialSuccess");
    ensure!(body.is_empty(), "unknown keys in {body:?}");
    let Some(partial) = partial else { return Ok(None) };
    let mut partial = partial.as_object().context("partialSuccess is no object")?.clone();
    let rejected = partial.remove(signal.rejected_field()).context("no count")?;
    let message = partial.remove("errorMessage").context("no errorMessage")?;
    ensure!(partial.is_empty(), "unknown keys in {partial:?}");
    let rejected = rejected.as_str().context("a 64-bit integer is written in quotes")?.parse()?;
    Ok(Some((rejected, message.as_str().context("errorMessage is text")?.to_owned())))
}

fn refused(answer: &Answer, transport: Transport, refusal: Refusal, because: &str) -> Result<()> {
    let (code, message) = if transport == Transport::Grpc {
        if refusal == Refusal::WrongMediaType {
            // gRPC's own rule: who does not speak it gets an answer of plain HTTP.
            ensure!(answer.status == 415, "HTTP {}", answer.status);
            return Ok(());
        }
        grpc_refusal(answer)?
    } else {
        ensure!(answer.status == refusal.http_status(), "HTTP {}: {:?}", answer.status, answer.body);
        let is_json = transport.is_json() || refusal == Refusal::WrongMediaType;
        check_media_type(answer, if is_json { "application/json" } else { transport.media_type() })?;
        if is_json { json_status(&answer.body)? } else { protobuf_status(&answer.body)? }
    };
    ensure!(code == refusal.code(), "{code:?}: {message}");
    ensure!(!message.is_empty() && message.contains(because), "the message is {message:?}");
    ensure!(message.len() < LONGEST_MESSAGE, "a message of {} bytes", message.len());
    Ok(())
}

/// Code and message, which the details repeat.
fn grpc_refusal(answer: &Answer) -> Result<(Code, String)> {
    ensure!(answer.status == 200 && answer.header("content-type") == "application/grpc", "{answer:?}");
    ensure!(answer.body.is_empty(), "a refusal has no message");
    let status = Status::from_header_map(&answer.headers).context("no grpc-status")?;
    let (code, message) = protobuf_status(status.details())?;
    ensure!((code, message.as_str()) == (status.code(), status.message()), "the details say {message:?}");
    Ok((code, message))
}

fn protobuf_status(body: &[u8]) -> Result<(Code, String)> {
    use tonic_types::RpcStatusExt;
    let status = tonic_types::Status::decode(body).context("the body is no google.rpc.Status")?;
    let details = status.check_error_details().context("details that nobody can read")?;
    ensure!(details.retry_info().is_none(), "RetryInfo on what can't get better: {details:?}");
    Ok((Code::from(status.code), status.message))
}

fn json_status(body: &[u8]) -> Result<(Code, String)> {
    let body: Value = serde_json::from_slice(body).context("the body is no JSON")?;
    let code = body["code"].as_i64().context("no code")?;
    let message = body["message"].as_str().context("no message")?;
    ensure!(!body["details"].to_string().contains("RetryInfo"), "RetryInfo on what can't get better");
    Ok((Code::from(i32::try_from(code)?), message.to_owned()))
}

#[test]
fn what_a_ready_made_server_answers_is_not_accepted() {
    let answer = |code: &str| Answer {
        status: 200,
        headers: [("content-type", "application/grpc"), ("grpc-status", code), ("grpc-message", "too large")]
            .into_iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect(),
        body: bytes::Bytes::new(),
    };
    let too_large = Expect::Refused { refusal: Refusal::TooLarge, because: String::new() };
    for code in ["11", "13", "14", "0"] {
        let verdict = check(&answer(code), Transport::Grpc, Signal::Logs, &too_large);
        assert!(verdict.is_err(), "code {code}");
    }
}

#[test]
fn an_empty_partial_success_is_not_a_full_one() {
    let answer = |body: &str| Answer {
        status: 200,
        headers: [("content-type".parse().expect("a name"), "application/json".parse().expect("a value"))]
            .into_iter()
            .collect(),
        body: body.to_owned().into(),
    };
    let verdict =
        |body: &str, expect: &Expect| check(&answer(body), Transport::HttpJson, Signal::Logs, expect);
    assert!(verdict("{}", &Expect::Success).is_ok());
    assert!(verdict(r#"{"partialSuccess":{}}"#, &Expect::Success).is_err());
    let one = Expect::Rejected { items: 1, because: "too long".into() };
    let told = |count: &str| {
        format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{count},"errorMessage":"too long"}}}}"#)
    };
    assert!(verdict(&told("\"1\""), &one).is_ok());
    assert!(verdict(&told("1"), &one).is_err(), "a 64-bit integer without quotes");
    assert!(verdict(&told("\"2\""), &one).is_err());
    assert!(verdict("{}", &one).is_err());
}
