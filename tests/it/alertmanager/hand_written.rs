//! Timelines that people wrote: upstream's acceptance scenarios, and the corners of each stage. Unless it says otherwise, a
//! group waits 1 s and ticks each 2 s, so it speaks at odd seconds.

use serde_json::json;

use super::timeline::{Answer, Timeline, alert};

pub(super) fn timelines() -> Vec<Timeline> {
    [stating(), telling(), resolving(), routing(), inhibiting(), silencing(), muting()].concat()
}

/// What would hold up others in the same process.
pub(super) fn alone() -> Vec<Timeline> {
    vec![
        new("a receiver that hangs is tried again")
            .answers("main", &[Answer::Hang(30.0)])
            .fire(0.0, &["A"])
            .fire(4.0, &["A"])
            .until(24.0)
            .tolerating(12.0),
    ]
}

fn new(name: &str) -> Timeline {
    Timeline::new(name)
}

/// How statements about one label set become one alert.
fn stating() -> Vec<Timeline> {
    vec![
        new("merging keeps the earliest start and the newest words")
            .route("repeat_interval", json!("3s"))
            .post(0.0, &[alert("A").starts(-0.3).says("first")])
            .post(2.0, &[alert("A").starts(-0.6).says("second")])
            .until(7.0),
        new("new words alone tell nobody")
            .post(0.0, &[alert("A").says("first")])
            .post(2.0, &[alert("A").says("second")])
            .until(6.0),
        new("an alert without an end ends when nobody states it again")
            .post(0.0, &[alert("A").ends(4.0), alert("B").ends(2.0)])
            .post(2.0, &[alert("B").ends(6.0)])
            .until(9.0),
        new("a later end is kept when an earlier one is stated")
            .post(0.0, &[alert("A").starts(0.0).ends(6.0)])
            .post(2.0, &[alert("A").starts(0.0).ends(4.0)])
            .until(9.0),
        new("an end takes the place of a time-out")
            .post(0.0, &[alert("A")])
            .post(2.0, &[alert("A").ends(4.0)])
            .until(7.0),
        new("a start in the future").post(0.0, &[alert("A").starts(3.0)]).until(5.0),
        new("empty labels are no labels")
            .route("group_by", json!(["alertname", "empty"]))
            .fire(0.0, &["A,empty="])
            .resolve(2.0, &["A"]),
        new("a wordless resolve").post(0.0, &[alert("A")]).post(2.0, &[alert("A").wordless().ends(2.0)]),
        new("texts that need escapes")
            .fire(0.0, &["quote\"d,path=C:\\temp,lines=one\ntwo\ttab,umlaut=Größe ✓"])
            .resolve(2.0, &["quote\"d,path=C:\\temp,lines=one\ntwo\ttab,umlaut=Größe ✓"]),
    ]
}

/// When a group speaks.
fn telling() -> Vec<Timeline> {
    let repeating = |name: &str, every: &str| {
        new(name).route("repeat_interval", json!(every)).fire(0.0, &["A"]).until(10.0)
    };
    vec![
        new("one alert is told once").fire(0.0, &["A"]).fire(2.0, &["A"]).fire(4.0, &["A"]),
        repeating("repeat", "3s"),
        repeating("repeat at each tick", "100ms"),
        new("batching")
            .route("group_by", json!([]))
            .fire(0.0, &["A"])
            .fire(0.4, &["B"])
            .fire(2.0, &["C", "D"])
            .fire(4.0, &["E"]),
        new("cold start: one that began long ago doesn't wait")
            .post(0.0, &[alert("A").starts(-60.0)])
            .post(0.9, &[alert("A").starts(-60.0)])
            .until(6.0),
        new("one that began long ago joins a group that waits")
            .route("group_wait", json!("2s"))
            .route("group_by", json!([]))
            .fire(0.0, &["A"])
            .post(0.6, &[alert("B").starts(-60.0)])
            .until(5.0),
        new("retry")
            .answers("main", &[Answer::Status(500), Answer::Status(503)])
            .fire(0.0, &["A"])
            .until(8.0)
            .tolerating(5.0),
        new("a refusal is decided anew at the next tick")
            .answers("main", &[Answer::Status(400)])
            .fire(0.0, &["A"])
            .until(6.0),
        new("too many requests is a refusal to a webhook")
            .answers("main", &[Answer::Status(429)])
            .fire(0.0, &["A"])
            .until(6.0),
        new("max_alerts")
            .route("group_by", json!([]))
            .setting("main", "max_alerts", json!(2))
            .fire(0.0, &["A", "B"])
            .until(3.0),
        new("a group that is over begins anew")
            .fire(0.0, &["A"])
            .resolve(2.0, &["A"])
            .fire(3.4, &["A"])
            .until(8.0),
    ]
}

