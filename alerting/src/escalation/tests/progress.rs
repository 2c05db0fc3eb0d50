//! The state machine by itself, on moments that the test picks.

use std::time::Duration;

use plimsoll_model::Timestamp;
use proptest::prelude::*;

use crate::escalation::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_secs(minutes * 60)
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Three steps after 0, 10 and 5 minutes, once more 15 minutes after the last.
fn policy() -> Policy {
    let step =
        |name: &str, delay| Step { targets: vec![Target::Receiver(name.to_owned())], delay: minutes(delay) };
    Policy {
        steps: vec![step("a", 0), step("b", 10), step("c", 5)],
        repeat: 1,
        repeat_after: minutes(15),
        ..Policy::default()
    }
}

/// Everything that happens until `end`, when each thing is done at the minute it is due: `10 step b`.
fn course(policy: &Policy, progress: &mut Progress, from: i64, end: i64) -> Vec<String> {
    let mut done = Vec::new();
    for minute in from..=end {
        while let Some(due) = progress.due(at(minute)) {
            done.push(format!("{minute} {}", act(policy, progress, due, at(minute))));
            if due == Due::Resolve {
                return done;
            }
        }
    }
    done
}

fn act(policy: &Policy, progress: &mut Progress, due: Due, now: Timestamp) -> String {
    match due {
        Due::Resolve => "resolve".to_owned(),
        Due::AckTimeout => {
            progress.triggered_again(policy, now);
            "triggered again".to_owned()
        }
        Due::Step => {
            let step = progress.go_on(policy, now).expect("there is a step");
            let steps = policy.steps(progress.urgency);
            let Target::Receiver(name) = &steps[step].targets[0] else { panic!("a receiver") };
            format!("step {name}")
        }
        Due::Renotify => {
            progress.renotified(policy, now);
            "again".to_owned()
        }
    }
}

fn begun(policy: &Policy) -> Progress {
    Progress::begun(policy, Urgency::High, at(0))
}

#[test]
fn each_delay_counts_from_the_step_before_and_the_rounds_follow_each_other() {
    let policy = policy();
    let mut progress = begun(&policy);
    let course = course(&policy, &mut progress, 0, 1_000);
    assert_eq!(course, ["0 step a", "10 step b", "15 step c", "30 step a", "40 step b", "45 step c"]);
    assert_eq!(progress.next(), None);
}

#[test]
fn an_acknowledgement_stops_everything_until_it_is_too_old() {
    let policy = Policy { ack_timeout: Some(minutes(60)), renotify: Some(minutes(3)), ..policy() };
    let mut progress = begun(&policy);
    assert_eq!(
        course(&policy, &mut progress, 0, 11),
        ["0 step a", "3 again", "6 again", "9 again", "10 step b"]
    );
    progress.acknowledged(Some(&policy), at(11));
    assert_eq!(course(&policy, &mut progress, 11, 70), [""; 0]);
    assert_eq!(
        course(&policy, &mut progress, 71, 76),
        ["71 triggered again", "71 step b", "74 again", "76 step c"]
    );
    assert_eq!(progress.triggered_at, at(71));
}

#[test]
fn renotify_goes_on_after_the_last_step_and_auto_resolve_ends_it() {
    let policy =
        Policy { repeat: 0, renotify: Some(minutes(20)), auto_resolve: Some(minutes(60)), ..policy() };
    let mut progress = begun(&policy);
    assert_eq!(
        course(&policy, &mut progress, 0, 100),
        ["0 step a", "10 step b", "15 step c", "35 again", "55 again", "60 resolve"]
    );
}

#[test]
fn what_became_urgent_begins_anew_and_does_not_live_longer_for_it() {
    let policy = Policy { auto_resolve: Some(minutes(60)), ..policy() };
    let mut progress = Progress::begun(&policy, Urgency::Low, at(0));
    assert_eq!(progress.due(at(5)), None, "low urgency has no steps here");
    progress.acknowledged(Some(&policy), at(5));
    progress.became_urgent(&policy, at(20));
    assert_eq!(course(&policy, &mut progress, 20, 30), ["20 step a", "30 step b"]);
    assert_eq!(progress.resolve_at, Some(at(60)));
}

#[test]
fn a_clock_that_jumps_ahead_makes_one_step_due_and_one_set_back_delays_nobody() {
    let policy = policy();
    let mut ahead = begun(&policy);
    assert_eq!(course(&policy, &mut ahead, 0, 0), ["0 step a"]);
    assert_eq!(course(&policy, &mut ahead, 600, 606), ["600 step b", "605 step c"]);

    let mut back = Progress::begun(&policy, Urgency::High, at(600));
    assert_eq!(course(&policy, &mut back, 600, 600), ["600 step a"]);
    back.hold_to(&policy, at(0));
    assert_eq!(course(&policy, &mut back, 0, 15), ["10 step b", "15 step c"]);
}

proptest! {
    /// However the clock jumps and whenever the file is held to: steps come in order, none twice, none lost, and none
    /// sooner after the one before than its delay on the clock that was seen.
    #[test]
    fn no_step_is_lost_or_doubled(jumps in prop::collection::vec(-30..40_i64, 1..200)) {
        let policy = policy();
        let mut progress = begun(&policy);
        let mut now = 0;
        let mut told = Vec::new();
        for jump in jumps.into_iter().chain([1; 400]) {
            now += jump;
            progress.hold_to(&policy, at(now));
            if let Some(due) = progress.due(at(now)) {
                told.push(act(&policy, &mut progress, due, at(now)));
            }
        }
        prop_assert_eq!(told, ["step a", "step b", "step c", "step a", "step b", "step c"]);
    }
}
