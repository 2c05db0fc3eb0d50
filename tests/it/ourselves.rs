//! We observe ourselves with the same product: our own spans come in through our own OTLP port, our numbers can be
//! scraped.

use std::time::Duration;

use crate::harness::{Event, Plimsoll, Sender, Setup, eventually};

const SEEN_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn our_own_spans_are_rows_like_any_other() {
    let setup = Setup::default().set("telemetry.enabled", true).set("telemetry.interval", "1s");
    let plimsoll = Plimsoll::start_with(setup).await;
    let named =
        "SELECT count(*) AS n FROM spans WHERE service_name = 'plimsoll' AND name <> '' AND duration_ms >= 0";
    eventually("our own spans arrive", SEEN_WITHIN, async || {
        (plimsoll.number(named).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_about_ourselves_can_be_scraped() {
    let plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "1")]).await;
    let answer = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("an answer");
    assert!(answer.status().is_success());
    let text = answer.text().await.expect("text");
    let samples = text.lines().filter(|line| line.starts_with("plimsoll_") && !line.starts_with('#')).count();
    assert!(samples > 10, "{text}");
    assert!(text.contains("plimsoll_collector_"), "{text}");
}
