//! The outbox: nothing decided is lost, nothing is said out of order, and retries are recognisable.

use std::time::Duration;

use super::support::Story;

const NOW: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";
const PAGER: &str = "
route: {receiver: pager, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: pager, pagerduty_configs: [{url: 'SINK/v2/enqueue', routing_key: 0123456789abcdef0123456789abcdef}]}]
";
const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_crash_between_decision_and_delivery_loses_nothing_and_says_it_once() {
    let mut story = Story::begin(NOW).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    assert_eq!(story.arrived(), NOTHING);
    story.restart();
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.restart();
    assert_eq!(story.run().await, NOTHING);
}

#[tokio::test]
async fn a_server_error_is_retried_after_its_back_off_under_the_same_identity() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["500 Oops", "503 Still"]);
    story.fire("service=sales").await;
    story.dispatch().await;
    let (deliveries, next) = story.deliver().await;
    assert!(deliveries[0].outcome.as_ref().is_err_and(|error| error.contains("500")), "{deliveries:?}");
    assert_eq!(next, Some(story.now + Duration::from_secs(1)));
    assert!(story.deliver().await.0.is_empty(), "not before its time");

    story.advance(1);
    assert_eq!(story.deliver().await.1, Some(story.now + Duration::from_secs(2)));
    story.advance(2);
    let (deliveries, next) = story.deliver().await;
    assert_eq!((deliveries[0].outcome.clone(), next), (Ok("HTTP 200".to_owned()), None));

    let requests = story.sink.take();
    assert_eq!(requests.len(), 3);
    assert!(!requests[0].delivery_id.is_empty());
    assert!(requests.iter().all(|request| request.delivery_id == requests[0].delivery_id));
    let row = &story.table("notifications")[0];
    assert_eq!((row["outcome"].as_str(), row["attempts"].as_i64()), (Some("sent"), Some(3)));
}

#[tokio::test]
async fn a_client_error_is_given_up_loudly_and_decided_anew_on_the_next_tick() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["400 Bad"]);
    story.fire("service=sales").await;
    assert_eq!(story.run().await.len(), 1);
    let decisions = story.decisions();
    assert!(decisions.iter().any(|said| said.starts_with("Send failed: HTTP 400")), "{decisions:#?}");
    assert_eq!(story.table("notifications")[0]["outcome"], "failed");
    story.advance(60);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
}

#[tokio::test]
async fn nobody_hears_that_it_is_over_before_hearing_that_it_began() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["500 Oops"]);
    story.fire("service=sales").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.resolve("service=sales").await;
    story.now = story.now + Duration::from_millis(500);
    story.dispatch().await;
    story.advance(60);
    story.dispatch().await;
    story.deliver().await;
    assert_eq!(
        story.arrived(),
        ["/hook firing 1 first notification", "/hook resolved 1 all alerts resolved"]
    );
}

#[tokio::test]
async fn while_a_receiver_is_down_the_newest_word_replaces_those_it_missed() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["500 Oops"]);
    story.fire("service=sales,n=1").await;
    assert_eq!(story.run().await.len(), 1);
    story.now = story.now + Duration::from_millis(100);
    story.fire("service=sales,n=2").await;
    story.advance(60);
    assert_eq!(story.run().await, ["/hook firing 2 first notification"]);
    let outcomes: Vec<_> = story.table("notifications").iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["sent", "superseded"]);
}

#[tokio::test]
async fn a_dead_receiver_does_not_keep_the_others_waiting() {
    let story = Story::begin(
        "
route: {receiver: dead, group_wait: 0s, routes: [{matchers: [service=sales], receiver: dead, continue: true}, {receiver: hook}]}
receivers:
  - {name: dead, webhook_configs: [{url: 'http://127.0.0.1:1/hook'}]}
  - {name: hook, webhook_configs: [{url: 'SINK/hook'}]}
",
    )
    .await;
    story.fire("service=sales").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    let errors: Vec<_> = story.table("notifications").iter().map(|row| row["error"].clone()).collect();
    assert!(
        errors.iter().any(|error| error.as_str().is_some_and(|text| text.starts_with("cannot connect"))),
        "{errors:?}"
    );
    assert!(!format!("{errors:?}").contains("127.0.0.1:1"), "the address may be a secret: {errors:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let story = Story::begin(NOW).await;
    story.sink.answer_next(&["302 Found\r\nLocation: /elsewhere"]);
    story.fire("service=sales").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    assert!(story.table("notifications")[0]["error"].as_str().is_some_and(|text| text.contains("redirects")));
}

#[tokio::test]
async fn a_pager_is_triggered_and_resolved_under_one_key_and_throttling_is_honoured() {
    let mut story = Story::begin(PAGER).await;
    story.sink.answer_next(&["429 Slow\r\nRetry-After: 90"]);
    story.fire("service=sales,severity=page").await;
    story.dispatch().await;
    let (_, next) = story.deliver().await;
    assert_eq!(next, Some(story.now + Duration::from_secs(90)));
    story.advance(90);
    story.fire("service=sales,severity=page").await;
    story.dispatch().await;
    story.deliver().await;
    story.resolve("service=sales,severity=page").await;
    story.advance(60);
    story.dispatch().await;
    story.deliver().await;
    let requests = story.sink.take();
    let actions: Vec<_> = requests.iter().map(|request| request.body["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "trigger", "resolve"]);
    assert!(requests.iter().all(|request| request.body["dedup_key"] == requests[0].body["dedup_key"]));
    assert_eq!(requests[0].body["payload"]["severity"], "critical");
}

#[tokio::test]
async fn two_deliverers_side_by_side_send_one_message() {
    let story = Story::begin(NOW).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    let other = story.alerting.clone();
    let (one, two) = tokio::join!(story.deliver(), other.deliver(story.now));
    assert_eq!(one.0.len() + two.expect("delivered").0.len(), 1);
    assert_eq!(story.arrived().len(), 1);
}
