//! Everything at once: thousands of alerts in one tick, and again and again. How fast is a benchmark's question; what must
//! hold is that the page leaves first, that nobody waits for somebody else's queue, and that it comes to rest.

use std::collections::BTreeSet;

use plimsoll_model::Alert;

use super::support::{Request, Story, alert};

/// Groups of one alert each; `PLIMSOLL_STORM=10000` makes it the storm that we state figures of.
const ALERTS: usize = 600;
const ROUTES: &str = "
route: {receiver: hook, group_by: [n], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";

#[expect(clippy::disallowed_methods, reason = "how long a test runs is for whoever starts it to say")]
fn alerts() -> usize {
    std::env::var("PLIMSOLL_STORM").ok().and_then(|text| text.parse().ok()).unwrap_or(ALERTS)
}

/// Tickets, and one page that comes last in any order but that of its severity.
fn storm(story: &Story, count: usize, is_over: bool) -> Vec<Alert> {
    let labels = |n: usize| {
        if n + 1 == count { format!("severity=page,n=zzz{n}") } else { format!("severity=ticket,n={n}") }
    };
    (0..count).map(|n| alert(&labels(n), story.now, is_over.then_some(story.now))).collect()
}

fn severity(request: &Request) -> &str {
    request.body["commonLabels"]["severity"].as_str().expect("a severity")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_storm_leaves_first_and_everybody_is_told_once() {
    let count = alerts();
    let mut story = Story::begin(ROUTES).await;
    story.alerting.receive(storm(&story, count, false), story.now).await.expect("stored");
    story.run_to_the_end().await;
    let told = story.sink.take();
    let at_once = 4;
    assert!(
        told.iter().take(at_once).any(|request| severity(request) == "page"),
        "the page is among the first"
    );
    let ids: BTreeSet<_> = told.iter().map(|request| &request.delivery_id).collect();
    assert_eq!((told.len(), ids.len()), (count, count));

    // Its end, and what rests after it.
    story.advance(60);
    story.alerting.receive(storm(&story, count, true), story.now).await.expect("stored");
    story.run_to_the_end().await;
    let told = story.sink.take();
    assert_eq!(told.len(), count);
    assert!(told.iter().all(|request| request.body["status"] == "resolved"));
    assert!(story.table("incidents").iter().all(|incident| incident["state"] == "resolved"));
    story.advance(60);
    story.run_to_the_end().await;
    assert!(story.sink.take().is_empty());
}

/// What is restated and did not change costs reading, and no write but of the statement itself.
#[tokio::test]
async fn a_pass_in_which_nothing_happens_writes_nothing() {
    let mut story = Story::begin(ROUTES).await;
    story.alerting.receive(storm(&story, 50, false), story.now).await.expect("stored");
    story.run_to_the_end().await;
    story.advance(5);
    let before = story.written();
    story.run_to_the_end().await;
    assert_eq!(story.written(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_comes_while_thousands_wait_is_sent_before_them() {
    let mut story = Story::begin(ROUTES).await;
    story.alerting.receive(storm(&story, 300, false), story.now).await.expect("stored");
    story.dispatch().await;
    let page = alert("severity=critical,n=late", story.now, None);
    let (alerting, sink, later) =
        (story.alerting.clone(), story.sink.clone(), story.now + std::time::Duration::from_secs(1));
    // While those are being sent, at the moment that their call began with.
    let storm = tokio::spawn({
        let (alerting, now) = (alerting.clone(), story.now);
        async move { alerting.deliver(now).await.expect("delivered") }
    });
    sink.has_received(10).await;
    alerting.receive(vec![page], later).await.expect("stored");
    alerting.dispatch(later).await.expect("dispatched");
    storm.await.expect("joined");
    story.now = later;
    let told = sink.take();
    let place =
        told.iter().position(|request| severity(request) == "critical").expect("the same call sent it");
    assert!(place < 290, "it was sent after {place} others");
}

#[tokio::test]
async fn a_receiver_that_is_down_with_thousands_keeps_nobody_else_waiting() {
    let story = Story::begin(
        "
route:
  receiver: dead
  group_by: [n]
  group_wait: 0s
  routes: [{matchers: [severity=info], receiver: hook}]
receivers:
  - {name: dead, webhook_configs: [{url: 'http://127.0.0.1:1/hook'}]}
  - {name: hook, webhook_configs: [{url: 'SINK/hook'}]}
",
    )
    .await;
    story.alerting.receive(storm(&story, 300, false), story.now).await.expect("stored");
    story.fire("severity=info,n=last").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
}
