//! The loss ledger: received = stored + refused by reason + in flight, in every scrape, while good items, bad items and
//! requests that are no requests come in; and at rest the same numbers as the senders know.

use std::collections::BTreeMap;

use prost::Message;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::conformance::Make;
use crate::harness::{Event, Outcome, Plimsoll, RawLogs, Scrape, Setup, WAYS, Way, request};

const ROUNDS: usize = 30;
const GOOD: usize = 20;
const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];

/// What the senders were told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    stored: u64,
    /// In the three rejected records of a request.
    rejected: u64,
    /// Whole requests, by outcome.
    invalid: u64,
    busy: u64,
}

#[test]
fn an_unbalanced_scrape_would_be_seen() {
    let balanced =
        |received, stored, in_flight, refused| Balance { received, stored, in_flight, refused }.is_even();
    assert!(balanced(10.0, 5.0, 2.0, 3.0));
    assert!(!balanced(10.0, 5.0, 2.0, 2.0));
    assert!(!balanced(10.0, 9.0, -1.0, 2.0));
}

#[derive(Clone, Copy, Debug)]
struct Balance {
    received: f64,
    stored: f64,
    in_flight: f64,
    refused: f64,
}

impl Balance {
    fn of(scrape: &Scrape, signal: &str) -> Self {
        let refused = scrape.reasons("plimsoll_collector_refused_items_total", signal);
        assert!(refused.len() >= 10, "every reason is there from the start: {refused:?}");
        Self {
            received: scrape.of_signal("plimsoll_collector_received_items_total", signal),
            stored: scrape.of_signal("plimsoll_collector_stored_items_total", signal),
            in_flight: scrape.of_signal("plimsoll_collector_in_flight_items", signal),
            refused: refused.values().sum(),
        }
    }

    /// Whole numbers below 2^53 are exact.
    fn is_even(self) -> bool {
        let Self { received, stored, in_flight, refused } = self;
        in_flight >= 0.0 && received == stored + refused + in_flight
    }
}

fn assert_even(scrape: &Scrape) {
    for signal in SIGNALS {
        let balance = Balance::of(scrape, signal);
        assert!(balance.is_even(), "{signal}: {balance:?}");
    }
}

/// What a scrape and the table say at this moment, whatever is under way.
pub(crate) async fn assert_balanced(plimsoll: &Plimsoll) {
    assert_even(&Scrape::of(plimsoll).await);
    let uneven = "SELECT count(*) AS n FROM ingest_ledger WHERE received <> stored + refused + in_flight";
    assert_eq!(plimsoll.number(uneven).await, 0);
}

/// Twenty good records and three of the year 2262.
fn mixed(way: Way) -> Vec<u8> {
    let event = |number: usize| Event::new("odoo.stock.picking.done", &format!("{way:?}-{number}"));
    let mut mixed = request((0..GOOD + 3).map(event).collect());
    for record in &mut mixed.resource_logs[0].scope_logs[0].log_records[GOOD..] {
        record.time_unix_nano = u64::MAX;
    }
    if way == Way::Json { serde_json::to_vec(&mixed).expect("OTLP/JSON") } else { mixed.encode_to_vec() }
}

async fn send(logs: RawLogs, way: Way) -> Told {
    let (mixed, deep) = (mixed(way), Make::Lists { levels: 99 }.bytes(way == Way::Json, "deep"));
    let mut told = Told::default();
    for _ in 0..ROUNDS {
        let answer = logs.send(way, None, mixed.clone()).await.expect("an answer");
        match answer.outcome() {
            Outcome::Accepted => {
                told.stored += GOOD as u64;
                told.rejected += 3;
            }
            outcome => {
                assert_eq!(outcome, Outcome::TryLater, "{answer:?}");
                told.busy += 1;
            }
        }
        let answer = logs.send(way, None, deep.clone()).await.expect("an answer");
        match answer.outcome() {
            Outcome::Invalid => told.invalid += 1,
            outcome => {
                assert_eq!(outcome, Outcome::TryLater, "{answer:?}");
                told.busy += 1;
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scrape_balances_and_at_rest_the_senders_say_the_same() {
    let plimsoll = Plimsoll::start_with(Setup::default().set("collector.max_concurrent_requests", 3)).await;
    let mut senders = JoinSet::new();
    for way in WAYS.into_iter().chain(WAYS) {
        senders.spawn(send(RawLogs::to(&plimsoll), way));
    }
    let stop = CancellationToken::new();
    let (scrapes, told) = tokio::join!(scrape_until(&plimsoll, &stop), async {
        let told = senders.join_all().await;
        stop.cancel();
        told
    });
    assert!(scrapes > 20, "only {scrapes} scrapes");

    let sum = |number: fn(&Told) -> u64| told.iter().map(number).sum::<u64>() as f64;
    assert!(sum(|told| told.stored) > 0.0 && sum(|told| told.invalid) > 0.0, "{told:?}");
    let scrape = Scrape::of(&plimsoll).await;
    let refused = scrape.reasons("plimsoll_collector_refused_items_total", "logs");
    let balance = Balance::of(&scrape, "logs");
    assert_eq!(balance.in_flight, 0.0, "nothing is under way");
    assert_eq!(balance.stored, sum(|told| told.stored));
    assert_eq!(nonzero(&refused), [("time_out_of_range".to_owned(), sum(|told| told.rejected))]);
    let requests = scrape.reasons("plimsoll_collector_refused_requests_total", "logs");
    assert_eq!(requests["too_deep"], sum(|told| told.invalid));
    assert_eq!(requests["busy"], sum(|told| told.busy));
    let rows = plimsoll.number("SELECT count(*) AS n FROM logs").await;
    assert_eq!(rows as f64, balance.stored, "what is counted as stored is there");
}

async fn scrape_until(plimsoll: &Plimsoll, stop: &CancellationToken) -> usize {
    let mut scrapes = 0;
    let mut before = 0.0;
    while !stop.is_cancelled() {
        let scrape = Scrape::of(plimsoll).await;
        assert_even(&scrape);
        let received = scrape.of_signal("plimsoll_collector_received_items_total", "logs");
        assert!(received >= before, "a counter went back from {before} to {received}");
        before = received;
        scrapes += 1;
    }
    scrapes
}

fn nonzero(counts: &BTreeMap<String, f64>) -> Vec<(String, f64)> {
    counts.iter().filter(|(_, count)| **count > 0.0).map(|(reason, count)| (reason.clone(), *count)).collect()
}
