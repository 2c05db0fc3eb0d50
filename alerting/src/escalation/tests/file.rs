//! The file: what it says, and what is refused with which words.

use std::collections::BTreeMap;
use std::path::Path;

use plimsoll_model::{Alert, Labels, Timestamp};

use crate::escalation::*;
use crate::merge::StoredAlert;
use crate::schedule::Intervals;

const FILE: &str = "\
receivers:
  on-call:
    steps:
      - receivers: [on-call]
      - schedule: warehouse
        delay: 10m
      - receivers: [boss, ben]
        delay: 15m
    low_urgency_steps:
      - receivers: [tickets]
    repeat: 2
    ack_timeout: 30m
    renotify: 5m
    auto_resolve: 1d
    urgency:
      - when: {severity: page, min_impact: {impact_orders: 10}, during: office}
        is: high
      - when: {severity: [page, ticket], outside: holidays}
        is: low
schedules:
  warehouse:
    time_zone: Europe/Berlin
    rotation: weekly
    start: 2026-01-05
    handoff: '09:00'
    participants: [anna, ben]
    restrictions: [office]
    overrides:
      - {start: 2026-12-24T08:00, end: '2026-12-27 08:00', participant: boss}
  layered:
    time_zone: UTC
    layers:
      - {rotation: daily, start: 2026-01-05T08:00, participants: [anna]}
      - {rotation: hourly, every: 12, start: 2026-01-05, participants: [ben, anna]}
";

fn load(text: &str) -> (Option<Escalations>, Vec<String>) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let known = Known {
        receivers: names(&["on-call", "boss", "anna", "ben", "tickets"]),
        time_intervals: names(&["office"]),
    };
    let (loaded, findings) = Escalations::parse(text, Path::new("escalation.yml"), &known);
    (loaded, findings.iter().map(ToString::to_string).collect())
}

#[test]
fn a_whole_file_is_read_as_it_is_written() {
    let (loaded, findings) = load(FILE);
    assert_eq!(findings, [""; 0]);
    let loaded = loaded.expect("valid");
    let policy = loaded.policy("on-call").expect("a policy");
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let delays: Vec<_> = policy.steps(Urgency::High).iter().map(|step| step.delay).collect();
    assert_eq!(delays, [minutes(0), minutes(10), minutes(15)]);
    assert_eq!(policy.steps(Urgency::High)[1].targets, [Target::Schedule("warehouse".to_owned())]);
    assert_eq!(policy.steps(Urgency::Low)[0].targets, [Target::Receiver("tickets".to_owned())]);
    assert_eq!((policy.repeat, policy.repeat_after), (2, minutes(15)), "as long as the last step waited");
    assert!(loaded.policy("boss").is_none());

    let schedule = loaded.schedule("warehouse").expect("a schedule");
    let on_call = |text| {
        let at = Timestamp::parse_rfc3339(text).expect("a moment");
        schedule.on_call(at, &Always).map(|(name, _)| name)
    };
    assert_eq!(on_call("2026-01-05T07:59:59Z"), None);
    assert_eq!(on_call("2026-01-05T08:00:00Z"), Some("anna"), "09:00 in Berlin");
    assert_eq!(on_call("2026-01-12T08:00:00Z"), Some("ben"));
    assert_eq!(on_call("2026-12-24T07:00:00Z"), Some("boss"));
    assert_eq!(loaded.schedule("layered").expect("a schedule").layers.len(), 2);
    let intervals = ["office".to_owned()].into();
    assert_eq!(loaded.calendars(&intervals).collect::<Vec<_>>(), ["holidays"]);
}

#[derive(Debug)]
struct Always;

impl Intervals for Always {
    fn hold(&self, _name: &str, _at: Timestamp) -> bool {
        true
    }
}

#[test]
fn an_empty_file_is_no_escalation() {
    assert_eq!(load("{}").0, Some(Escalations::default()));
}

/// `from` in the good file becomes `to`; the first finding says so.
#[track_caller]
fn refused(from: &str, to: &str, finding: &str) {
    assert!(FILE.contains(from), "{from} is not in the file");
    let (loaded, findings) = load(&FILE.replacen(from, to, 1));
    assert!(loaded.is_none(), "{to} is taken");
    assert!(findings.iter().any(|said| said.contains(finding)), "{to}: {findings:#?}");
}

#[test]
fn what_is_wrong_is_refused_with_its_line_and_a_cure() {
    refused(
        "repeat: 2",
        "repeats: 2",
        "escalation.yml:11: unknown key `repeats`: remove it, or use one of steps",
    );
    refused(
        "  on-call:\n",
        "  nobody:\n",
        "undefined receiver `nobody`: define it, or use one of anna, ben, boss",
    );
    refused("[boss, ben]", "[boss, bob]", "escalation.yml:7: undefined receiver `bob`");
    refused(
        "schedule: warehouse",
        "schedule: shop",
        "escalation.yml:5: undefined schedule `shop`: define it, or use one of layered, warehouse",
    );
    refused(
        "        delay: 10m\n",
        "",
        "escalation.yml:5: a step after the first needs a `delay`, counted from the step before",
    );
    refused(
        "- receivers: [on-call]",
        "- {receivers: [on-call], delay: 5m}",
        "escalation.yml:4: the first step is told with the group's first notification",
    );
    refused("- receivers: [on-call]", "- delay: 0s", "escalation.yml:4: a step tells nobody");
    refused("delay: 15m", "delay: soon", "`soon` is not a duration: write it like 30s, 5m or 1h30m");
    refused("renotify: 5m", "renotify: 0s", "`renotify` is out of range: 1s to 90d");
    refused("repeat: 2", "repeat: 99", "`repeat` is at most 9");
    refused("        is: low", "        is: high", "low_urgency_steps are never gone");
    refused("impact_orders: 10", "orders: 10", "min_impact names `orders`");
    refused("    time_zone: Europe/Berlin\n", "", "a schedule has no `time_zone`");
    refused("Europe/Berlin", "Europe/Atlantis", "`Europe/Atlantis` is not a time zone");
    refused("handoff: '09:00'", "handoff: '9 am'", "`handoff` is not a time of the day");
    refused("start: 2026-01-05\n", "start: monday\n", "`start` is not a day: write it like 2026-01-05");
    refused("restrictions: [office]", "restrictions: [nights]", "undefined time interval `nights`");
    refused("participants: [anna, ben]", "participants: []", "a rotation has 1 to 500 `participants`");
    refused("end: '2026-12-27 08:00'", "end: 2026-12-01T08:00", "an override ends before it begins");
    refused("every: 12", "every: 0", "`every` is how many hours, days, weeks or months a turn has");
    refused("rotation: weekly", "rotation: yearly", "escalation.yml:23");
}

