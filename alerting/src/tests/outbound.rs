//! Receivers that fail, every way they do: nothing is lost, nobody is flooded, and somebody else is told.

use std::time::Duration;

use plimsoll_model::Timestamp;

use super::support::{CUT, HANG, Request, Story};
use crate::{Outbound, RateLimit, RateLimits, SecondChannels};

const NOW: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook', timeout: 300ms}]}]
";
const NOTHING: [&str; 0] = [];

/// Delivers whenever it wants to, until the moment.
async fn deliver_until(story: &mut Story, until: Timestamp) -> usize {
    let mut tries = 0;
    while story.now < until {
        let (deliveries, next) = story.deliver().await;
        tries += deliveries.len();
        story.now = next.unwrap_or(until).min(until).max(story.now + Duration::from_millis(1));
    }
    tries
}

#[tokio::test]
async fn ten_minutes_of_500_lose_nothing_and_are_asked_less_and_less_often() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["500 Oops"; 1000]);
    story.fire("service=sales").await;
    story.dispatch().await;
    let until = story.now + Duration::from_secs(600);
    let tries = deliver_until(&mut story, until).await;
    // 1, 2, 4, ... 64 s, then every two minutes.
    assert_eq!(tries, 11);
    story.sink.forget_answers();
    let seen: Vec<Request> = story.sink.take();
    assert!(seen.iter().all(|request| request.delivery_id == seen[0].delivery_id));
    let until = story.now + Duration::from_secs(120);
    deliver_until(&mut story, until).await;
    assert_eq!(story.arrived(), ["/hook firing 1 first notification"]);
    assert_eq!(story.table("notifications")[0]["outcome"], "sent");
}

#[tokio::test]
async fn a_server_that_hangs_and_one_that_cuts_the_reply_are_asked_again_under_the_same_identity() {
    for failing in [HANG, CUT] {
        let mut story = Story::begin(NOW).await;
        story.sink.answer_next(&[failing]);
        story.fire("service=sales").await;
        story.dispatch().await;
        let (deliveries, _) = story.deliver().await;
        let error = deliveries[0].outcome.clone().expect_err(failing);
        assert!(!error.contains("127.0.0.1"), "{error}");
        story.advance(1);
        story.deliver().await;
        let requests = story.sink.take();
        assert_eq!(requests.len(), 2, "{failing}");
        assert_eq!(requests[0].delivery_id, requests[1].delivery_id);
    }
}

#[tokio::test]
async fn a_server_that_says_when_is_asked_then_and_not_before() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&[
        "429 Slow\r\nRetry-After: 90",
        "503 Later\r\nRetry-After: Sat, 21 Nov 2026 10:10:00 GMT",
        "408 Slow",
    ]);
    story.fire("service=sales").await;
    story.dispatch().await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (_, next) = story.deliver().await;
        let next = next.expect("another try");
        waits.push(next.since(story.now).as_secs());
        story.now = next;
    }
    assert_eq!(waits, [90, 510, 4]);
    story.deliver().await;
    assert_eq!(story.sink.take().len(), 4);
}

#[tokio::test]
async fn when_a_server_is_back_nobody_waits_for_the_end_of_a_back_off() {
    let mut story = Story::begin(NOW).await;
    story.sink.answer_next(&["500 Oops"; 6]);
    for service in ["sales", "stock"] {
        story.fire(&format!("service={service}")).await;
    }
    story.dispatch().await;
    let until = story.now + Duration::from_secs(60);
    deliver_until(&mut story, until).await;
    let outcomes: Vec<_> = story.table("notifications").iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["sent", "sent"]);
}

fn limited(burst: u32, per_minute: u32) -> Outbound {
    let webhook = RateLimit { burst, per_minute };
    Outbound { rate_limits: RateLimits { webhook, ..RateLimits::default() }, ..Outbound::default() }
}

#[tokio::test]
async fn what_the_rate_limit_holds_back_waits_with_the_page_first() {
    let mut story = Story::begin_with(NOW, limited(2, 6)).await;
    for n in 0..5 {
        story.fire(&format!("service=s{n},severity=ticket")).await;
    }
    story.fire("service=late,severity=page").await;
    story.dispatch().await;
    story.deliver().await;
    let first: Vec<_> = story.sink.take();
    assert_eq!(first.len(), 2);
    assert_eq!(first[0].body["groupLabels"]["service"], "late", "the page goes first, though it came last");
    story.deliver().await;
    assert_eq!(story.arrived(), NOTHING);
    let until = story.now + Duration::from_secs(45);
    deliver_until(&mut story, until).await;
    assert_eq!(story.arrived().len(), 4, "one each ten seconds, and none is lost");
    let stats = story.alerting.delivery_stats();
    let webhook = stats.iter().find(|stats| stats.kind == "webhook").expect("known");
    assert_eq!(webhook.sent, 6);
    assert!(webhook.held_back > 0 && webhook.lag >= Duration::from_secs(100), "{webhook:?}");
}

#[tokio::test]
async fn what_is_held_back_is_merged_with_what_comes_after() {
    let mut story = Story::begin_with(NOW, limited(1, 1)).await;
    story.fire("service=a").await;
    story.fire("service=b,n=1").await;
    story.dispatch().await;
    story.deliver().await;
    assert_eq!(story.arrived().len(), 1);
    story.fire("service=b,n=2").await;
    story.advance(60);
    assert_eq!(story.run().await, ["/hook firing 2 first notification"]);
}

