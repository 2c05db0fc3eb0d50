//! What is said, when, and when nothing is.

use super::support::Story;

const ONE: &str = "
route: {receiver: hook, group_by: [service], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
inhibit_rules: [{source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [service]}]
";
const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_group_waits_speaks_once_grows_repeats_and_resolves() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales,n=1").await;
    assert_eq!(story.dispatch().await, Some(story.now + std::time::Duration::from_secs(30)));
    assert_eq!(story.run().await, NOTHING);

    story.advance(30);
    story.fire("service=sales,n=1").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    assert_eq!(story.run().await, NOTHING);

    story.advance(60);
    story.fire("service=sales,n=2").await;
    assert_eq!(story.run().await, NOTHING);
    story.advance(240);
    story.fire("service=sales,n=1").await;
    assert_eq!(story.run().await, ["/hook firing 2 new alerts added"]);

    story.resolve("service=sales,n=2").await;
    story.advance(300);
    story.fire("service=sales,n=1").await;
    assert_eq!(story.run().await, ["/hook firing 2 some alerts resolved"]);

    for _ in 0..11 {
        story.advance(300);
        story.fire("service=sales,n=1").await;
        assert_eq!(story.run().await, NOTHING);
    }
    story.advance(300);
    story.fire("service=sales,n=1").await;
    assert_eq!(story.run().await, ["/hook firing 1 repeat interval elapsed"]);

    story.resolve("service=sales,n=1").await;
    assert_eq!(story.run().await, NOTHING);
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
    assert_eq!(story.dispatch().await, None);
}

#[tokio::test]
async fn what_resolves_within_group_wait_is_never_sent_and_the_ledger_says_why() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(20);
    story.resolve("service=sales").await;
    story.advance(10);
    assert_eq!(story.run().await, NOTHING);
    let decisions = story.decisions();
    assert!(
        decisions.contains(&"Send suppressed: resolved before anybody was told".to_owned()),
        "{decisions:#?}"
    );
    assert_eq!(story.table("incidents")[0]["state"], "resolved");
}

#[tokio::test]
async fn an_alert_that_is_no_longer_stated_resolves_by_itself() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn a_page_silences_the_ticket_beside_it_and_only_while_it_fires() {
    let mut story =
        Story::begin(&ONE.replace("[service], group_wait: 30s", "[severity], group_wait: 0s")).await;
    story.fire("service=sales,severity=page").await;
    story.fire("service=sales,severity=ticket").await;
    story.fire("service=stock,severity=ticket").await;
    let mut arrived = story.run().await;
    arrived.sort();
    assert_eq!(arrived, ["/hook firing 1 first notification", "/hook firing 1 first notification"]);
    let decisions = story.decisions();
    let why = r#"Route suppressed: inhibited by {service="sales", severity="page"}"#;
    assert_eq!(decisions.iter().filter(|decision| *decision == why).count(), 1, "{decisions:#?}");

    story.resolve("service=sales,severity=page").await;
    story.advance(299);
    story.fire("service=sales,severity=ticket").await;
    story.advance(1);
    story.fire("service=stock,severity=ticket").await;
    let mut arrived = story.run().await;
    arrived.sort();
    assert_eq!(arrived, ["/hook firing 2 new alerts added", "/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn an_inhibited_group_is_silent_rather_than_resolved() {
    let mut story =
        Story::begin(&ONE.replace("[service], group_wait: 30s", "[severity], group_wait: 0s")).await;
    story.fire("service=sales,severity=ticket").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.fire("service=sales,severity=page").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.advance(299);
    story.fire("service=sales,severity=ticket").await;
    story.fire("service=sales,severity=page").await;
    story.advance(1);
    assert_eq!(story.run().await, NOTHING);
}

#[tokio::test]
async fn a_resolve_survives_the_restart() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.resolve("service=sales").await;
    story.restart();
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn group_wait_goes_on_over_a_restart() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(20);
    story.restart();
    assert_eq!(story.run().await, NOTHING);
    story.advance(10);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
}

#[tokio::test]
async fn a_long_stop_neither_resolves_nor_pages_again_what_still_fires() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.restart();
    story.advance(1200);
    assert_eq!(story.run().await, NOTHING);
    story.fire("service=sales").await;
    story.advance(299);
    story.fire("service=sales").await;
    story.advance(1);
    assert_eq!(story.run().await, NOTHING);
}

