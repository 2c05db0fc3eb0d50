//! More than there is room for: refused in a way that makes clients keep their data and come back, never dropped.

use std::time::Duration;

use prost::Message;
use tokio::task::JoinSet;
use tonic_types::RpcStatusExt;

use crate::harness::{
    Answer, Event, Memory, Outcome, Plimsoll, RawLogs, Scrape, Sender, Setup, WAYS, Way, pause, request,
};

const CLIENTS: usize = 12;
const REQUESTS: usize = 10;
const EVENTS: usize = 50;
/// Of a debug build, from its first request on: what is refused must not pile up.
const MAY_RISE: u64 = 128 << 20;
/// At fifty a second.
const MOST_TRIES: usize = 5_000;

/// Every refusal says that it is worth a retry, and after how long.
fn assert_says_when_to_come_back(way: Way, answer: &Answer) {
    assert_eq!(answer.outcome(), Outcome::TryLater, "{answer:?}");
    if way != Way::Grpc {
        let seconds: u64 = answer.header("retry-after").parse().expect("Retry-After in seconds");
        assert!((1..=60).contains(&seconds), "{seconds} s");
    }
    let status = match way {
        Way::Json => {
            assert!(String::from_utf8_lossy(&answer.body).contains("RetryInfo"), "{answer:?}");
            return;
        }
        Way::Protobuf => answer.body.to_vec(),
        Way::Grpc => {
            let status = tonic::Status::from_header_map(&answer.headers).expect("a grpc-status");
            status.details().to_vec()
        }
    };
    let status = tonic_types::Status::decode(status.as_slice()).expect("a google.rpc.Status");
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay).expect("a RetryInfo");
    assert!(delay >= Duration::from_secs(1) && delay <= Duration::from_secs(60), "{delay:?}");
}

/// Sends its requests one after the other, each until it is taken; says how often it was turned away.
async fn send_all(logs: RawLogs, way: Way, client: usize) -> usize {
    let mut refused = 0;
    for number in 0..REQUESTS {
        let id = |event| format!("{client}/{number}/{event}");
        let events = (0..EVENTS).map(|event| Event::new("odoo.stock.picking.done", &id(event)));
        let request = request(events.collect());
        let body = if way == Way::Json {
            serde_json::to_vec(&request).expect("JSON")
        } else {
            request.encode_to_vec()
        };
        let mut tries = 0;
        loop {
            let answer = logs.send(way, None, body.clone()).await.expect("an answer");
            if answer.outcome() == Outcome::Accepted {
                break;
            }
            assert_says_when_to_come_back(way, &answer);
            tries += 1;
            assert!(tries < MOST_TRIES, "{client}/{number} was turned away {tries} times");
            pause().await;
        }
        refused += tries;
    }
    refused
}

async fn overload(setup: Setup) -> (Plimsoll, usize) {
    let plimsoll = Plimsoll::start_with(setup).await;
    let memory = Memory::mark(plimsoll.pid());
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(send_all(RawLogs::to(&plimsoll), WAYS[client % WAYS.len()], client));
    }
    let refused = clients.join_all().await.into_iter().sum();
    assert!(memory.rise() < MAY_RISE, "rose by {} MiB", memory.rise() >> 20);
    (plimsoll, refused)
}

async fn assert_everything_is_there_once(plimsoll: &Plimsoll) {
    let rows = plimsoll.number("SELECT count(*) AS n FROM business_events").await;
    let ids = plimsoll.number("SELECT count(DISTINCT event_id) AS n FROM business_events").await;
    let sent = i64::try_from(CLIENTS * REQUESTS * EVENTS).expect("a small number");
    assert_eq!((rows, ids), (sent, sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_slot_for_twelve_clients_all_are_served_in_the_end() {
    let (plimsoll, refused) = overload(Setup::default().set("collector.max_concurrent_requests", 1)).await;
    assert!(refused > 0, "nobody was turned away: that was no overload");
    assert_everything_is_there_once(&plimsoll).await;
    let first_try = Sender::to(&plimsoll.grpc()).try_send(vec![Event::new("after", "after")]).await;
    assert_eq!(first_try, Ok(()), "it has recovered");
}

/// The buffer holds a few requests; it empties only when a flush has made a file of them.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_small_buffer_appends_wait_for_the_flush_and_none_is_lost() {
    let setup = Setup::default()
        .set("lake.buffer_limit", "1MiB")
        .set("lake.flush_rows", 500)
        .set("lake.flush_age", "200ms");
    let (mut plimsoll, _) = overload(setup).await;
    let delayed = Scrape::of(&plimsoll).await.number("plimsoll_lake_delayed_appends_total");
    assert!(delayed > 0.0, "nobody waited: that was no overload");
    assert_everything_is_there_once(&plimsoll).await;
    plimsoll.kill();
    plimsoll.resume().await;
    assert_everything_is_there_once(&plimsoll).await;
}
