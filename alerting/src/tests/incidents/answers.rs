//! What people answer: acknowledge, take back, resolve, note; by the API and by the link of a message.

use std::time::Duration;

use super::{NOTHING, ROUTING, Story, THREE_STEPS};
use crate::{Acted, IncidentAction, LinkState};

const SALES: &str = "service=sales,severity=page";
const NOW: &str = "group_wait: 0s";

#[tokio::test]
async fn an_acknowledgement_stops_the_steps_and_the_repeats_and_the_end_is_told_all_the_same() {
    let routing = ROUTING.replace("group_wait: 30s", NOW);
    let mut story = Story::begin_escalated(&routing, THREE_STEPS).await;
    story.minute(&[SALES]).await;
    assert_eq!(story.pass_minutes(12, &[SALES]).await, ["10:10 /anna firing 1 escalated"]);
    assert_eq!(story.act(IncidentAction::Acknowledge).await, Acted::Done);
    let decisions = story.decisions();
    assert!(
        decisions.contains(&"Route acknowledged: acknowledged by ben (api)".to_owned()),
        "{decisions:#?}"
    );
    let incident = story.incident();
    assert_eq!((&incident["state"], &incident["acknowledged_by"]), (&"acknowledged".into(), &"ben".into()));
    assert_eq!(incident["acknowledged_at"], "2026-11-21T10:12:00Z");

    assert_eq!(story.pass_minutes(120, &[SALES]).await, NOTHING, "neither steps nor repeats");
    let decisions = story.decisions();
    let why = "Send suppressed: acknowledged by ben: it is not told again";
    assert!((1..=3).contains(&decisions.iter().filter(|said| *said == why).count()), "{decisions:#?}");

    story.resolve(SALES).await;
    assert_eq!(
        story.pass_minutes(1, &[]).await,
        ["12:13 /anna resolved 1 all alerts resolved", "12:13 /on-call resolved 1 all alerts resolved"]
    );
    assert_eq!(story.incident()["state"], "resolved");
}

#[tokio::test]
async fn an_alert_that_joins_what_is_acknowledged_is_told_by_the_route_and_escalates_nothing() {
    let routing = ROUTING.replace("group_wait: 30s", NOW);
    let mut story = Story::begin_escalated(&routing, THREE_STEPS).await;
    story.minute(&[SALES]).await;
    story.act(IncidentAction::Acknowledge).await;
    let two = [SALES, "service=sales,severity=page,n=2"];
    assert_eq!(story.pass_minutes(60, &two).await, ["10:01 /on-call firing 2 new alerts added"]);
    assert_eq!(story.incident()["state"], "acknowledged");
    assert_eq!(story.table("incidents").len(), 1);
}

#[tokio::test]
async fn an_acknowledgement_that_is_too_old_triggers_again_even_over_a_restart() {
    let file = format!("{THREE_STEPS}    ack_timeout: 30m\n");
    let routing = ROUTING.replace("group_wait: 30s", NOW);
    let mut story = Story::begin_escalated(&routing, &file).await;
    story.minute(&[SALES]).await;
    story.pass_minutes(11, &[SALES]).await;
    story.act(IncidentAction::Acknowledge).await;
    story.restart();
    assert_eq!(story.pass_minutes(29, &[SALES]).await, NOTHING);
    assert_eq!(
        story.pass_minutes(6, &[SALES]).await,
        [
            "10:41 /anna firing 1 acknowledgement timed out",
            "10:46 /ben firing 1 escalated",
            "10:46 /boss firing 1 escalated",
        ]
    );
    let incident = story.incident();
    assert_eq!(incident["state"], "triggered");
    assert!(incident["acknowledged_by"].is_null());
}

#[tokio::test]
async fn what_is_acknowledged_within_group_wait_escalates_nothing_until_that_is_too_old() {
    let file = format!("{THREE_STEPS}    ack_timeout: 30m\n");
    let mut story = Story::begin_escalated(ROUTING, &file).await;
    story.minute(&[SALES]).await;
    story.act(IncidentAction::Acknowledge).await;
    assert_eq!(
        story.pass_minutes(42, &[SALES]).await,
        [
            "10:01 /on-call firing 1 first notification",
            "10:31 /on-call firing 1 acknowledgement timed out",
            "10:41 /anna firing 1 escalated",
        ]
    );
}

