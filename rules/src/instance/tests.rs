use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn timing(hold: u64, keep: u64) -> Timing {
    Timing { hold: Duration::from_secs(hold), keep_firing: Duration::from_secs(keep) }
}

/// One character an evaluation, ten seconds apart: `x` the condition holds, `.` it does not. The answer has one
/// character each: `i`nactive, `p`ending, `F`iring, `r`esolved.
fn run(timing: Timing, script: &str) -> String {
    let labels: Labels = [("alertname", "OrdersLate")].into_iter().collect();
    let mut instance: Option<Instance> = None;
    let mut states = String::new();
    for (pass, step) in script.chars().enumerate() {
        let now = at(i64::try_from(pass).expect("short") * 10);
        if step == 'x' {
            instance.get_or_insert_with(|| Instance::begin(labels.clone(), now)).met(timing, now);
        } else if instance.as_mut().and_then(|it| it.cleared(timing, now)) == Some(Change::Dropped) {
            instance = None;
        }
        if instance.as_ref().is_some_and(|it| it.is_forgotten(now)) {
            instance = None;
        }
        states.push(match instance.as_ref().map(|it| it.state) {
            None => 'i',
            Some(State::Pending) => 'p',
            Some(State::Firing) => 'F',
            Some(State::Resolved { .. }) => 'r',
        });
    }
    states
}

#[test]
fn the_states_follow_prometheus() {
    let cases = [
        (timing(0, 0), ".xx..", "iFFrr"),
        (timing(20, 0), "xxxx..", "ppFFrr"),
        (timing(20, 0), "xx.xxx", "ppippF"),
        (timing(0, 20), "x....", "FFFrr"),
        (timing(0, 20), "x..x...", "FFFFFFr"),
        (timing(20, 0), "xxx.xxx", "ppFrppF"),
        (timing(20, 20), "xxx...x", "ppFFFrp"),
        // Unlike Prometheus, a Pending that comes to nothing does not swallow the resolve before it.
        (timing(20, 0), "xxx.xx..", "ppFrpprr"),
    ];
    for (timing, script, expected) in cases {
        assert_eq!(run(timing, script), expected, "{script} with {timing:?}");
    }
}

#[test]
fn a_resolved_instance_is_restated_for_a_quarter_of_an_hour() {
    let states = run(timing(0, 0), &format!("x{}", ".".repeat(100)));
    assert_eq!(states.matches('r').count(), 91);
    assert!(states.ends_with('i'));
}

#[test]
fn a_firing_statement_holds_for_four_intervals_and_four_minutes_at_least() {
    let mut instance = Instance::begin(Labels::default(), at(0));
    assert_eq!(instance.alert(at(0), Duration::from_secs(1), ""), None, "a Pending says nothing");
    instance.met(timing(0, 0), at(10));
    let ends = |secs| instance.alert(at(20), Duration::from_secs(secs), "").and_then(|alert| alert.ends_at);
    assert_eq!(ends(1), Some(at(20 + 240)));
    assert_eq!(ends(120), Some(at(20 + 480)));
    assert_eq!(instance.active_at, at(0));
}

#[test]
fn a_resolved_statement_says_when_it_ended_and_a_new_one_when_it_began_again() {
    let mut instance = Instance::begin(Labels::default(), at(0));
    assert_eq!(instance.met(timing(0, 0), at(0)), Some(Change::Firing));
    assert_eq!(instance.cleared(timing(0, 0), at(10)), Some(Change::Resolved));
    let alert = instance.alert(at(300), Duration::from_secs(1), "").expect("restated");
    assert!(alert.is_resolved_at(at(300)));
    assert_eq!(alert.ends_at, Some(at(10)));
    assert_eq!(instance.met(timing(0, 0), at(310)), Some(Change::Firing));
    assert_eq!(instance.active_at, at(310));
}

#[test]
fn a_resolve_is_restated_while_the_next_pending_lasts() {
    let mut instance = Instance::begin(Labels::default(), at(0));
    instance.met(timing(0, 0), at(0));
    instance.cleared(timing(0, 0), at(10));
    assert_eq!(instance.met(timing(3_600, 0), at(20)), Some(Change::Pending));
    let ends = |instance: &Instance, now| {
        instance.alert(now, Duration::from_secs(1), "").map(|alert| (alert.starts_at, alert.ends_at))
    };
    assert_eq!(ends(&instance, at(20)), Some((at(0), Some(at(10)))));
    assert_eq!(ends(&instance, at(1_000)), None, "everybody has heard of it");
    assert_eq!(instance.met(timing(60, 0), at(100)), Some(Change::Firing));
    assert_eq!(ends(&instance, at(100)), Some((at(20), Some(at(340)))));
}