const SALES_ELSEWHERE: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, routes: [{matchers: [service=sales], receiver: other}]}
receivers:
  - {name: hook, webhook_configs: [{url: 'SINK/hook'}]}
  - {name: other, webhook_configs: [{url: 'SINK/other'}]}
";

async fn told_of_sales() -> Story {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story
}

#[tokio::test]
async fn when_the_routes_change_the_old_receiver_hears_that_it_is_over_there() {
    let moved = ["/hook resolved 0 all alerts resolved", "/other firing 1 first notification"];
    let mut restarted = told_of_sales().await;
    restarted.change_routing(SALES_ELSEWHERE);
    let mut arrived = restarted.run().await;
    arrived.sort();
    assert_eq!(arrived, moved);

    let reloaded = told_of_sales().await;
    reloaded.reload_routing(SALES_ELSEWHERE);
    let mut arrived = reloaded.run().await;
    arrived.sort();
    assert_eq!(arrived, moved);
}

#[tokio::test]
async fn a_reload_of_the_same_file_changes_nothing() {
    let mut story = told_of_sales().await;
    story.reload_routing(ONE);
    assert_eq!(story.run().await, NOTHING);
    story.advance(290);
    story.fire("service=sales").await;
    story.reload_routing(ONE);
    story.advance(10);
    assert_eq!(story.run().await, NOTHING);
    story.resolve("service=sales").await;
    story.reload_routing(ONE);
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn decisions_are_written_on_change_only() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales").await;
    story.dispatch().await;
    story.advance(30);
    story.run().await;
    assert_eq!(
        story.decisions(),
        [
            r#"Route routed: route {} groups it as {}:{service="sales"}"#,
            "Send queued: first notification",
            "Send sent: HTTP 200",
        ]
    );
    story.fire("service=sales").await;
    story.advance(5);
    story.run().await;
    assert_eq!(story.decisions(), NOTHING);
}

#[tokio::test]
async fn a_target_that_resolves_beside_its_source_is_told_of_all_the_same() {
    let mut story =
        Story::begin(&ONE.replace("[service], group_wait: 30s", "[severity], group_wait: 0s")).await;
    story.fire("service=sales,severity=ticket").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.fire("service=sales,severity=page").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.resolve("service=sales,severity=page").await;
    story.resolve("service=sales,severity=ticket").await;
    story.advance(300);
    let ended = "/hook resolved 1 all alerts resolved";
    assert_eq!(story.run().await, [ended, ended]);
}

#[tokio::test]
async fn a_told_target_that_ends_while_it_is_inhibited_is_not_left_firing() {
    let mut story =
        Story::begin(&ONE.replace("[service], group_wait: 30s", "[severity], group_wait: 0s")).await;
    story.fire("service=sales,severity=ticket").await;
    story.run().await;
    story.fire("service=sales,severity=page").await;
    story.run().await;
    story.resolve("service=sales,severity=ticket").await;
    story.advance(290);
    story.fire("service=sales,severity=page").await;
    story.advance(10);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
}

#[tokio::test]
async fn a_target_stays_inhibited_while_one_of_several_sources_fires() {
    let mut story =
        Story::begin(&ONE.replace("[service], group_wait: 30s", "[severity], group_wait: 0s")).await;
    story.fire("service=sales,severity=page,n=1").await;
    story.fire("service=sales,severity=page,n=2").await;
    story.fire("service=sales,severity=ticket").await;
    assert_eq!(story.run().await, ["/hook firing 2 first notification"]);
    story.resolve("service=sales,severity=page,n=1").await;
    story.advance(290);
    story.fire("service=sales,severity=page,n=2").await;
    story.fire("service=sales,severity=ticket").await;
    story.advance(10);
    assert_eq!(story.run().await, ["/hook firing 2 some alerts resolved"]);
    story.resolve("service=sales,severity=page,n=2").await;
    story.advance(290);
    story.fire("service=sales,severity=ticket").await;
    story.advance(10);
    let mut arrived = story.run().await;
    arrived.sort();
    assert_eq!(arrived, ["/hook firing 1 first notification", "/hook resolved 1 all alerts resolved"]);
}
