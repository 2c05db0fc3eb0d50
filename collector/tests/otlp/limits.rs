//! What is too much: for ever, or for now.

use plimsoll_collector::{Config, Signal};
use plimsoll_model::Table;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Door;
use super::clients::{COMPRESSIONS, TRANSPORTS, Transport, Verdict, assert_verdict};
use super::requests::{Request, log, text};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn one_byte_above_the_limit_is_too_large_plain_and_compressed() {
    let door = Door::open(Config { max_request_bytes: 5 * MIB, ..Config::default() }).await;
    for transport in TRANSPORTS {
        for compression in COMPRESSIONS {
            let answer = door.send(transport, &Request::raw(&vec![b' '; 5 * MIB + 1]), compression).await;
            let message = assert_verdict(transport, &answer, Verdict::TooLarge);
            assert!(message.contains("max_request_bytes") || message.contains("max_ratio"), "{message}");
            assert_eq!(answer.header("retry-after"), "", "never worth a retry");
        }
    }
    door.close().await;
}

#[tokio::test]
async fn a_bomb_is_too_large_on_every_transport() {
    let door = Door::open(Config::default()).await;
    let zeros = vec![0; 80 * MIB];
    for compression in ["gzip", "zstd"] {
        let bomb = super::requests::compressed(&zeros, compression);
        for transport in TRANSPORTS {
            let answer = door.send_bytes(transport, Signal::Logs, bomb.clone(), compression).await;
            assert_verdict(transport, &answer, Verdict::TooLarge);
        }
    }
    assert_eq!(door.rows(Table::Logs), 0);
    door.close().await;
}

#[tokio::test]
async fn a_lake_that_takes_nothing_makes_clients_keep_their_data() {
    let full = plimsoll_lake::Config { buffer_limit_bytes: 1, ..plimsoll_lake::Config::default() };
    let door = Door::over(Config::default(), full).await;
    for transport in TRANSPORTS {
        let answer = door.send(transport, &log(text("kept by the client")), "identity").await;
        assert_verdict(transport, &answer, Verdict::TryLater);
        match transport {
            Transport::Grpc => assert_ne!(answer.header("grpc-status-details-bin"), ""),
            _ => assert_eq!(answer.header("retry-after"), "1"),
        }
    }
    let logs = &door.stats().signals[1];
    assert_eq!((logs.received, logs.stored, logs.refused_total(), logs.in_flight), (3, 0, 3, 0));
    assert_eq!(door.rows(Table::Logs), 0);
    door.close().await;
}

#[tokio::test]
async fn while_another_holds_the_memory_a_sender_is_told_to_wait_and_then_nothing_is_lost() {
    let door = Door::open(Config { max_inflight_bytes: 43_000, ..Config::default() }).await;
    let slow = log(text("x".repeat(20_000))).protobuf;
    let half = slow.len() / 2;
    let mut socket = TcpStream::connect(door.http).await.expect("connects");
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        slow.len()
    );
    socket.write_all(head.as_bytes()).await.expect("writes");
    socket.write_all(&slow[..half]).await.expect("writes");

    // Fits alone, and not beside the half that waits; the first few may be quicker than that half.
    let other = log(text("y".repeat(17_000)));
    let mut answer = door.send(Transport::HttpProtobuf, &other, "identity").await;
    for _ in 0..1_000 {
        if answer.status != 200 {
            break;
        }
        answer = door.send(Transport::HttpProtobuf, &other, "identity").await;
    }
    assert_verdict(Transport::HttpProtobuf, &answer, Verdict::TryLater);
    assert_eq!(answer.header("retry-after"), "1");
    let before = door.rows(Table::Logs);

    socket.write_all(&slow[half..]).await.expect("writes");
    let mut status = [0; 12];
    socket.read_exact(&mut status).await.expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200");
    let answer = door.send(Transport::HttpProtobuf, &other, "identity").await;
    assert_verdict(Transport::HttpProtobuf, &answer, Verdict::Accepted);
    assert_eq!(door.rows(Table::Logs), before + 2);
    door.close().await;
}
