//! A crash between decision and delivery: what was decided is delivered by the next process.

use std::time::Duration;

use serde_json::Value;

use crate::alerts::{RULE, order, routing};
use crate::harness::{HttpSink, Plimsoll, Sender, Setup, closed_port, eventually};

const WITHIN: Duration = Duration::from_secs(60);

/// Until a notification is in the outbox that the closed port has refused at least once.
async fn decided_but_not_delivered(plimsoll: &Plimsoll) {
    let waiting = "SELECT count(*) AS n FROM notifications WHERE outcome = 'pending' AND attempts > 0";
    eventually("a notification waits for its receiver", WITHIN, async || {
        (plimsoll.number(waiting).await > 0).then_some(())
    })
    .await;
}

async fn received(sink: &HttpSink) -> Value {
    let messages = eventually("the receiver is told", WITHIN, async || {
        let messages = sink.received("/hook");
        (!messages.is_empty()).then_some(messages)
    })
    .await;
    messages[0].body.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_resolve_that_were_decided_survive_kill_dash_9() {
    let port = closed_port();
    let webhook = format!("    webhook_configs:\n      - url: 'http://127.0.0.1:{port}/hook'\n");
    let setup = Setup::default().file("alertmanager.yml", &routing(&webhook)).file("rules/orders.yaml", RULE);
    let mut plimsoll = Plimsoll::start_with(setup).await;

    Sender::to(&plimsoll.grpc()).send(vec![order("S1", "failed")]).await;
    decided_but_not_delivered(&plimsoll).await;
    plimsoll.kill();
    let sink = HttpSink::start_on(port).await;
    plimsoll.resume().await;
    let page = received(&sink).await;
    assert_eq!(page["status"], "firing", "{page}");

    sink.close().await;
    Sender::to(&plimsoll.grpc()).send(vec![order("S2", "ok")]).await;
    decided_but_not_delivered(&plimsoll).await;
    plimsoll.kill();
    let sink = HttpSink::start_on(port).await;
    plimsoll.resume().await;
    let resolve = received(&sink).await;
    assert_eq!(resolve["status"], "resolved", "{resolve}");
    assert_eq!(resolve["groupKey"], page["groupKey"]);
    assert_eq!(
        resolve["alerts"][0]["startsAt"], page["alerts"][0]["startsAt"],
        "it is still the same incident"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firing_alert_is_not_told_again_because_of_a_crash() {
    let sink = HttpSink::start().await;
    let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
    let setup = Setup::default().file("alertmanager.yml", &routing(&webhook)).file("rules/orders.yaml", RULE);
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let mut sender = Sender::to(&plimsoll.grpc());

    sender.send(vec![order("S1", "failed")]).await;
    let sent = "SELECT count(*) AS n FROM notifications WHERE outcome = 'sent'";
    eventually("the page is noted as sent", WITHIN, async || {
        (plimsoll.number(sent).await == 1).then_some(())
    })
    .await;
    plimsoll.kill();
    plimsoll.resume().await;
    Sender::to(&plimsoll.grpc()).send(vec![order("S2", "ok")]).await;
    eventually("the resolve is noted as sent", WITHIN, async || {
        (plimsoll.number(sent).await == 2).then_some(())
    })
    .await;
    let statuses: Vec<Value> =
        sink.received("/hook").into_iter().map(|message| message.body["status"].clone()).collect();
    assert_eq!(statuses, ["firing", "resolved"]);
}
