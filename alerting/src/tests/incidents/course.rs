//! Steps, rounds and timers, as messages that arrive.

use super::{NOTHING, ROUTING, Story, THREE_STEPS};
use crate::IncidentAction;

const SALES: &str = "service=sales,severity=page";

#[tokio::test]
async fn the_steps_follow_the_groups_first_notification_until_everybody_was_told() {
    let mut story = Story::begin_escalated(ROUTING, THREE_STEPS).await;
    assert_eq!(story.minute(&[SALES]).await, NOTHING, "group_wait holds the first step too");
    story.advance(30);
    assert_eq!(story.minute(&[SALES]).await, ["10:00 /on-call firing 1 first notification"]);
    assert!(story.decisions().iter().any(|said| said.starts_with("Route duplicate_suppressed")));
    assert_eq!(
        story.pass_minutes(30, &[SALES]).await,
        ["10:10 /anna firing 1 escalated", "10:15 /ben firing 1 escalated", "10:15 /boss firing 1 escalated"]
    );
    let decisions = story.decisions();
    let why = "Send escalated: escalated: step 3 of 3, nobody acknowledged since 2026-11-21T10:00:30.000Z";
    assert_eq!(decisions.iter().filter(|said| *said == why).count(), 2, "{decisions:#?}");
    let incident = story.incident();
    assert_eq!((&incident["state"], &incident["urgency"]), (&"triggered".into(), &"high".into()));
    assert_eq!((&incident["step"], &incident["round"]), (&3.into(), &1.into()));

    story.resolve(SALES).await;
    assert_eq!(
        story.pass_minutes(2, &[]).await,
        [
            "10:31 /anna resolved 1 all alerts resolved",
            "10:31 /ben resolved 1 all alerts resolved",
            "10:31 /on-call resolved 1 all alerts resolved",
        ],
        "the boss wants no resolves"
    );
    assert_eq!(story.pass_minutes(60, &[]).await, NOTHING);
    assert!(story.incident()["next_step_at"].is_null());
}

#[tokio::test]
async fn without_the_file_nobody_else_is_told() {
    let mut story = Story::begin(ROUTING).await;
    story.minute(&[SALES]).await;
    let arrived = story.pass_minutes(62, &[SALES]).await;
    assert_eq!(
        arrived,
        ["10:01 /on-call firing 1 first notification", "11:01 /on-call firing 1 repeat interval elapsed"]
    );
    assert!(story.incident()["urgency"].is_null());
}

#[tokio::test]
async fn a_restart_after_every_single_step_loses_none_and_doubles_none() {
    let mut story = Story::begin_escalated(ROUTING, THREE_STEPS).await;
    let mut arrived = Vec::new();
    for _ in 0..40 {
        story.fire(SALES).await;
        story.restart();
        story.dispatch().await;
        story.restart();
        story.deliver().await;
        story.restart();
        arrived.extend(story.arrived());
        story.advance(30);
    }
    arrived.sort();
    assert_eq!(
        arrived,
        [
            "/anna firing 1 escalated",
            "/ben firing 1 escalated",
            "/boss firing 1 escalated",
            "/on-call firing 1 first notification",
        ]
    );
}

#[tokio::test]
async fn rounds_repeat_and_renotify_reminds_those_who_were_told_last() {
    let file = "
receivers:
  on-call:
    steps: [{receivers: [anna]}, {receivers: [ben], delay: 4m}]
    repeat: 1
    repeat_after: 6m
    renotify: 3m
";
    let routing = ROUTING.replace("group_wait: 30s", "group_wait: 0s");
    let mut story = Story::begin_escalated(&routing, file).await;
    let mut arrived = story.minute(&[SALES]).await;
    arrived.extend(story.pass_minutes(19, &[SALES]).await);
    assert_eq!(
        arrived,
        [
            "10:00 /anna firing 1 first notification",
            "10:00 /on-call firing 1 first notification",
            "10:03 /anna firing 1 not acknowledged",
            "10:04 /ben firing 1 escalated",
            "10:07 /ben firing 1 not acknowledged",
            "10:10 /anna firing 1 escalated",
            "10:13 /anna firing 1 not acknowledged",
            "10:14 /ben firing 1 escalated",
            "10:17 /ben firing 1 not acknowledged",
        ]
    );
}

