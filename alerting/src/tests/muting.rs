//! Time intervals from the outside: what a muted route says, and when.

use super::support::Story;

/// The story begins on Saturday 2026-11-21 at 10:00 UTC.
const QUIET: &str = "
route:
  receiver: nobody
  routes:
    - receiver: hook
      matchers: ['service=~\".+\"']
      group_by: [service]
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      mute_time_intervals: [stocktaking]
      active_time_intervals: [shift]
time_intervals:
  - name: stocktaking
    time_intervals:
      - times: [{start_time: '10:00', end_time: '10:12'}]
        weekdays: [saturday]
  - name: shift
    time_intervals:
      - times: [{start_time: '06:00', end_time: '11:00'}]
receivers: [{name: nobody}, {name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";
const NOTHING: [&str; 0] = [];

async fn minutes_pass(story: &mut Story, minutes: u32, labels: &str) {
    for _ in 0..minutes {
        story.advance(60);
        if !labels.is_empty() {
            story.fire(labels).await;
        }
        assert_eq!(story.run().await, NOTHING, "at {}", story.now);
    }
}

#[tokio::test]
async fn what_a_muted_route_would_have_said_is_told_at_the_first_tick_after() {
    let mut story = Story::begin(QUIET).await;
    story.fire("service=sales").await;
    story.run().await;
    assert_eq!(
        story.decisions(),
        [
            r#"Route routed: route {}/{service=~".+"} groups it as {}/{service=~".+"}:{service="sales"}"#,
            "Route suppressed: muted by time interval stocktaking",
        ]
    );
    // Ticks are at 10:01, 10:06 and 10:11, and the mute ends at 10:12.
    minutes_pass(&mut story, 12, "service=sales").await;
    assert_eq!(story.decisions(), ["Route routed: no longer muted by time interval stocktaking"]);
    minutes_pass(&mut story, 3, "service=sales").await;
    story.advance(60);
    story.fire("service=sales").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
}

#[tokio::test]
async fn whoever_was_told_that_it_fires_hears_of_the_end_when_the_mute_is_over() {
    let mut story = Story::begin(QUIET).await;
    story.advance(15 * 60);
    story.fire("service=sales").await;
    story.run().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    // The shift ends at 11:00, and the alert does at 11:02; then a night passes.
    story.advance(30);
    minutes_pass(&mut story, 45, "service=sales").await;
    story.decisions();
    story.resolve("service=sales").await;
    minutes_pass(&mut story, 10, "").await;
    assert_eq!(story.table("incidents")[0]["state"], "resolved");
    story.fire("service=stock").await;
    minutes_pass(&mut story, 1, "").await;
    story.resolve("service=stock").await;
    minutes_pass(&mut story, 10, "").await;
    let decisions = story.decisions();
    assert!(
        decisions.contains(&"Send suppressed: resolved before anybody was told".to_owned()),
        "{decisions:#?}"
    );
    assert!(
        decisions.contains(&"Route suppressed: outside active time interval shift".to_owned()),
        "{decisions:#?}"
    );
    let first =
        story.table("incidents").iter().find(|row| row["group_labels"]["service"] == "sales").cloned();
    story.advance(19 * 3600);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
    let told = story.table("notifications");
    assert_eq!(told[0]["incident_id"], first.expect("an incident")["incident_id"]);
    assert_eq!(story.dispatch().await, None);
}

#[tokio::test]
async fn what_fires_again_while_the_end_waits_is_another_incident() {
    let mut story = Story::begin(QUIET).await;
    story.advance(59 * 60);
    story.fire("service=sales").await;
    story.run().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.advance(60);
    story.resolve("service=sales").await;
    minutes_pass(&mut story, 10, "").await;
    story.fire("service=sales,n=2").await;
    assert_eq!(story.run().await, NOTHING);
    let states: Vec<_> = story.table("incidents").iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["triggered", "resolved"]);
}

#[tokio::test]
async fn a_route_that_is_not_muted_speaks_for_one_of_the_same_path_that_is() {
    let both = QUIET.replace(
        "    - receiver: hook\n",
        "    - receiver: hook\n      matchers: ['service=~\".+\"']\n      group_by: [service]\n      group_wait: 30s\n      mute_time_intervals: [stocktaking]\n      continue: true\n    - receiver: hook\n",
    );
    let mut story =
        Story::begin(&both.replace("      mute_time_intervals: [stocktaking]\n      active", "      active"))
            .await;
    story.fire("service=sales").await;
    story.run().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
}
