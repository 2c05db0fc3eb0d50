//! The known attacks on HTTP/2 servers, and connections that only cost: honest clients are served during and after.

mod frames;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::{Event, Memory, Plimsoll, Scrape, Sender, Setup, descriptors, eventually};
use frames::{
    Attacker, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, WINDOW_UPDATE,
    call_headers, frame,
};

const ATTACKERS: usize = 4;
const WITHIN: Duration = Duration::from_secs(60);
const MAY_RISE: u64 = 64 << 20;

/// Streams of one connection: odd, rising.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// One event after the other, each over a connection of its own; gives how many were acknowledged.
async fn send_honestly(endpoint: String, stop: CancellationToken) -> usize {
    let mut acknowledged = 0;
    while !stop.is_cancelled() {
        let id = format!("honest-{acknowledged}");
        Sender::to(&endpoint).send(vec![Event::new("odoo.stock.picking.done", &id)]).await;
        acknowledged += 1;
    }
    acknowledged
}

/// Several connections send the bytes, again and again, while an honest client sends events of its own.
async fn withstand(name: &str, connections: usize, attack: Vec<u8>) {
    let mut plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "before")]).await;
    let memory = Memory::mark(plimsoll.pid());
    let stop = CancellationToken::new();
    let honest = tokio::spawn(send_honestly(plimsoll.grpc(), stop.clone()));

    let mut attackers = JoinSet::new();
    for _ in 0..ATTACKERS {
        let (attack, port) = (attack.clone(), plimsoll.grpc_port());
        attackers.spawn(async move {
            for _ in 0..connections {
                let mut attacker = Attacker::connect(port).await;
                for part in attack.chunks(16_384) {
                    if !attacker.send(part).await {
                        break;
                    }
                }
            }
        });
    }
    attackers.join_all().await;
    stop.cancel();
    let acknowledged = honest.await.expect("the honest client was refused nothing");

    plimsoll.assert_alive();
    assert!(acknowledged > 0, "{name}: no honest event got through");
    let rows = plimsoll.number("SELECT count(*) AS n FROM business_events").await;
    assert_eq!(rows, i64::try_from(acknowledged).expect("a small number") + 1, "{name}");
    assert!(memory.rise() < MAY_RISE, "{name}: rose by {} MiB", memory.rise() >> 20);
    eventually("the attackers' sockets are closed", WITHIN, async || {
        (descriptors(plimsoll.pid()) < 200).then_some(())
    })
    .await;
}

/// Otherwise all of this would be an attack with noise.
#[tokio::test(flavor = "multi_thread")]
async fn the_frames_by_hand_are_a_call() {
    let plimsoll = Plimsoll::start().await;
    let mut connection = Attacker::connect(plimsoll.grpc_port()).await;
    let call =
        [frame(HEADERS, END_HEADERS, 1, &call_headers()), frame(DATA, END_STREAM, 1, &[0; 5])].concat();
    assert!(connection.send(&call).await);
    eventually("the call is counted", WITHIN, async || {
        let scrape = Scrape::of(&plimsoll).await;
        (scrape.of_signal("plimsoll_collector_requests_total", "logs") == 1.0).then_some(())
    })
    .await;
    let refused = Scrape::of(&plimsoll).await.reasons("plimsoll_collector_refused_requests_total", "logs");
    assert!(refused.values().all(|count| *count == 0.0), "{refused:?}");
}

/// CVE-2023-44487: each request is cancelled as soon as it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_serve_the_honest() {
    let headers = call_headers();
    let reset = |stream| {
        [frame(HEADERS, END_HEADERS, stream, &headers), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
            .concat()
    };
    withstand("rapid reset", 20, streams(10_000).flat_map(reset).collect()).await;
}

