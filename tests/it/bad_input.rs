//! Input as broken or hostile senders send it, over HTTP and gRPC: a clear answer, and the process and what it accepted
//! live on.

mod bodies;
mod frame;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;
use tonic::Code;

use crate::harness::{Event, Plimsoll, Sender, request};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// `google.rpc.Status`, the body of every refusal.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn valid() -> Vec<u8> {
    request(vec![Event::new("odoo.stock.picking.done", "sent")]).encode_to_vec()
}

/// A process that has accepted one event.
async fn with_an_event() -> Plimsoll {
    let plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "accepted")]).await;
    plimsoll
}

/// What was accepted before is there, nothing else is, and new data is taken.
async fn assert_unharmed(mut plimsoll: Plimsoll) {
    plimsoll.assert_alive();
    let ids = plimsoll.sql("SELECT event_id FROM business_events").await;
    assert_eq!(ids, [serde_json::json!({"event_id": "accepted"})]);
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "later")]).await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 2);
}

/// The status, and the message of the `Status` in the body, which must be in the request's own encoding.
async fn post(
    plimsoll: &Plimsoll,
    media_type: &str,
    encoding: Option<&str>,
    body: Vec<u8>,
) -> (StatusCode, String) {
    let url = plimsoll.otlp_http("/v1/logs");
    let mut post = plimsoll.client().post(url).header(CONTENT_TYPE, media_type).body(body);
    if let Some(encoding) = encoding {
        post = post.header(CONTENT_ENCODING, encoding);
    }
    let answer = post.send().await.expect("an answer");
    let status = answer.status();
    let said = answer.headers().get(CONTENT_TYPE).map(|value| value.to_str().expect("ASCII").to_owned());
    let body = answer.bytes().await.expect("a body");
    let message = if said.as_deref().is_some_and(|said| said.starts_with(JSON)) {
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        body["message"].as_str().unwrap_or_default().to_owned()
    } else {
        RpcStatus::decode(body).expect("a Status").message
    };
    if media_type == PROTOBUF || media_type == JSON {
        assert_eq!(said.as_deref(), Some(media_type), "the answer is in the request's encoding");
    }
    (status, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_protobuf_over_http_is_a_400_that_says_why() {
    let plimsoll = with_an_event().await;
    let truncated = valid()[..valid().len() / 2].to_vec();
    for (name, body) in [
        ("garbage", bodies::garbage()),
        ("truncated", truncated),
        ("a length of 4 GiB", bodies::length_of_4_gib()),
        ("nested 1,000 deep", bodies::nested(1_000)),
        ("invalid UTF-8", bodies::invalid_utf8()),
    ] {
        let (status, message) = post(&plimsoll, PROTOBUF, None, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}: {message}");
        assert!(message.len() > 10, "{name}: {message:?}");
    }
    assert_unharmed(plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_json_over_http_is_a_400_that_says_why() {
    let plimsoll = with_an_event().await;
    for (name, body) in [
        ("garbage", b"{{{".to_vec()),
        ("truncated", br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"#.to_vec()),
        ("nested 1,000 deep", bodies::nested_json(1_000)),
        (
            "an enum by name",
            br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"INFO"}]}]}]}"#.to_vec(),
        ),
        (
            "a trace id that is not hex",
            br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#.to_vec(),
        ),
    ] {
        let (status, message) = post(&plimsoll, JSON, None, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}: {message}");
        assert!(message.len() > 10, "{name}: {message:?}");
    }
    assert_unharmed(plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_a_413_and_broken_compression_a_400() {
    let plimsoll = with_an_event().await;
    for (name, encoding, body, expected) in [
        ("gzip bomb", "gzip", bodies::gzip_bomb(), StatusCode::PAYLOAD_TOO_LARGE),
        ("zstd bomb", "zstd", bodies::zstd_bomb(), StatusCode::PAYLOAD_TOO_LARGE),
        ("no gzip at all", "gzip", valid(), StatusCode::BAD_REQUEST),
        ("no zstd at all", "zstd", valid(), StatusCode::BAD_REQUEST),
        ("an encoding we don't know", "br", valid(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let (status, message) = post(&plimsoll, PROTOBUF, Some(encoding), body).await;
        assert_eq!(status, expected, "{name}: {message}");
        assert!(message.len() > 10, "{name}: {message:?}");
    }
    assert_unharmed(plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_content_type_path_or_method_is_told_apart() {
    let plimsoll = with_an_event().await;
    for media_type in ["text/plain", "application/octet-stream", "application/grpc"] {
        let (status, message) = post(&plimsoll, media_type, None, valid()).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media_type}: {message}");
        assert!(message.contains("application/x-protobuf"), "it names the cure: {message}");
    }
    let get = plimsoll.client().get(plimsoll.otlp_http("/v1/logs")).send().await.expect("an answer");
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    let url = plimsoll.otlp_http("/v1development/profiles");
    let profiles =
        plimsoll.client().post(url).header(CONTENT_TYPE, PROTOBUF).send().await.expect("an answer");
    assert_eq!(profiles.status(), StatusCode::NOT_FOUND);
    assert_unharmed(plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_request_is_a_success_on_every_way_in() {
    let plimsoll = with_an_event().await;
    for (media_type, body) in [(PROTOBUF, ""), (JSON, "{}")] {
        let (status, message) = post(&plimsoll, media_type, None, body.into()).await;
        assert_eq!((status, message.as_str()), (StatusCode::OK, ""));
    }
    let empty = frame::plain(&ExportLogsServiceRequest::default().encode_to_vec());
    assert_eq!(frame::send(&plimsoll.grpc(), None, empty).await.0, Code::Ok);
    assert_unharmed(plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_over_grpc_are_invalid_arguments_and_bombs_exhaust_resources() {
    let plimsoll = with_an_event().await;
    let truncated = valid()[..valid().len() / 2].to_vec();
    for (name, encoding, frame, expected) in [
        ("garbage", None, frame::plain(&bodies::garbage()), Code::InvalidArgument),
        ("truncated", None, frame::plain(&truncated), Code::InvalidArgument),
        ("a length of 4 GiB", None, frame::plain(&bodies::length_of_4_gib()), Code::InvalidArgument),
        ("nested 1,000 deep", None, frame::plain(&bodies::nested(1_000)), Code::InvalidArgument),
        ("a frame of 4 GiB", None, frame::declaring(u32::MAX, &valid()), Code::ResourceExhausted),
        ("gzip bomb", Some("gzip"), frame::compressed(&bodies::gzip_bomb()), Code::ResourceExhausted),
        ("zstd bomb", Some("zstd"), frame::compressed(&bodies::zstd_bomb()), Code::ResourceExhausted),
        ("no gzip at all", Some("gzip"), frame::compressed(&valid()), Code::InvalidArgument),
        ("an encoding we don't know", Some("br"), frame::compressed(&valid()), Code::Unimplemented),
    ] {
        let (code, message) = frame::send(&plimsoll.grpc(), encoding, frame).await;
        assert_eq!(code, expected, "{name}: {message}");
        assert!(message.len() > 10, "{name}: {message:?}");
    }
    assert_unharmed(plimsoll).await;
}
