use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn change(body: &Value) -> Result<Vec<change::Change>, Refusal> {
    change::read(body.to_string().as_bytes(), NOW)
}

fn attribute<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    let attributes = record["attributes"].as_array().expect("a list");
    let found = attributes.iter().find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str()
}

#[test]
fn a_change_becomes_a_record_at_the_moment_it_began() {
    let told = json!({"kind": "deployment", "entity": "odoo", "version": "18.0.4", "started": "2027-01-15T07:00:00Z"});
    let record = change(&told).expect("a good change")[0].record();
    assert_eq!(record["eventName"], "change.recorded");
    assert_eq!(record["timeUnixNano"], "1799996400000000000");
    assert_eq!(record["body"]["stringValue"], "deployment of odoo 18.0.4");
    assert_eq!(attribute(&record, "change.version"), Some("18.0.4"));
}

#[test]
fn what_is_planned_stands_where_it_was_told() {
    let told = json!({"kind": "maintenance", "entity": "db-1", "started": "2027-02-01T00:00:00Z"});
    assert_eq!(change(&told).expect("good")[0].record()["timeUnixNano"], NOW.nanos().to_string());
}

#[test]
fn the_same_change_told_twice_is_one_fact_and_told_anew_it_is_another_of_the_same_id() {
    let begun = json!({"id": "d-1", "kind": "deployment", "entity": "odoo"});
    let over = json!({"id": "d-1", "kind": "deployment", "entity": "odoo", "outcome": "ok"});
    let event_id = |told: &Value| {
        let change = change(told).expect("good").remove(0);
        (change.id.clone(), attribute(&change.record(), "event.id").map(str::to_owned))
    };
    assert_eq!(event_id(&begun), event_id(&begun));
    assert_eq!(event_id(&begun).0, event_id(&over).0);
    assert_ne!(event_id(&begun).1, event_id(&over).1);
}

#[test]
fn a_bad_change_is_refused_with_its_place_and_its_cure() {
    let cases = [
        (json!({"entity": "odoo"}), "kind must be a word"),
        (json!({"kind": "deployment"}), "entity is missing"),
        (json!({"kind": "Deploy!", "entity": "odoo"}), "not \"Deploy!\""),
        (json!({"kind": "deployment", "entity": "odoo", "when": "now"}), "unknown field `when`"),
        (json!({"kind": "deployment", "entity": "odoo", "started": "yesterday"}), "RFC 3339"),
        (
            json!({"kind": "x", "entity": "y", "started": "2027-01-02T00:00:00Z", "ended": "2027-01-01T00:00:00Z"}),
            "before started",
        ),
        (json!({"kind": "x", "entity": "y", "outcome": "fine"}), "\"ok\" or \"failed\""),
        (json!({"kind": "x", "entity": "y", "attributes": {"a": [1]}}), "attributes.a"),
        (json!({"kind": "x", "entity": "y", "summary": "s".repeat(5_000)}), "summary has 5000 bytes"),
        (json!([]), "1 to 100 changes"),
    ];
    for (told, problem) in cases {
        let refusal = change(&told).expect_err("a bad change");
        assert!(refusal.message.contains(problem), "{told}: {}", refusal.message);
    }
    assert!(change::read(b"{", NOW).expect_err("no JSON").message.contains("not JSON"));
}

#[test]
fn a_heartbeat_needs_no_body_and_says_when_the_next_is_due() {
    let bare = heartbeat::read("nightly-backup", None, b"", NOW).expect("good");
    assert_eq!(bare.answer(), json!({"name": "nightly-backup", "next_due": null}));
    let query = heartbeat::read("nightly-backup", Some("every=1d"), b"", NOW).expect("good");
    assert_eq!(query.answer()["next_due"], "2027-01-16T08:00:00.000Z");
    let body = json!({"every": 900, "outcome": "failed", "message": "disk full", "duration": 12.5});
    let failed = heartbeat::read("x", None, body.to_string().as_bytes(), NOW).expect("good");
    assert_eq!(failed.beat.failure.as_deref(), Some("disk full"));
    assert_eq!(failed.beat.every, Some(Duration::from_mins(15)));
    assert_eq!(failed.record()["severityText"], "ERROR");
}

#[test]
fn a_bad_heartbeat_is_refused_with_its_place_and_its_cure() {
    let refused = |name: &str, query: Option<&str>, body: &str| {
        heartbeat::read(name, query, body.as_bytes(), NOW).expect_err("a bad heartbeat").message
    };
    assert!(refused("a b", None, "").contains("letters, digits"));
    assert!(refused("a", Some("every=soon"), "").contains("every is \"soon\""));
    assert!(refused("a", Some("each=1d"), "").contains("the address says each"));
    assert!(refused("a", None, "{\"every\": 0}").contains("from 1 second"));
    assert!(refused("a", None, "{\"outcome\": \"well\"}").contains("not \"well\""));
    assert!(refused("a", None, "{\"duration\": -1}").contains("seconds"));
    assert!(refused("a", None, "[]").contains("a heartbeat is like"));
}

#[test]
fn intervals_have_units() {
    let cases = [("90", 90), ("90s", 90), ("15m", 900), ("24h", 86_400), ("1d", 86_400), ("2w", 1_209_600)];
    for (text, secs) in cases {
        assert_eq!(interval(text), Some(Duration::from_secs(secs)), "{text}");
    }
    for text in ["", "d", "1y", "0", "-1h", "1 h", "500d", "NaN", "inf"] {
        assert_eq!(interval(text), None, "{text}");
    }
}