fn resolving() -> Vec<Timeline> {
    vec![
        new("resolved").fire(0.0, &["A"]).resolve(2.0, &["A"]),
        new("resolved within group_wait").fire(0.0, &["A"]).resolve(0.4, &["A"]).until(4.0),
        new("resolved without having fired").resolve(0.0, &["A"]).fire(2.0, &["A"]),
        new("resolved in the past").fire(0.0, &["A"]).post(2.0, &[alert("A").ends(1.5)]),
        new("one of two is resolved")
            .route("group_by", json!([]))
            .fire(0.0, &["A", "B"])
            .resolve(2.0, &["A"])
            .resolve(6.0, &["B"]),
        new("one begins as another ends")
            .route("group_by", json!([]))
            .fire(0.0, &["A"])
            .resolve(2.0, &["A"])
            .fire(2.0, &["B"]),
        new("resolved and back between two ticks")
            .fire(0.0, &["A"])
            .resolve(1.6, &["A"])
            .fire(2.2, &["A"])
            .until(6.0),
        new("flapping").fire(0.0, &["A"]).resolve(2.0, &["A"]).fire(4.0, &["A"]).resolve(6.0, &["A"]),
        new("a resolve that is stated again")
            .route("group_by", json!([]))
            .fire(0.0, &["A", "B"])
            .resolve(2.0, &["A"])
            .post(4.0, &[alert("A").starts(0.0).ends(2.0), alert("C")])
            .until(7.0),
        new("send_resolved is false")
            .setting("main", "send_resolved", json!(false))
            .route("group_by", json!([]))
            .fire(0.0, &["A", "B"])
            .resolve(2.0, &["A"])
            .fire(4.0, &["C"])
            .resolve(6.0, &["B", "C"])
            .fire(8.0, &["A"]),
    ]
}

fn routing() -> Vec<Timeline> {
    let routed = |name: &str, routes| {
        new(name).receiver("one").receiver("two").receiver("three").route("routes", routes)
    };
    vec![
        routed("continue", json!([
            {"matchers": ["service=\"sales\""], "receiver": "one", "continue": true},
            {"matchers": ["severity=\"page\""], "receiver": "two"},
            {"matchers": ["service=\"sales\""], "receiver": "three"},
        ]))
        .fire(0.0, &["A,service=sales,severity=page", "B,service=sales", "C,severity=page", "D"]),
        routed("the deepest route takes it", json!([
            {"matchers": ["service=~\"sales|stock\""], "receiver": "one", "routes": [
                {"matchers": ["severity=\"page\""], "receiver": "two", "group_by": ["service"], "routes": [
                    {"matchers": ["warehouse=\"R1\""], "receiver": "three"},
                ]},
            ]},
        ]))
        .fire(0.0, &["A,service=sales", "B,service=stock,severity=page", "C,service=stock,severity=page,warehouse=R1"])
        .resolve(2.0, &["B,service=stock,severity=page"]),
        routed("both have children that match", json!([
            {"matchers": ["service=\"sales\""], "continue": true, "routes": [
                {"matchers": ["severity=\"page\""], "receiver": "one"},
            ]},
            {"matchers": ["severity=\"page\""], "receiver": "two"},
        ]))
        .fire(0.0, &["A,service=sales,severity=page", "B,service=sales"]),
        routed("every kind of matcher", json!([
            {"matchers": ["missing=\"\"", "service!=\"stock\"", "alertname=~\"A|B\"", "severity!~\"pa.*\""], "receiver": "one"},
            {"match": {"service": "stock"}, "match_re": {"alertname": "B.*"}, "receiver": "two"},
            {"matchers": ["service=~\"sto\""], "receiver": "three"},
        ]))
        .fire(0.0, &["A", "B,severity=page", "C", "A,service=stock", "Bb,service=stock", "A,missing=here"]),
        new("all labels make a group")
            .route("group_by", json!(["..."]))
            .fire(0.0, &["A,n=1", "A,n=2"])
            .resolve(2.0, &["A,n=1"]),
        new("a label that some lack makes a group")
            .route("group_by", json!(["service"]))
            .fire(0.0, &["A,service=sales", "B", "C"])
            .resolve(2.0, &["B"]),
        routed("timers are inherited and overridden", json!([
            {"matchers": ["service=\"sales\""], "receiver": "one", "group_wait": "2s", "routes": [
                {"matchers": ["severity=\"page\""], "receiver": "two", "group_wait": "0s"},
            ]},
        ]))
        .fire(0.0, &["A,service=sales", "B,service=sales,severity=page", "C"])
        .until(3.5),
        routed("an empty group_by below another", json!([
            {"matchers": ["service=\"sales\""], "receiver": "one", "group_by": []},
        ]))
        .fire(0.0, &["A,service=sales", "B,service=sales"]),
    ]
}