#[tokio::test]
async fn what_is_taken_back_is_told_again_and_what_makes_no_sense_is_refused() {
    let routing = ROUTING.replace("group_wait: 30s", NOW);
    let mut story = Story::begin_escalated(&routing, THREE_STEPS).await;
    story.minute(&[SALES]).await;
    let refused = |why: &str| Acted::Refused(why.to_owned());
    assert_eq!(
        story.act(IncidentAction::Unacknowledge).await,
        refused("nobody has acknowledged the incident")
    );
    story.pass_minutes(10, &[SALES]).await;
    story.act(IncidentAction::Acknowledge).await;
    story.advance(60);
    assert_eq!(story.act(IncidentAction::Unacknowledge).await, Acted::Done);
    assert_eq!(story.minute(&[SALES]).await, ["10:11 /anna firing 1 escalated"]);

    let note = |text: &str| IncidentAction::Note(text.to_owned());
    assert_eq!(story.act(note(" \r\n")).await, refused("the note is empty"));
    assert_eq!(story.act(note("called\u{7} the carrier")).await, Acted::Done);
    assert_eq!(story.incident()["notes"], "2026-11-21T10:11:00.000Z ben: called the carrier");

    assert_eq!(story.act(IncidentAction::Resolve).await, Acted::Done);
    assert_eq!(story.act(IncidentAction::Acknowledge).await, refused("the incident is resolved"));
    assert_eq!(story.pass_minutes(30, &[SALES]).await, NOTHING);
    let nobody = story.alerting.act_on_incident(
        "INC-1",
        IncidentAction::Resolve,
        crate::Actor::new("ben", crate::Way::Cli),
        story.now,
    );
    assert_eq!(nobody.await.expect("answers"), Acted::NotFound);

    let audit: Vec<String> = story
        .table("audit")
        .iter()
        .rev()
        .map(|row| {
            [&row["actor"], &row["way"], &row["action"]].map(|cell| cell.as_str().unwrap_or("?")).join(" ")
        })
        .collect();
    assert_eq!(audit, ["ben api acknowledge", "ben api unacknowledge", "ben api note", "ben api resolve"]);
    let detail = story.alerting.incident(&story.incident_id()).expect("answers").expect("there is one");
    assert_eq!(detail.audit.len(), 4);
    assert_eq!(detail.told.len(), 2);
    assert_eq!(detail.incident["opened_at"], "2026-11-21T10:00:00.000Z");
    assert!(story.alerting.incident("INC-1").expect("answers").is_none());
}

/// Mail, so that there is somebody to click; nothing listens at that port, and the link is the same at every try.
const MAIL: &str = "
global: {smtp_smarthost: '127.0.0.1:1', smtp_from: plimsoll@example.org}
route: {receiver: on-call, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers:
  - {name: on-call, email_configs: [{to: on-call@example.org}], webhook_configs: [{url: 'SINK/on-call'}]}
";

/// The tokens of all links in what was sent, or tried.
async fn tokens(story: &Story) -> Vec<String> {
    let texts = story.deliver().await.0.into_iter().map(|delivery| delivery.text);
    let links = texts.flat_map(|text| {
        let words: Vec<_> = text
            .split_whitespace()
            .filter_map(|word| word.split_once("/i/"))
            .map(|(_, token)| token.to_owned())
            .collect();
        words
    });
    links.collect()
}

#[tokio::test]
async fn a_link_shows_and_changes_nothing_until_it_is_confirmed_and_works_once() {
    let mut story = Story::begin(MAIL).await;
    story.fire(SALES).await;
    story.dispatch().await;
    let found = tokens(&story).await;
    let [token] = found.as_slice() else { panic!("one link, in the mail only: {found:?}") };
    story.advance(1);
    assert_eq!(tokens(&story).await, std::slice::from_ref(token), "a retry has the same link");

    for _ in 0..3 {
        let LinkState::Open { incident } = story.alerting.link(token, story.now).await.expect("answers")
        else {
            panic!("it is open")
        };
        assert_eq!((incident.receiver.as_str(), incident.state.as_str()), ("on-call", "triggered"));
    }
    assert_eq!(story.incident()["state"], "triggered", "looking changes nothing");
    story.restart();

    let used = story.alerting.use_link(token, story.now).await.expect("answers");
    assert!(matches!(used, LinkState::Open { incident } if incident.state.as_str() == "acknowledged"));
    assert_eq!(story.incident()["acknowledged_by"], "on-call");
    assert_eq!(story.table("audit")[0]["way"], "link");

    story.act(IncidentAction::Unacknowledge).await;
    let again = story.alerting.use_link(token, story.now).await.expect("answers");
    assert!(matches!(again, LinkState::Used { .. }), "{again:?}");
    assert_eq!(story.incident()["state"], "triggered");
}

#[tokio::test]
async fn a_link_ends_after_a_week_and_with_its_incident_and_a_forged_one_leads_nowhere() {
    let mut story = Story::begin(MAIL).await;
    story.fire(SALES).await;
    story.dispatch().await;
    let token = tokens(&story).await.remove(0);
    let week = Duration::from_secs(7 * 86_400);
    let at = |now| story.alerting.use_link(&token, now);
    assert_eq!(at(story.now + week).await.expect("answers"), LinkState::Unknown);
    let forged = format!("{}{}", "0".repeat(32), token.get(32..).expect("ASCII"));
    for text in [forged.as_str(), "x", ""] {
        assert_eq!(story.alerting.use_link(text, story.now).await.expect("answers"), LinkState::Unknown);
    }
    assert_eq!(story.incident()["state"], "triggered");
    story.resolve(SALES).await;
    story.advance(60);
    story.dispatch().await;
    let spent = story.alerting.use_link(&token, story.now).await.expect("answers");
    assert!(matches!(spent, LinkState::Used { .. }), "{spent:?}");
}