/// CVE-2025-8671: the server is made to cancel: a window update by nothing, data after the end.
#[tokio::test(flavor = "multi_thread")]
async fn resets_that_we_are_made_to_send_serve_the_honest() {
    let headers = call_headers();
    let provoke = |stream: u32| match stream % 4 {
        1 => {
            [frame(HEADERS, END_HEADERS, stream, &headers), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
        }
        _ => [frame(HEADERS, END_HEADERS | END_STREAM, stream, &headers), frame(DATA, 0, stream, b"late")]
            .concat(),
    };
    withstand("made you reset", 20, streams(10_000).flat_map(provoke).collect()).await;
}

/// CVE-2024-27316 and its kin: headers that never end.
#[tokio::test(flavor = "multi_thread")]
async fn endless_continuations_serve_the_honest() {
    let mut attack = frame(HEADERS, 0, 1, &call_headers());
    // A header without an index, `x` = 120 times `y`, over and over.
    let line = [&[0x00, 1, b'x', 120][..], &[b'y'; 120]].concat();
    let block = line.repeat(130);
    for _ in 0..2_000 {
        attack.extend(frame(CONTINUATION, 0, 1, &block));
    }
    withstand("continuation flood", 5, attack).await;
}

/// Frames that cost their sender nothing: pings, and data without data.
#[tokio::test(flavor = "multi_thread")]
async fn floods_of_small_frames_serve_the_honest() {
    let mut attack = frame(HEADERS, END_HEADERS, 1, &call_headers());
    for _ in 0..50_000 {
        attack.extend(frame(PING, 0, 0, &[7; 8]));
        attack.extend(frame(DATA, 0, 1, &[]));
    }
    withstand("small frames", 5, attack).await;
}

/// Connections that say nothing, and bodies that never come.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_idle_connections_and_slow_bodies_serve_the_honest() {
    let mut plimsoll = Plimsoll::start().await;
    let mut held = Vec::new();
    for number in 0..400 {
        let mut slow = TcpStream::connect(("127.0.0.1", plimsoll.http_port())).await.expect("it listens");
        slow.write_all(b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 50000000\r\n\r\n\x0A")
            .await
            .expect("the head is taken");
        held.push(slow);
        let port = if number % 2 == 0 { plimsoll.grpc_port() } else { plimsoll.http_port() };
        held.push(TcpStream::connect(("127.0.0.1", port)).await.expect("it listens"));
    }
    for number in 0..20 {
        let id = format!("{number}");
        Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", &id)]).await;
    }
    let post =
        plimsoll.client().post(plimsoll.otlp_http("/v1/logs")).header("content-type", "application/json");
    assert!(post.body("{}").send().await.expect("an answer").status().is_success());
    drop(held);
    plimsoll.assert_alive();
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 20);
    eventually("closed sockets are given back", WITHIN, async || {
        (descriptors(plimsoll.pid()) < 200).then_some(())
    })
    .await;
}

/// RUSTSEC-2024-0376 was a server whose accept loop ended with its first error.
#[tokio::test(flavor = "multi_thread")]
async fn after_its_descriptors_ran_out_it_accepts_again() {
    const MOST: usize = 128;
    let setup = Setup::default().started_by(&["sh", "-c", "ulimit -n 128; exec \"$0\" \"$@\""]);
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let mut connected = Sender::to(&plimsoll.grpc());
    let event = |id: &str| vec![Event::new("odoo.stock.picking.done", id)];
    connected.send(event("before")).await;

    let mut held = Vec::new();
    eventually("there are no descriptors left", WITHIN, async || {
        for port in [plimsoll.grpc_port(), plimsoll.http_port()] {
            // The kernel accepts on the process's behalf.
            held.push(TcpStream::connect(("127.0.0.1", port)).await.expect("the queue has room"));
        }
        (descriptors(plimsoll.pid()) >= MOST).then_some(())
    })
    .await;
    connected.send(event("during")).await;
    drop(held);
    eventually("a new connection is accepted", WITHIN, async || {
        Sender::to(&plimsoll.grpc()).try_send(event("after")).await.ok()
    })
    .await;
    let post =
        plimsoll.client().post(plimsoll.otlp_http("/v1/logs")).header("content-type", "application/json");
    assert!(post.body("{}").send().await.expect("an answer").status().is_success());
    plimsoll.assert_alive();
    let kept = plimsoll.number("SELECT count(DISTINCT event_id) AS n FROM business_events").await;
    assert_eq!(kept, 3);
}
