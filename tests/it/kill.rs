//! `kill -9` under load, again and again: what was acknowledged is there, once, as it was sent, in the first answer after
//! each restart. Twenty kills here; `PLIMSOLL_KILLS=200` makes it the long run.

pub(crate) mod oracle;

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alerts::{RULE, order, routing};
use crate::balance::assert_balanced;
use crate::harness::{Event, HttpSink, Plimsoll, Sender, Setup, eventually, pause};
use oracle::Oracle;

const KILLS: usize = 20;
const CLIENTS: usize = 4;
const EVENTS_A_REQUEST: usize = 5;
/// At most so many acknowledged requests pass between two kills; how many it is changes each time.
const MOST_REQUESTS_BETWEEN_KILLS: usize = 97;
const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_nothing_acknowledged_and_store_nothing_twice() {
    let sink = HttpSink::start().await;
    let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
    // Small and frequent flushes, so that kills fall into the log, into a Delta commit, and between the two.
    let setup = Setup::default()
        .set("lake.flush_rows", 200)
        .set("lake.flush_age", "100ms")
        .file("alertmanager.yml", &routing(&webhook))
        .file("rules/orders.yaml", RULE);
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let (oracle, stop) = (Oracle::default(), CancellationToken::new());
    oracle.begin_epoch();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(send_until(stop.clone(), plimsoll.grpc(), client, oracle.clone()));
    }

    let kills = kills();
    let mut restarts = Vec::with_capacity(kills);
    for round in 1..=kills {
        enough_acknowledgements(&oracle, round).await;
        plimsoll.kill();
        if round % 5 == 0 {
            // Dies again while it reads what the last death left.
            plimsoll.spawn_again();
            plimsoll.kill();
        }
        restarts.push(first_answer_is_complete(&mut plimsoll, &oracle, oracle.begin_epoch() - 1).await);
        assert_balanced(&plimsoll).await;
    }
    stop.cancel();
    clients.join_all().await;

    for epoch in 1..=kills + 1 {
        let rows = plimsoll.sql(&rows_of(epoch)).await;
        assert_none(epoch, &oracle.check(&oracle.promise(epoch), &rows));
    }
    fresh_data_gets_through(&plimsoll, &sink).await;
    let acknowledged = oracle.acknowledged_requests();
    assert!(acknowledged >= kills * 10, "only {acknowledged} requests were acknowledged");
    assert!(oracle.resent_requests() >= kills / 2, "only {} were sent again", oracle.resent_requests());
    report(&mut restarts, &oracle);
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs is for whoever starts it to say")]
fn kills() -> usize {
    std::env::var("PLIMSOLL_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"))
}

/// A request that was not acknowledged is sent again, as every OTLP client does.
async fn send_until(stop: CancellationToken, endpoint: String, client: usize, oracle: Oracle) {
    let mut connection = Sender::to(&endpoint);
    for request in 0_usize.. {
        let ids = oracle.issue(client, request, EVENTS_A_REQUEST);
        loop {
            if stop.is_cancelled() {
                return;
            }
            oracle.sending(&ids);
            let answer = connection.try_send(ids.iter().map(|id| oracle::event_of(id)).collect()).await;
            if answer.is_ok() {
                oracle.acknowledged(&ids);
                break;
            }
            pause().await;
        }
        // Every third goes out at once: a kill must find requests in each stage.
        if request % 3 != 0 {
            pause().await;
        }
    }
}

async fn enough_acknowledgements(oracle: &Oracle, round: usize) {
    let enough = oracle.acknowledged_requests() + round * 61 % MOST_REQUESTS_BETWEEN_KILLS;
    eventually("enough requests are acknowledged", WITHIN, async || {
        (oracle.acknowledged_requests() > enough).then_some(())
    })
    .await;
}

/// From the start of the process to its first answer, in which everything promised before must be.
async fn first_answer_is_complete(plimsoll: &mut Plimsoll, oracle: &Oracle, epoch: usize) -> Duration {
    let promise = oracle.promise(epoch);
    let started = tokio::time::Instant::now();
    plimsoll.spawn_again();
    let statement = rows_of(epoch);
    let rows =
        eventually("SQL answers after a restart", WITHIN, async || plimsoll.try_sql(&statement).await).await;
    let taken = started.elapsed();
    plimsoll.assert_alive();
    assert_none(epoch, &oracle.check(&promise, &rows));
    taken
}

fn rows_of(epoch: usize) -> String {
    format!("SELECT {} FROM business_events WHERE process_id = 'epoch-{epoch}'", oracle::COLUMNS)
}

fn assert_none(epoch: usize, faults: &[String]) {
    let shown: Vec<&String> = faults.iter().take(20).collect();
    assert!(faults.is_empty(), "epoch {epoch}: {} faults, among them {shown:#?}", faults.len());
}

/// After all of it an event is stored and a breach pages.
async fn fresh_data_gets_through(plimsoll: &Plimsoll, sink: &HttpSink) {
    let mut sender = Sender::to(&plimsoll.grpc());
    sender.send(vec![Event::new("odoo.stock.picking.done", "fresh"), order("S1", "failed")]).await;
    assert_eq!(
        plimsoll.number("SELECT count(*) AS n FROM business_events WHERE event_id = 'fresh'").await,
        1
    );
    let page: Value = eventually("a fresh breach pages", WITHIN, async || {
        sink.received("/hook").first().map(|received| received.body.clone())
    })
    .await;
    assert_eq!(page["status"], "firing", "{page}");
}

#[expect(clippy::print_stderr, reason = "the long run is started for these figures")]
fn report(restarts: &mut [Duration], oracle: &Oracle) {
    restarts.sort();
    let at = |percent: usize| restarts[(restarts.len() - 1) * percent / 100];
    eprintln!(
        "{} kills, {} requests of {EVENTS_A_REQUEST} events acknowledged, {} sent again; start to first answer: median {:?}, \
         p99 {:?}, most {:?}",
        restarts.len(),
        oracle.acknowledged_requests(),
        oracle.resent_requests(),
        at(50),
        at(99),
        at(100),
    );
}
