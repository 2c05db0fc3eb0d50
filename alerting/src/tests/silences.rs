//! Silences from the outside: what is told while one lasts, and after.

use std::time::Duration;

use super::support::Story;
use crate::{Filter, Silence, SilenceDraft, SilenceError, SilenceMatcher};

const ONE: &str = "
route: {receiver: hook, group_by: [service], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";
const NOTHING: [&str; 0] = [];

impl Story {
    fn draft(&self, service: &str, minutes: u64) -> SilenceDraft {
        let service = SilenceMatcher {
            name: "service".to_owned(),
            value: service.to_owned(),
            is_regex: false,
            is_equal: true,
        };
        SilenceDraft {
            matcher_sets: vec![vec![service]],
            ends_at: self.now + Duration::from_secs(60 * minutes),
            created_by: "Anna".to_owned(),
            comment: "the conveyor is serviced".to_owned(),
            ..SilenceDraft::default()
        }
    }

    async fn silence(&self, service: &str, minutes: u64) -> String {
        self.alerting.set_silence(self.draft(service, minutes), self.now).await.expect("set")
    }

    fn silences(&self) -> Vec<Silence> {
        self.alerting.silences(&Filter::default(), self.now).expect("read")
    }
}

#[tokio::test]
async fn a_silence_mutes_the_page_but_not_the_incident() {
    let mut story = Story::begin(ONE).await;
    let id = story.silence("sales", 60).await;
    story.fire("service=sales").await;
    story.fire("service=stock").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    let decisions = story.decisions();
    let why = format!("Route suppressed: silenced by {id} (Anna: the conveyor is serviced)");
    assert_eq!(decisions.iter().filter(|said| **said == why).count(), 1, "{decisions:#?}");
    assert_eq!(story.table("incidents").len(), 2);
    let silenced = story.table("alerts").iter().filter(|row| row["silenced_by"] == id.as_str()).count();
    assert_eq!(silenced, 1);
    let row = story.table("silences").remove(0);
    assert_eq!(
        (row["state"].as_str(), row["matchers"].as_str()),
        (Some("active"), Some(r#"{service="sales"}"#))
    );
    assert_eq!((row["created_by"].as_str(), row["id"].as_str()), (Some("Anna"), Some(id.as_str())));
}

#[tokio::test]
async fn what_still_fires_when_the_silence_ends_is_told_at_the_next_tick() {
    let mut story = Story::begin(ONE).await;
    story.silence("sales", 7).await;
    for minute in 0..=10 {
        story.fire("service=sales").await;
        let arrived = story.run().await;
        // Ticks are at 0:30, 5:30 and 10:30.
        assert_eq!(arrived, NOTHING, "minute {minute}");
        story.advance(60);
    }
    story.fire("service=sales").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    let decisions = story.decisions();
    assert!(decisions.contains(&"Route routed: no longer silenced".to_owned()), "{decisions:#?}");
    assert_eq!(story.table("silences")[0]["state"], "expired");
}

#[tokio::test]
async fn ending_it_by_hand_lets_the_alert_be_told() {
    let mut story = Story::begin(ONE).await;
    let id = story.silence("sales", 600).await;
    story.fire("service=sales").await;
    story.run().await;
    story.advance(30);
    assert_eq!(story.run().await, NOTHING);
    story.alerting.expire_silence(&id, story.now).await.expect("ended");
    story.alerting.expire_silence(&id, story.now).await.expect("ended already");
    assert!(story.table("alerts")[0].get("silenced_by").is_none(), "at once, not at the next pass");
    story.advance(299);
    story.fire("service=sales").await;
    assert_eq!(story.run().await, NOTHING);
    story.advance(1);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    let error = story.alerting.expire_silence("nobody", story.now).await.expect_err("not there");
    assert!(matches!(error, SilenceError::NotFound));
}

#[tokio::test]
async fn a_silence_survives_a_restart_and_is_forgotten_five_days_after_its_end() {
    let mut story = Story::begin(ONE).await;
    let id = story.silence("sales", 60).await;
    story.restart();
    story.fire("service=sales").await;
    story.run().await;
    story.advance(30);
    assert_eq!(story.run().await, NOTHING);
    assert_eq!(
        story.alerting.silence(&id).expect("read").map(|silence| silence.created_by),
        Some("Anna".into())
    );
    story.advance(60 * 60 + 119 * 3600);
    story.dispatch().await;
    assert_eq!(story.silences().len(), 1);
    story.advance(2 * 3600);
    story.dispatch().await;
    assert_eq!(story.silences(), []);
}

#[tokio::test]
async fn an_edit_of_the_matchers_makes_another_and_ends_the_first() {
    let story = Story::begin(ONE).await;
    let first = story.silence("sales", 60).await;
    let longer =
        SilenceDraft { id: Some(first.clone()), starts_at: Some(story.now), ..story.draft("sales", 90) };
    assert_eq!(story.alerting.set_silence(longer, story.now).await.expect("edited"), first);
    let other =
        SilenceDraft { id: Some(first.clone()), starts_at: Some(story.now), ..story.draft("stock", 90) };
    let second = story.alerting.set_silence(other, story.now).await.expect("edited");
    assert_ne!(second, first);
    let states: Vec<_> =
        story.silences().into_iter().map(|found| (found.state(story.now).as_str(), found.id)).collect();
    assert_eq!(states, [("active", second), ("expired", first)]);
    // As Alertmanager reads it: the filter names matchers, and isn't matched against anything.
    for (filter, expected) in
        [(r#"service="stock""#, 1), (r#"service=~"stock""#, 0), (r#"service=~"sto.*""#, 0)]
    {
        let filter = Filter::parse(&[filter]).expect("valid");
        assert_eq!(story.alerting.silences(&filter, story.now).expect("read").len(), expected, "{filter:?}");
    }
    let gone = SilenceDraft { id: Some("gone".to_owned()), ..story.draft("sales", 1) };
    let error = story.alerting.set_silence(gone, story.now).await.expect_err("unknown");
    assert_eq!(error.to_string(), "silence not found");
}

#[tokio::test]
async fn two_silences_alike_are_two() {
    let story = Story::begin(ONE).await;
    let (one, two) = (story.silence("sales", 60).await, story.silence("sales", 60).await);
    assert_ne!(one, two);
    assert_eq!(story.silences().len(), 2);
}

#[tokio::test]
async fn whoever_was_told_that_it_fires_hears_that_it_is_over_though_it_was_silenced_since() {
    let mut story = Story::begin(ONE).await;
    story.fire("service=sales,n=1").await;
    story.dispatch().await;
    story.advance(30);
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    story.silence("sales", 600).await;
    // One that nobody was told of stays unheard, also when it ends.
    story.fire("service=sales,n=2").await;
    story.run().await;
    story.resolve("service=sales,n=1").await;
    story.resolve("service=sales,n=2").await;
    story.advance(300);
    assert_eq!(story.run().await, ["/hook resolved 1 all alerts resolved"]);
    let decisions = story.decisions();
    assert!(
        decisions.contains(&"Send suppressed: resolved before anybody was told".to_owned()),
        "{decisions:#?}"
    );
}
