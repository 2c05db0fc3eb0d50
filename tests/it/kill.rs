//! `kill -9` under load, again and again: what was acknowledged is there, once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::{Event, Plimsoll, Sender, Setup, eventually};

const KILLS: usize = 20;
const SENDERS: usize = 4;
const EVENTS_A_REQUEST: usize = 5;
/// A round is killed after so many acknowledged requests, and three more each round: at another point of a flush.
const REQUESTS_BEFORE_KILL: usize = 40;
const ROUND_WITHIN: Duration = Duration::from_secs(60);

/// Ids that a sender was told are durable, by round.
type Acknowledged = Arc<Mutex<Vec<BTreeSet<String>>>>;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_nothing_acknowledged_and_store_nothing_twice() {
    // Small and frequent flushes, so that kills fall into the log, into a Delta commit, and between the two.
    let setup = Setup::default().set("lake.flush_rows", 200).set("lake.flush_age", "100ms");
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let acknowledged = Acknowledged::default();

    for round in 0..KILLS {
        let stop = CancellationToken::new();
        let senders = load(&plimsoll, round, &acknowledged, &stop);
        let enough = REQUESTS_BEFORE_KILL + 3 * round;
        eventually("enough requests are acknowledged", ROUND_WITHIN, async || {
            (count_of(&acknowledged, round) >= enough * EVENTS_A_REQUEST).then_some(())
        })
        .await;

        // The senders are still at it: requests are in flight when the process dies.
        plimsoll.kill();
        stop.cancel();
        senders.join_all().await;
        plimsoll.resume().await;
        assert_stored_once(&plimsoll, round, &acknowledged).await;
    }

    for round in 0..KILLS {
        assert_stored_once(&plimsoll, round, &acknowledged).await;
    }
    let rows = plimsoll.number("SELECT count(*) AS n FROM business_events").await;
    let ids = plimsoll.number("SELECT count(DISTINCT event_id) AS n FROM business_events").await;
    assert_eq!(rows, ids, "also what nobody was told of is there at most once");
    let told: usize = (0..KILLS).map(|round| count_of(&acknowledged, round)).sum();
    assert!(told >= KILLS * REQUESTS_BEFORE_KILL * EVENTS_A_REQUEST, "only {told} events were acknowledged");
}

fn load(
    plimsoll: &Plimsoll,
    round: usize,
    acknowledged: &Acknowledged,
    stop: &CancellationToken,
) -> JoinSet<()> {
    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(BTreeSet::new());
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let connection = Sender::to(&plimsoll.grpc());
        let (acknowledged, stop) = (Arc::clone(acknowledged), stop.clone());
        senders.spawn(send_until(stop, connection, round, sender, acknowledged));
    }
    senders
}

/// An id counts from the moment of the answer, not before; a request without an answer is not sent again.
async fn send_until(
    stop: CancellationToken,
    mut connection: Sender,
    round: usize,
    sender: usize,
    acknowledged: Acknowledged,
) {
    for request in 0_usize.. {
        if stop.is_cancelled() {
            return;
        }
        let id = |event| format!("{round}/{sender}/{request}/{event}");
        let ids: Vec<String> = (0..EVENTS_A_REQUEST).map(id).collect();
        let process = format!("round-{round}");
        let event =
            |id: &String| Event::new("odoo.stock.picking.done", id).text("business.process_id", &process);
        if connection.try_send(ids.iter().map(event).collect()).await.is_ok() {
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner)[round].extend(ids);
        }
    }
}

async fn assert_stored_once(plimsoll: &Plimsoll, round: usize, acknowledged: &Acknowledged) {
    let statement = format!(
        "SELECT event_id, count(*) AS n FROM business_events WHERE process_id = 'round-{round}' GROUP BY event_id"
    );
    let rows = plimsoll.sql(&statement).await;
    let id = |row: &serde_json::Value| row["event_id"].as_str().expect("an event has its id").to_owned();
    let stored: HashMap<String, i64> =
        rows.iter().map(|row| (id(row), row["n"].as_i64().expect("a count"))).collect();
    let told = acknowledged.lock().unwrap_or_else(PoisonError::into_inner)[round].clone();

    let lost: Vec<&String> = told.iter().filter(|id| !stored.contains_key(*id)).collect();
    assert!(
        lost.is_empty(),
        "round {round}: {} of {} acknowledged are lost: {lost:?}",
        lost.len(),
        told.len()
    );
    let twice: Vec<&String> = stored.iter().filter(|(_, n)| **n != 1).map(|(id, _)| id).collect();
    assert!(twice.is_empty(), "round {round}: stored more than once: {twice:?}");
}

fn count_of(acknowledged: &Acknowledged, round: usize) -> usize {
    acknowledged.lock().unwrap_or_else(PoisonError::into_inner)[round].len()
}
