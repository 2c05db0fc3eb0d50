//! Clocks that jump, and receivers that are away for minutes.

use super::support::Story;

const ROUTES: &str = "
route: {receiver: hook, group_by: [service], group_wait: 30s, group_interval: 1m, repeat_interval: 12h}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";
const NOTHING: [&str; 0] = [];
const HOUR: u64 = 3600;

fn back(story: &mut Story, secs: u64) {
    story.now = story.now - std::time::Duration::from_secs(secs);
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_ahead_resolves_nothing_that_still_fires() {
    let mut story = Story::begin(ROUTES).await;
    story.fire("service=sales").await;
    story.advance(31);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);

    story.advance(HOUR);
    story.alerting.clock_jumped();
    assert_eq!(story.run().await, NOTHING, "it ran out by the clock alone");
    story.fire("service=sales").await;
    story.advance(60);
    assert_eq!(story.run().await, NOTHING);
    // Whoever states it went quiet: then it does run out.
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn a_clock_that_goes_back_an_hour_delays_neither_group_wait_nor_resolve() {
    let mut story = Story::begin(ROUTES).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    back(&mut story, HOUR);
    story.restart();
    story.fire("service=sales").await;
    assert_eq!(story.run().await, NOTHING);
    story.advance(60);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);

    back(&mut story, HOUR);
    story.resolve("service=sales").await;
    assert_eq!(story.run().await, NOTHING);
    story.advance(60);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn what_waits_for_its_retry_does_not_wait_for_the_clock_to_come_back() {
    let mut story = Story::begin(ROUTES).await;
    story.sink.answer_next(&["503 Away"]);
    story.fire("service=sales").await;
    story.advance(31);
    assert_eq!(story.run().await.len(), 1);
    back(&mut story, HOUR);
    story.restart();
    story.deliver().await;
    assert_eq!(story.arrived(), ["/hook firing 1 first notification"]);
    story.deliver().await;
    assert_eq!(story.arrived(), NOTHING);
}

#[tokio::test]
async fn a_source_that_goes_quiet_after_the_clock_went_back_is_over_after_the_usual_time() {
    let mut story = Story::begin(ROUTES).await;
    story.fire("service=sales").await;
    story.advance(31);
    assert_eq!(story.run().await.len(), 1);
    back(&mut story, HOUR);
    story.fire("service=sales").await;
    story.run().await;
    story.advance(301);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn ten_minutes_of_500_cost_ten_minutes_and_no_message() {
    let mut story = Story::begin(ROUTES).await;
    story.fire("service=sales,n=1").await;
    story.advance(30);
    let began = story.now;
    let mut refused = 0;
    while story.now < began + std::time::Duration::from_mins(10) {
        story.sink.answer_next(&["500 Oops"]);
        story.fire("service=sales,n=1").await;
        story.dispatch().await;
        story.deliver().await;
        let tried = story.sink.take().len();
        refused += tried;
        story.sink.forget_answers();
        story.advance(5);
        if story.now > began + std::time::Duration::from_mins(5) {
            story.fire("service=sales,n=2").await;
        }
    }
    assert!((5..=20).contains(&refused), "it backs off: {refused} attempts");
    // Within the longest pause after that.
    for _ in 0..60 {
        story.advance(5);
        story.fire("service=sales,n=1").await;
        story.fire("service=sales,n=2").await;
        story.dispatch().await;
        story.deliver().await;
    }
    assert_eq!(story.arrived(), ["/hook firing 2 first notification"]);
    story.resolve("service=sales,n=1").await;
    story.resolve("service=sales,n=2").await;
    story.advance(60);
    assert_eq!(story.run().await, ["/hook resolved 2 all alerts resolved"]);
}