#[test]
fn a_repeat_of_a_single_step_has_to_say_when() {
    let one = "receivers: {on-call: {steps: [{receivers: [boss]}], repeat: 1}}";
    assert!(load(one).1[0].contains("`repeat` needs to know when: add repeat_after"));
    assert!(load(&one.replace("repeat: 1", "repeat: 1, repeat_after: 5m")).0.is_some());
}

fn alert(labels: &str, orders: &str) -> StoredAlert {
    let labels: Labels = labels.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let annotations: BTreeMap<_, _> = [("impact_orders".to_owned(), orders.to_owned())].into();
    let starts_at = Timestamp::from_secs(0);
    let generator_url = String::new();
    let alert = Alert { labels, annotations, starts_at, ends_at: None, generator_url };
    StoredAlert {
        fingerprint: alert.fingerprint().to_string(),
        ends_at: starts_at,
        updated_at: starts_at,
        is_resolved: false,
        inhibited_by: None,
        silenced_by: Vec::new(),
        incident_id: None,
        ends_by_timeout: false,
        alert,
    }
}

/// Names that hold now.
#[derive(Debug)]
struct Open(&'static [&'static str]);

impl Hours for Open {
    fn hold(&self, name: &str, _labels: &Labels, _at: Timestamp) -> bool {
        self.0.contains(&name)
    }
}

#[test]
fn urgency_is_the_first_rule_that_one_firing_alert_meets_whole() {
    let loaded = load(FILE).0.expect("valid");
    let rules = &loaded.policy("on-call").expect("a policy").urgency;
    let urgency = |alerts: &[StoredAlert], open| {
        let alerts: Vec<_> = alerts.iter().collect();
        Urgency::of(rules, &alerts, &Open(open), Timestamp::from_secs(0))
    };
    let (large, small) = (alert("severity=page", "10"), alert("severity=page", "9.5"));
    assert_eq!(urgency(std::slice::from_ref(&large), &["office"]), Urgency::High);
    assert_eq!(urgency(std::slice::from_ref(&small), &["office"]), Urgency::Low);
    assert_eq!(urgency(&[small.clone(), large.clone()], &["office"]), Urgency::High);
    assert_eq!(urgency(std::slice::from_ref(&large), &[]), Urgency::Low, "the office is closed");
    assert_eq!(urgency(std::slice::from_ref(&small), &["holidays"]), Urgency::High, "no rule holds");
    assert_eq!(urgency(&[alert("severity=info", "99")], &["office"]), Urgency::High, "no rule holds");
    assert_eq!(urgency(&[alert("severity=page", "many")], &["office"]), Urgency::Low, "no number");
    // A ticket with impact is not a page with impact: no alert meets the first rule whole.
    assert_eq!(urgency(&[alert("severity=ticket", "50"), small], &["office"]), Urgency::Low);
}

/// The example of the manual, with the routing file beside it, as a site would copy both.
#[test]
fn the_example_of_the_manual_is_valid_and_means_what_it_says() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alerting.md");
    let manual = std::fs::read_to_string(manual).expect("the manual is there");
    let block = |first_line: &str| {
        let begin = format!("```yaml\n{first_line}\n");
        let (_, rest) = manual.split_once(&begin).expect("the manual has the block");
        rest.split_once("```").expect("it ends").0.to_owned()
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, block(&format!("# {name}"))).expect("written");
        path
    };
    let config = crate::Config {
        file: write("alertmanager.yml"),
        escalation: Some(write("escalation.yml")),
        ..crate::Config::default()
    };
    let (routing, findings) = crate::Routing::load(&config);
    assert_eq!(findings, []);
    let routing = std::sync::Arc::new(routing.expect("valid"));
    assert!(routing.calendars().is_empty(), "warehouse-hours is a time interval");
    let schedule = routing.escalations.schedule("warehouse").expect("a schedule");
    let clocks = Clocks { routing: std::sync::Arc::clone(&routing), business: None };
    let on_call = |text| {
        let at = Timestamp::parse_rfc3339(text).expect("a moment");
        schedule.on_call(at, &clocks).map(|(name, _)| name)
    };
    assert_eq!(on_call("2026-11-23T10:00:00Z"), Some("shift-lead"), "Monday, open");
    assert_eq!(on_call("2026-11-22T10:00:00Z"), Some("ben"), "Sunday, closed");
    assert_eq!(on_call("2026-11-24T02:00:00Z"), Some("anna"), "the week after");
    assert_eq!(on_call("2026-12-24T10:00:00Z"), Some("ben"), "stands in");
}
