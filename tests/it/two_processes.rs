//! Two processes on one PostgreSQL, fed alike: one leads. It is killed, paused, or loses its database, and the person is
//! told once of each thing all the same.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::alerts::{RULE, order, routing};
use crate::harness::{HttpSink, Plimsoll, Scrape, Sender, Setup, eventually};
use crate::sources::Postgres;

const WITHIN: Duration = Duration::from_secs(60);

struct Pair {
    postgres: Postgres,
    sink: HttpSink,
    leader: Plimsoll,
    other: Plimsoll,
}

impl Pair {
    async fn start() -> Self {
        let (postgres, sink) = (Postgres::start().await, HttpSink::start().await);
        let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
        let address = format!("postgresql://postgres@127.0.0.1:{}/postgres", postgres.port);
        let setup = Setup::default()
            .set("alerting.database", address)
            .file("alertmanager.yml", &routing(&webhook))
            .file("rules/orders.yaml", RULE);
        let leader = Plimsoll::start_with(setup.clone()).await;
        until_it_leads(&leader).await;
        let other = Plimsoll::start_with(setup).await;
        eventually("the other stands by", WITHIN, async || {
            ready(&other).await.contains("alerting: stands by").then_some(())
        })
        .await;
        Self { postgres, sink, leader, other }
    }

    fn statuses(&self) -> Vec<Value> {
        self.sink.received("/hook").into_iter().map(|message| message.body["status"].clone()).collect()
    }

    async fn told(&self, count: usize) {
        eventually("the person is told", WITHIN, async || (self.statuses().len() >= count).then_some(()))
            .await;
    }
}

async fn ready(plimsoll: &Plimsoll) -> String {
    let asked = plimsoll.client().get(plimsoll.console("/-/ready")).send().await;
    asked.expect("answered").text().await.expect("text")
}

async fn until_it_leads(plimsoll: &Plimsoll) {
    eventually("it leads", WITHIN, async || ready(plimsoll).await.contains("alerting: leads").then_some(()))
        .await;
}

async fn send(to: &Plimsoll, id: &str, outcome: &str) {
    Sender::to(&to.grpc()).send(vec![order(id, outcome)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed_and_nobody_is_paged_twice() {
    let mut pair = Pair::start().await;
    for process in [&pair.leader, &pair.other] {
        send(process, "S1", "failed").await;
    }
    pair.told(1).await;
    assert_eq!(Scrape::of(&pair.leader).await.number("plimsoll_alerting_leads"), 1.0);
    assert_eq!(Scrape::of(&pair.other).await.number("plimsoll_alerting_leads"), 0.0);

    // What the leader had marked before it died is what this asks of the database itself.
    let sent = "SELECT count(*) FROM plimsoll_default.outbox WHERE outcome = 'sent'";
    let client = pair.postgres.connect("postgres").await;
    eventually("the page is marked as sent", WITHIN, async || {
        let count: i64 = client.query_one(sent, &[]).await.expect("answered").get(0);
        (count == 1).then_some(())
    })
    .await;
    pair.leader.kill();
    until_it_leads(&pair.other).await;
    send(&pair.other, "S2", "ok").await;
    pair.told(2).await;

    // The first comes back, and stands by.
    pair.leader.resume().await;
    eventually("it stands by", WITHIN, async || {
        ready(&pair.leader).await.contains("alerting: stands by").then_some(())
    })
    .await;
    assert_eq!(pair.statuses(), ["firing", "resolved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_paused_loses_its_lease_and_sends_nothing_when_it_wakes() {
    let pair = Pair::start().await;
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &pair.leader.pid().to_string()]).status();
        assert!(sent.expect("kill").success());
    };
    // Both know of it; the leader stops, perhaps in the middle of telling it.
    signal("-STOP");
    send(&pair.other, "S1", "failed").await;
    until_it_leads(&pair.other).await;
    pair.told(1).await;
    signal("-CONT");
    send(&pair.leader, "S1", "failed").await;
    eventually("the one that woke stands by", WITHIN, async || {
        ready(&pair.leader).await.contains("alerting: stands by").then_some(())
    })
    .await;
    for process in [&pair.leader, &pair.other] {
        send(process, "S2", "ok").await;
    }
    pair.told(2).await;
    assert_eq!(pair.statuses(), ["firing", "resolved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_told_and_what_happened_meanwhile_is_paged_when_it_is_back() {
    let mut pair = Pair::start().await;
    pair.postgres.stop();
    eventually("it says that its store is away", WITHIN, async || {
        ready(&pair.leader).await.contains("the alert store's database").then_some(())
    })
    .await;
    eventually("its health turns red with the next pass", WITHIN, async || {
        let healthy = pair.leader.client().get(pair.leader.console("/-/healthy")).send().await.ok()?;
        (healthy.status() == reqwest::StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    // What is sent is kept all the same.
    for process in [&pair.leader, &pair.other] {
        send(process, "S1", "failed").await;
    }
    pair.postgres.resume().await;
    pair.told(1).await;
    for process in [&pair.leader, &pair.other] {
        send(process, "S2", "ok").await;
    }
    pair.told(2).await;
    assert_eq!(pair.statuses(), ["firing", "resolved"]);
}
