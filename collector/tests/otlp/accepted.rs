//! What is taken: stored when it is answered, and answered to the bit.

use http::Method;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use plimsoll_collector::{Config, Signal};
use plimsoll_model::Table;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::codec::CompressionEncoding;

use super::Door;
use super::clients::{
    Answer, COMPRESSIONS, TRANSPORTS, Transport, Verdict, assert_verdict, http_path, http2,
};
use super::requests::{Request, event, gauge, log, span, spans, text};

/// Full success: a message without `partial_success`, which in protobuf is no bytes at all.
fn assert_full_success(transport: Transport, answer: &Answer) {
    assert_verdict(transport, answer, Verdict::Accepted);
    match transport {
        Transport::Grpc => assert_eq!(answer.body.as_ref(), [0, 0, 0, 0, 0]),
        Transport::HttpProtobuf => assert!(answer.body.is_empty()),
        Transport::HttpJson => assert_eq!(answer.body.as_ref(), b"{}"),
    }
}

#[tokio::test]
async fn each_signal_is_stored_over_each_transport_and_compression() {
    let door = Door::open(Config::default()).await;
    let mut sent = 0;
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            for request in [spans(vec![span(&[1; 16])]), event("odoo.stock.picking.done"), gauge(3.0)] {
                assert_full_success(transport, &door.send(transport, &request, compression).await);
            }
            sent += 1;
            for table in [Table::Spans, Table::Logs, Table::BusinessEvents, Table::Metrics] {
                assert_eq!(door.rows(table), sent, "{table} {transport:?} {compression}");
            }
        }
    }
    for stats in door.stats().signals {
        assert_eq!((stats.requests, stats.received, stats.stored, stats.refused_total()), (9, 9, 9, 0));
    }
    door.close().await;
}

#[tokio::test]
async fn an_empty_request_succeeds_in_every_form() {
    let door = Door::open(Config::default()).await;
    for transport in TRANSPORTS {
        let mut empty = Request::raw(b"");
        assert_full_success(
            transport,
            &door.send_bytes(transport, Signal::Logs, Vec::new(), "identity").await,
        );
        for signal in Signal::ALL {
            empty.signal = signal;
            empty.json = b"{}".to_vec();
            assert_full_success(transport, &door.send(transport, &empty, "gzip").await);
        }
        assert_full_success(transport, &door.send(transport, &spans(vec![]), "identity").await);
    }
    door.close().await;
}

#[tokio::test]
async fn what_is_refused_is_counted_exactly_and_the_rest_is_stored() {
    let door = Door::open(Config::default()).await;
    let request = spans(vec![span(&[1; 16]), span(&[0; 16]), span(&[1; 3])]);
    for transport in TRANSPORTS {
        let answer = door.send(transport, &request, "identity").await;
        assert_verdict(transport, &answer, Verdict::Accepted);
        let (rejected, message) = partial_success(transport, &answer);
        assert_eq!(rejected, 2);
        assert!(message.starts_with("2 of 3 spans were refused; 2 invalid_trace_id"), "{message}");
    }
    assert_eq!(door.rows(Table::Spans), 3);
    let stats = &door.stats().signals[0];
    assert_eq!((stats.received, stats.stored, stats.refused_total(), stats.in_flight), (9, 3, 6, 0));
    door.close().await;
}

fn partial_success(transport: Transport, answer: &Answer) -> (i64, String) {
    if transport == Transport::HttpJson {
        let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let partial = &json["partialSuccess"];
        let rejected = partial["rejectedSpans"].as_str().expect("a quoted integer");
        let message = partial["errorMessage"].as_str().expect("a message");
        return (rejected.parse().expect("an integer"), message.to_owned());
    }
    let framing = if transport == Transport::Grpc { 5 } else { 0 };
    let response = ExportTraceServiceResponse::decode(&answer.body[framing..]).expect("a response");
    let partial = response.partial_success.expect("is set");
    (partial.rejected_spans, partial.error_message)
}

#[tokio::test]
async fn the_generated_client_of_grpc_is_understood() {
    let door = Door::open(Config::default()).await;
    let request = ExportLogsServiceRequest::decode(event("odoo.queue.job.done").protobuf.as_slice());
    let request = request.expect("our own request");
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let client = LogsServiceClient::connect(format!("http://{}", door.grpc)).await.expect("connects");
        let mut client = client.send_compressed(encoding).accept_compressed(encoding);
        let response = client.export(request.clone()).await.expect("accepted").into_inner();
        assert_eq!(response.partial_success, None);
    }
    assert_eq!(door.rows(Table::BusinessEvents), 2);
    door.close().await;
}

#[tokio::test]
async fn otlp_http_is_spoken_over_http2_as_well() {
    let door = Door::open(Config::default()).await;
    let request = event("odoo.account.move.posted");
    let headers = [("content-type", "application/x-protobuf")];
    let answer =
        http2(door.http, Method::POST, http_path(Signal::Logs), &headers, request.protobuf.into()).await;
    assert_full_success(Transport::HttpProtobuf, &answer);
    assert_eq!(door.rows(Table::BusinessEvents), 1);
    door.close().await;
}

#[tokio::test]
async fn a_large_body_within_the_limit_passes_plain_and_compressed() {
    let door = Door::open(Config::default()).await;
    // Larger than the 4 MiB at which many servers stop, and not so alike that it looks like a bomb.
    let long: String =
        (0_u32..900_000).map(|number| format!("{:05}", number.wrapping_mul(7_919) % 99_991)).collect();
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            assert_full_success(
                transport,
                &door.send(transport, &log(text(long.as_str())), compression).await,
            );
        }
    }
    assert_eq!(door.rows(Table::Logs), 9);
    door.close().await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_returns() {
    let door = Door::open(Config::default()).await;
    let mut idle = tokio::net::TcpStream::connect(door.http).await.expect("connects");
    idle.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("writes");
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 404");
    let never_spoke = tokio::net::TcpStream::connect(door.grpc).await.expect("connects");
    door.close().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed in good order");
    drop(never_spoke);
}
