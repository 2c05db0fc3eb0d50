//! What is turned away: with the code that makes a client drop or keep its data, and a message that helps.

use http::Method;
use plimsoll_collector::{Config, RequestReason, Signal};
use plimsoll_model::Table;

use super::Door;
use super::clients::{
    COMPRESSIONS, TRANSPORTS, Transport, Verdict, assert_verdict, framed, grpc_path, http1, http2,
};
use super::requests::{Request, log, nested, text};

#[tokio::test]
async fn malformed_bodies_are_invalid_and_the_door_stays_open() {
    let door = Door::open(Config::default()).await;
    let good = log(text("late"));
    let mut truncated = good.clone();
    truncated.protobuf.truncate(good.protobuf.len() - 2);
    truncated.json.truncate(good.json.len() - 2);
    let mut not_utf8 = good.clone();
    for bytes in [&mut not_utf8.protobuf, &mut not_utf8.json] {
        let position = bytes.windows(4).position(|window| window == b"late").expect("is there");
        bytes[position] = 0xff;
    }
    let four_gib = Request::raw(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            for bad in [&Request::raw(b"certainly not"), &truncated, &not_utf8, &four_gib] {
                let answer = door.send(transport, bad, compression).await;
                assert_verdict(transport, &answer, Verdict::Invalid);
            }
        }
        assert_verdict(transport, &door.send(transport, &good, "identity").await, Verdict::Accepted);
    }
    let answer = door.send(Transport::HttpProtobuf, &not_utf8, "identity").await;
    let message = assert_verdict(Transport::HttpProtobuf, &answer, Verdict::Invalid);
    assert_eq!(message, "resourceLogs[0].scopeLogs[0].logRecords[0].body.stringValue: text must be UTF-8");
    assert_eq!(door.rows(Table::Logs), 3);
    door.close().await;
}

#[tokio::test]
async fn nesting_passes_to_the_limit_and_is_refused_beyond_it_however_deep() {
    let door = Door::open(Config::default()).await;
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            for levels in [10, 30] {
                let answer = door.send(transport, &nested(levels), compression).await;
                assert_verdict(transport, &answer, Verdict::Accepted);
            }
            for levels in [90, 1_000, 20_000] {
                let answer = door.send(transport, &nested(levels), compression).await;
                let message = assert_verdict(transport, &answer, Verdict::Invalid);
                assert!(message.contains("nested deeper than 32 levels"), "{message}");
            }
        }
        let answer = door.send(transport, &nested(200_000), "identity").await;
        assert_verdict(transport, &answer, Verdict::Invalid);
    }
    door.close().await;
}

#[tokio::test]
async fn broken_and_unknown_compressions_are_told_apart() {
    let door = Door::open(Config::default()).await;
    for transport in TRANSPORTS {
        for compression in ["gzip", "zstd"] {
            let broken = b"certainly not compressed".to_vec();
            let answer = door.send_bytes(transport, Signal::Logs, broken, compression).await;
            assert_verdict(transport, &answer, Verdict::Invalid);
        }
        for unknown in ["br", "gzip, gzip", "snappy"] {
            let answer = door.send_bytes(transport, Signal::Logs, Vec::new(), unknown).await;
            let message = assert_verdict(transport, &answer, Verdict::Unsupported);
            assert!(message.contains("identity"), "names the cure: {message}");
        }
    }
    let answer = door.send_bytes(Transport::Grpc, Signal::Logs, Vec::new(), "br").await;
    assert_eq!(answer.header("grpc-accept-encoding"), "identity,gzip,zstd");
    door.close().await;
}

#[tokio::test]
async fn an_unknown_path_method_or_media_type_gets_a_status_that_says_what_is_known() {
    let door = Door::open(Config::default()).await;
    let json = [("content-type", "application/json")];
    let answer = http1(door.http, Method::POST, "/v1development/profiles", &json, b"{}".to_vec()).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"));
    assert!(String::from_utf8_lossy(&answer.body).contains("/v1/traces"), "{answer:?}");

    let protobuf = [("content-type", "application/x-protobuf")];
    let answer = http1(door.http, Method::GET, "/v1/logs", &protobuf, Vec::new()).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(answer.header("content-type"), "application/x-protobuf");

    for headers in [&[("content-type", "text/plain")][..], &[]] {
        let answer = http1(door.http, Method::POST, "/v1/logs", headers, b"{}".to_vec()).await;
        assert_eq!((answer.status, answer.header("content-type")), (415, "application/json"));
        assert!(String::from_utf8_lossy(&answer.body).contains("application/x-protobuf"), "{answer:?}");
    }
    assert_eq!(door.stats().unrouted_requests, 2);
    door.close().await;
}

#[tokio::test]
async fn the_grpc_address_knows_its_methods_and_its_protocol() {
    let door = Door::open(Config::default()).await;
    let grpc = [("content-type", "application/grpc")];
    let answer = http2(door.grpc, Method::POST, "/some.Service/Method", &grpc, framed(0, 0, b"")).await;
    assert_verdict(Transport::Grpc, &answer, Verdict::Unsupported);

    let json = [("content-type", "application/json")];
    let answer = http1(door.grpc, Method::POST, grpc_path(Signal::Logs), &json, b"{}".to_vec()).await;
    assert_eq!(answer.status, 415);

    for frame in [framed(0, 9, b"short"), framed(1, 0, b""), framed(7, 0, b""), bytes::Bytes::new()] {
        let answer = http2(door.grpc, Method::POST, grpc_path(Signal::Logs), &grpc, frame).await;
        assert_verdict(Transport::Grpc, &answer, Verdict::Invalid);
    }
    door.close().await;
}

#[tokio::test]
async fn every_refusal_is_counted_under_its_reason_and_all_reasons_are_there_at_zero() {
    let door = Door::open(Config::default()).await;
    let count = |reason: RequestReason| {
        let logs = &door.stats().signals[1];
        logs.refused_requests.iter().find(|(known, _)| *known == reason).map(|(_, count)| *count)
    };
    assert!(RequestReason::ALL.iter().all(|reason| count(*reason) == Some(0)));
    door.send(Transport::Grpc, &Request::raw(b"certainly not"), "identity").await;
    door.send(Transport::HttpJson, &nested(90), "identity").await;
    door.send_bytes(Transport::HttpProtobuf, Signal::Logs, Vec::new(), "br").await;
    let reasons = [RequestReason::Malformed, RequestReason::TooDeep, RequestReason::ContentEncoding];
    assert_eq!(reasons.map(count), [Some(1); 3]);
    door.close().await;
}