const TWO: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers:
  - {name: hook, webhook_configs: [{url: 'SINK/hook'}]}
  - {name: emergency, webhook_configs: [{url: 'SINK/emergency'}]}
";

fn to_emergency() -> Outbound {
    let second_channels = SecondChannels {
        by_receiver: [("hook".to_owned(), "emergency".to_owned())].into(),
        after: Duration::from_secs(120),
    };
    Outbound { second_channels, ..Outbound::default() }
}

fn at(story: &Story, seconds: u64) -> Timestamp {
    story.now + Duration::from_secs(seconds)
}

fn paths(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).collect()
}

#[tokio::test]
async fn after_a_while_a_second_channel_is_told_once_and_hears_of_the_end() {
    let mut story = Story::begin_with(TWO, to_emergency()).await;
    story.sink.fail("/hook");
    story.fire("service=sales,severity=page").await;
    story.dispatch().await;
    let until = at(&story, 119);
    deliver_until(&mut story, until).await;
    assert!(!paths(&story.sink.take()).contains(&"/emergency"), "not before its time");
    let until = at(&story, 200);
    deliver_until(&mut story, until).await;
    let seen = story.sink.take();
    let second: Vec<_> = seen.iter().filter(|request| request.path == "/emergency").collect();
    assert_eq!(second.len(), 1);
    let first = seen.iter().find(|request| request.path == "/hook").expect("tried again");
    assert_ne!(second[0].delivery_id, first.delivery_id);
    let decisions = story.decisions();
    assert!(
        decisions
            .iter()
            .any(|said| said.contains("instead of hook, webhook[0]: it has not been reached for 2 min")),
        "{decisions:#?}"
    );

    story.sink.recover("/hook");
    story.resolve("service=sales,severity=page").await;
    story.dispatch().await;
    let until = at(&story, 200);
    deliver_until(&mut story, until).await;
    let arrived = story.arrived();
    for expected in [
        "/hook firing 1 first notification",
        "/hook resolved 1 all alerts resolved",
        "/emergency resolved 1 all alerts resolved",
    ] {
        assert_eq!(arrived.iter().filter(|said| *said == expected).count(), 1, "{expected} in {arrived:#?}");
    }
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_second_channel_at_once_and_copies_are_not_copied() {
    let story = Story::begin_with(TWO, to_emergency()).await;
    story.sink.answer_next(&["400 Bad", "400 Bad"]);
    story.fire("service=sales").await;
    let arrived = story.run().await;
    assert_eq!(arrived, ["/hook firing 1 first notification", "/emergency firing 1 first notification"]);
    assert_eq!(story.run().await, NOTHING);
    let stats = story.alerting.delivery_stats();
    assert_eq!(stats.iter().map(|stats| stats.to_second_channel).sum::<u64>(), 1);
}

#[tokio::test]
async fn news_that_keeps_coming_does_not_put_the_second_channel_off() {
    let mut story = Story::begin_with(TWO, to_emergency()).await;
    story.sink.fail("/hook");
    let mut seen = Vec::new();
    for n in 0..4 {
        story.fire(&format!("service=sales,n={n}")).await;
        story.dispatch().await;
        let until = at(&story, 60);
        deliver_until(&mut story, until).await;
        seen.extend(story.sink.take());
    }
    assert!(paths(&seen).contains(&"/emergency"), "{:?}", paths(&seen));
}

#[tokio::test]
async fn a_receiver_can_be_tried_and_says_what_became_of_it() {
    let story = Story::begin(TWO).await;
    let tried = story.alerting.test_receiver("hook", story.now).await.expect("stored").expect("known");
    assert_eq!(tried.len(), 1);
    assert_eq!(tried[0].outcome, Ok("HTTP 200".to_owned()));
    let seen = story.sink.take();
    assert_eq!(seen[0].body["alerts"][0]["labels"]["alertname"], "PlimsollTest");
    assert_eq!(story.table("notifications")[0]["outcome"], "sent");

    story.sink.answer_next(&["500 Oops"]);
    let tried = story.alerting.test_receiver("hook", story.now + Duration::from_secs(1)).await;
    let tried = tried.expect("stored").expect("known");
    assert!(tried[0].outcome.as_ref().is_err_and(|error| error.contains("500")), "{tried:?}");
    let (deliveries, next) = story.deliver().await;
    assert_eq!((deliveries.len(), next), (0, None), "a test is not tried again");
    assert!(story.alerting.test_receiver("nobody", story.now).await.expect("stored").is_none());
}

#[tokio::test]
async fn the_fence_holds_before_anything_is_connected_to() {
    let outbound = |allow: &str| Outbound {
        fence: crate::Fence { allow: vec![allow.parse().expect("a network")], deny: Vec::new() },
        ..Outbound::default()
    };
    for yaml in [TWO.to_owned(), TWO.replace("SINK", "http://localhost:9")] {
        let story = Story::begin_with(&yaml, outbound("192.0.2.0/24")).await;
        story.fire("service=sales").await;
        assert_eq!(story.run().await, NOTHING);
        let error = story.table("notifications")[0]["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains("allow_networks"), "{error}");
    }
    let story = Story::begin_with(TWO, outbound("127.0.0.0/8")).await;
    story.fire("service=sales").await;
    assert_eq!(story.run().await.len(), 1);
}