#[tokio::test]
async fn a_schedule_tells_whoever_is_on_call_then_and_a_step_without_anybody_does_not_wait() {
    let file = "
receivers:
  on-call:
    steps: [{schedule: empty}, {schedule: shifts, delay: 5m}, {schedule: shifts, delay: 30m}]
schedules:
  empty: {time_zone: UTC, rotation: daily, start: 2030-01-01, participants: [boss]}
  shifts: {time_zone: Europe/Berlin, rotation: hourly, start: 2026-11-01, participants: [anna, ben]}
";
    let routing = ROUTING.replace("group_wait: 30s", "group_wait: 0s");
    let mut story = Story::begin_escalated(&routing, file).await;
    let mut arrived = story.minute(&[SALES]).await;
    let decisions = story.decisions();
    let why = "Route no_notification_sent: step 1: nobody is on call in schedule empty";
    assert!(decisions.contains(&why.to_owned()), "{decisions:#?}");
    arrived.extend(story.pass_minutes(60, &[SALES]).await);
    assert_eq!(
        arrived,
        [
            "10:00 /on-call firing 1 first notification",
            "10:00 /ben firing 1 first notification",
            "10:30 /ben firing 1 escalated",
            "11:00 /on-call firing 1 repeat interval elapsed",
        ]
        .map(|line| line.to_owned())
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn rounds_wait_for_somebody_to_come_on_call() {
    let file = "
receivers: {on-call: {steps: [{schedule: late}], repeat: 2, repeat_after: 20m}}
schedules: {late: {time_zone: UTC, rotation: daily, start: 2026-11-21T10:30, participants: [anna]}}
";
    let mut story = Story::begin_escalated(&ROUTING.replace("group_wait: 30s", "group_wait: 0s"), file).await;
    story.minute(&[SALES]).await;
    assert_eq!(story.pass_minutes(50, &[SALES]).await, ["10:40 /anna firing 1 escalated"]);
    let silent = story.decisions().into_iter().filter(|said| said.contains("nobody is on call")).count();
    assert_eq!(silent, 2, "at the first and at the second round");
}

#[tokio::test]
async fn a_warning_and_what_stops_the_warehouse_reach_different_people_and_one_may_become_the_other() {
    let file = "
receivers:
  on-call:
    steps: [{receivers: [anna]}, {receivers: [boss], delay: 5m}]
    low_urgency_steps: [{receivers: [tickets]}]
    urgency: [{when: {severity: page}, is: high}, {is: low}]
";
    let routing = ROUTING.replace("group_wait: 30s", "group_wait: 0s");
    let mut story = Story::begin_escalated(&routing, file).await;
    let warning = "service=sales,severity=warning";
    let mut arrived = story.minute(&[warning]).await;
    arrived.extend(story.pass_minutes(20, &[warning]).await);
    assert_eq!(
        arrived,
        ["10:00 /on-call firing 1 first notification", "10:00 /tickets firing 1 first notification"]
    );
    assert_eq!(story.incident()["urgency"], "low");
    story.act(IncidentAction::Acknowledge).await;

    assert_eq!(
        story.pass_minutes(6, &[warning, SALES]).await,
        [
            "10:21 /anna firing 2 escalated",
            "10:21 /on-call firing 2 new alerts added",
            "10:26 /boss firing 2 escalated",
        ],
        "what somebody has in hand as a warning is not in hand as a page"
    );
    let incident = story.incident();
    assert_eq!((&incident["urgency"], &incident["state"]), (&"high".into(), &"triggered".into()));
    // It doesn't become less again.
    story.resolve(SALES).await;
    story.pass_minutes(3, &[warning]).await;
    assert_eq!(story.incident()["urgency"], "high");
}

#[tokio::test]
async fn while_everything_is_silenced_nobody_is_told_and_afterwards_it_goes_on() {
    let routing = format!(
        "{}inhibit_rules: [{{source_matchers: [severity=outage], target_matchers: [severity=page]}}]\n",
        ROUTING.replace("group_wait: 30s", "group_wait: 0s")
    );
    let mut story = Story::begin_escalated(&routing, THREE_STEPS).await;
    story.minute(&[SALES]).await;
    let outage = "service=power,severity=outage";
    let arrived = story.pass_minutes(15, &[SALES, outage]).await;
    assert_eq!(
        arrived.iter().filter(|line| line.contains("escalated")).count(),
        1,
        "of the outage: {arrived:#?}"
    );
    story.resolve(outage).await;
    let arrived = story.pass_minutes(1, &[SALES]).await;
    assert!(arrived.contains(&"10:16 /anna firing 1 escalated".to_owned()), "{arrived:#?}");
}

#[tokio::test]
async fn auto_resolve_closes_what_still_fires_and_another_alert_opens_another_incident() {
    let file = format!("{THREE_STEPS}    auto_resolve: 12m\n");
    let routing = ROUTING.replace("group_wait: 30s", "group_wait: 0s");
    let mut story = Story::begin_escalated(&routing, &file).await;
    story.minute(&[SALES]).await;
    assert_eq!(story.pass_minutes(30, &[SALES]).await, ["10:10 /anna firing 1 escalated"]);
    let (first, incident) = (story.incident_id(), story.incident());
    assert_eq!(
        (&incident["state"], &incident["resolved_at"]),
        (&"resolved".into(), &"2026-11-21T10:12:00Z".into())
    );

    let arrived = story.pass_minutes(1, &[SALES, "service=sales,severity=page,n=2"]).await;
    assert_eq!(arrived, ["10:31 /on-call firing 2 new alerts added"]);
    assert_ne!(story.incident_id(), first);
    assert_eq!(story.incident()["state"], "triggered");
    assert_eq!(
        story.pass_minutes(10, &[SALES, "service=sales,severity=page,n=2"]).await,
        ["10:41 /anna firing 2 escalated"]
    );

    story.resolve(SALES).await;
    story.resolve("service=sales,severity=page,n=2").await;
    assert_eq!(
        story.pass_minutes(1, &[]).await,
        ["10:42 /anna resolved 2 all alerts resolved", "10:42 /on-call resolved 2 all alerts resolved"],
        "the end is told once, of both"
    );
}