fn inhibiting() -> Vec<Timeline> {
    let inhibited = |name: &str| new(name).inhibits("severity=\"page\"", "severity=\"ticket\"", &["service"]);
    vec![
        inhibited("inhibiting: the target is told when the source has ended")
            .fire(0.0, &["Source,severity=page,service=sales", "Target,severity=ticket,service=sales"])
            .resolve(2.0, &["Source,severity=page,service=sales"])
            .until(7.0),
        inhibited("inhibiting: the target ends while it is inhibited")
            .fire(0.0, &["Target,severity=ticket,service=sales"])
            .fire(2.0, &["Source,severity=page,service=sales"])
            .resolve(4.0, &["Target,severity=ticket,service=sales"])
            .resolve(6.0, &["Source,severity=page,service=sales"])
            .until(10.0),
        inhibited("inhibiting: of another service, or of none")
            .fire(0.0, &["Source,severity=page,service=sales", "Target,severity=ticket,service=stock"])
            .fire(0.2, &["Other,severity=ticket", "Another,severity=page"])
            .resolve(2.0, &["Another,severity=page"])
            .until(6.0),
        new("inhibiting: alerts on both sides of the rule")
            .inhibits("severity=~\"page|ticket\"", "severity=\"ticket\"", &[])
            .fire(0.0, &["A,severity=ticket", "B,severity=ticket"])
            .fire(2.0, &["C,severity=page", "D,severity=ticket"])
            .resolve(4.0, &["C,severity=page"])
            .until(8.0),
        inhibited("inhibiting: a silenced source inhibits")
            .silence(0.0, "quiet", "Source", -1.0, 60.0)
            .fire(0.3, &["Source,severity=page,service=sales", "Target,severity=ticket,service=sales"])
            .until(4.0),
        inhibited("inhibiting: members of one group")
            .route("group_by", json!(["service"]))
            .fire(0.0, &["Target,severity=ticket,service=sales", "Plain,service=sales"])
            .fire(2.0, &["Source,severity=page,service=sales"])
            .resolve(4.0, &["Source,severity=page,service=sales"])
            .until(8.0),
    ]
}

fn silencing() -> Vec<Timeline> {
    vec![
        new("silencing: nothing is told until it is expired")
            .silence(0.0, "quiet", "A", -1.0, 60.0)
            .fire(0.3, &["A", "B"])
            .expire(4.0, "quiet")
            .until(7.0),
        new("silencing: one of a group that was told")
            .route("group_by", json!([]))
            .fire(0.0, &["A", "B"])
            .silence(2.0, "quiet", "A", 1.9, 60.0)
            .resolve(4.0, &["B"])
            .until(8.0),
        new("silencing: it begins later and ends by itself")
            .route("group_by", json!([]))
            .fire(0.0, &["A"])
            .silence(0.4, "quiet", "B", 2.0, 6.0)
            .fire(2.4, &["B"])
            .until(10.0),
        new("silencing: the alert ends while it is silenced")
            .fire(0.0, &["A"])
            .silence(2.0, "quiet", "A", 1.9, 8.0)
            .resolve(4.0, &["A"])
            .until(12.0),
        new("silencing: all of a group, and one that joins")
            .route("group_by", json!([]))
            .silence(0.0, "quiet", "A", -1.0, 60.0)
            .fire(0.3, &["A,n=1", "A,n=2"])
            .fire(2.3, &["B"])
            .until(6.0),
    ]
}

fn muting() -> Vec<Timeline> {
    let muted = |name: &str, key: &str, interval: &str| {
        new(name)
            .receiver("one")
            .route("routes", json!([{"matchers": ["service=\"sales\""], "receiver": "one", key: [interval]}]))
            .fire(0.0, &["A,service=sales", "B"])
            .resolve(2.0, &["A,service=sales"])
    };
    vec![
        muted("muted always", "mute_time_intervals", "always"),
        muted("muted never", "mute_time_intervals", "never"),
        muted("active always", "active_time_intervals", "always"),
        muted("active never", "active_time_intervals", "never"),
    ]
}
