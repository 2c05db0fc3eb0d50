use super::event::events;
use super::*;
use crate::config::{HttpConfig, SecretSource, Wording};
use crate::message::{render, samples};
use crate::notification::{Notification, Purpose};

fn config() -> PagerDutyConfig {
    PagerDutyConfig {
        routing_key: SecretSource::Inline(Secret::new("R".repeat(32))),
        url: String::new(),
        client: None,
        client_url: None,
        description: None,
        severity: None,
        source: None,
        class: None,
        component: None,
        group: None,
        details: std::collections::BTreeMap::new(),
        images: Vec::new(),
        links: Vec::new(),
        http: HttpConfig::default(),
    }
}

fn events_of(
    config: &PagerDutyConfig,
    incidents: PagerDutyIncidents,
    notification: &Notification,
) -> Vec<Value> {
    let url = "http://127.0.0.1:8088";
    let message = render(notification, url);
    let now = notification.decided_at;
    let parcel = Parcel { notification, message: &message, public_url: url, timeout: None, now };
    events(config, incidents, parcel)
}

fn event_of(notification: &Notification) -> Value {
    events_of(&config(), PagerDutyIncidents::Group, notification).remove(0)
}

#[test]
fn a_page_is_a_critical_trigger_with_links() {
    let event = event_of(&samples::firing());
    assert_eq!(event["event_action"], "trigger");
    assert_eq!(event["payload"]["severity"], "critical");
    assert_eq!(event["payload"]["component"], "sales");
    assert_eq!(
        event["payload"]["summary"],
        "PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk)"
    );
    assert_eq!(event["payload"]["timestamp"], "2026-11-21T10:02:00.000Z");
    assert_eq!(event["links"][1]["href"], "https://wiki.example.org/late-orders");
    assert_eq!(event["client_url"], "http://127.0.0.1:8088/incidents/INC-20261121-7f3a");
    let details = &event["payload"]["custom_details"];
    assert_eq!((details["num_firing"].as_str(), details["num_resolved"].as_str()), (Some("1"), Some("0")));
    assert!(
        details["firing"].as_str().is_some_and(|text| text.contains(" - alertname = OrdersPostedLate\n"))
    );
}

#[test]
fn the_resolve_has_the_key_of_its_trigger_and_nothing_else() {
    let (trigger, resolve) = (event_of(&samples::firing()), event_of(&samples::resolved()));
    assert_eq!(resolve["event_action"], "resolve");
    assert_eq!(resolve["dedup_key"], trigger["dedup_key"]);
    assert_eq!(resolve["dedup_key"].as_str().map(str::len), Some(64));
    assert_eq!(resolve.as_object().map(serde_json::Map::len), Some(2));
}

#[test]
fn an_acknowledgement_has_the_keys_of_its_triggers() {
    let taken = Notification { purpose: Purpose::Acknowledge, ..samples::three_firing() };
    for incidents in [PagerDutyIncidents::Group, PagerDutyIncidents::Alert] {
        let triggers = events_of(&config(), incidents, &samples::three_firing());
        let triggers = triggers.iter().filter(|event| event["event_action"] == "trigger");
        let taken = events_of(&config(), incidents, &taken);
        assert!(taken.iter().all(|event| event["event_action"] == "acknowledge"), "{taken:?}");
        let keys = |event: &Value| event["dedup_key"].clone();
        assert_eq!(taken.iter().map(keys).collect::<Vec<_>>(), triggers.map(keys).collect::<Vec<_>>());
    }
}

#[test]
fn one_incident_for_each_alert_has_keys_that_stay_and_resolves_alone() {
    let mut notification = samples::three_firing();
    notification.alerts[2].resolved_at = Some(samples::at("10:16"));
    let before = events_of(&config(), PagerDutyIncidents::Alert, &samples::three_firing());
    let after = events_of(&config(), PagerDutyIncidents::Alert, &notification);
    let said = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["event_action"].as_str().unwrap_or("?").to_owned()).collect()
    };
    // The last is the group's own, which no alert has.
    assert_eq!(said(&before), ["trigger", "trigger", "trigger", "resolve"]);
    assert_eq!(said(&after), ["trigger", "trigger", "resolve", "resolve"]);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["dedup_key"], after["dedup_key"]);
    }
    assert_eq!(before[0]["payload"]["summary"], event_of(&samples::firing())["payload"]["summary"]);
    assert!(before[1]["payload"]["summary"].as_str().is_some_and(|text| text.contains("12 stock moves")));
}

#[test]
fn a_storm_is_fifty_incidents_and_one_for_the_rest() {
    let mut notification = samples::firing();
    let lead = notification.alerts[0].clone();
    notification.alerts = (0..3000)
        .map(|n| crate::notification::NotifiedAlert { fingerprint: n.to_string(), ..lead.clone() })
        .collect();
    let events = events_of(&config(), PagerDutyIncidents::Alert, &notification);
    assert_eq!(events.len(), 51);
    assert_eq!(events[50]["payload"]["custom_details"]["num_firing"], "2950");
    assert!(events.iter().all(|event| event.to_string().len() < 512_000));
}

#[test]
fn the_longest_texts_are_cut_and_none_is_dropped() {
    let mut notification = samples::firing();
    notification.alerts[0].annotations.insert("summary".to_owned(), "ü\"\u{1}".repeat(200_000));
    let config = PagerDutyConfig {
        details: [
            ("who".to_owned(), Wording::fixed("sales")),
            ("long".to_owned(), Wording::fixed(&"\u{1}".repeat(900_000))),
        ]
        .into(),
        ..config()
    };
    let event = events_of(&config, PagerDutyIncidents::Group, &notification).remove(0);
    assert!(event["payload"]["summary"].as_str().expect("text").chars().count() <= 1024);
    assert!(event.to_string().len() < 512_000, "{}", event.to_string().len());
    let details = &event["payload"]["custom_details"];
    assert_eq!(details["who"], "sales");
    assert!(details["firing"].as_str().is_some_and(|text| text.ends_with("(cut)") && text.len() > 1000));
}

#[test]
fn what_the_file_says_takes_the_place_of_ours() {
    let says = |text: &str| Some(Wording::fixed(text));
    let config = PagerDutyConfig {
        client: says("our console"),
        client_url: says("https://console.example.org"),
        description: says("something is late"),
        severity: says("info"),
        source: says("warehouse"),
        class: says("a class"),
        component: says("a component"),
        group: says("a group"),
        images: vec![crate::config::Image {
            src: Wording::fixed("https://example.org/a.png"),
            alt: says("a chart"),
            href: None,
        }],
        links: vec![crate::config::Link { href: Wording::fixed("https://example.org/"), text: says("Help") }],
        ..config()
    };
    let event = events_of(&config, PagerDutyIncidents::Group, &samples::firing()).remove(0);
    let payload = &event["payload"];
    assert_eq!(event["client"], "our console");
    assert_eq!(event["client_url"], "https://console.example.org");
    assert_eq!(payload["summary"], "something is late");
    assert_eq!(payload["severity"], "info");
    assert_eq!(payload["source"], "warehouse");
    assert_eq!((&payload["class"], &payload["group"]), (&"a class".into(), &"a group".into()));
    assert_eq!(payload["component"], "a component");
    assert_eq!(event["images"][0]["alt"], "a chart");
    assert_eq!(event["links"][0]["text"], "Help");
}
