//! An outline tells of the rows exactly what they turn out to be, or is not given.

use super::*;
use crate::signal::OnTheWire;

const SECOND: i64 = 1_000_000_000;

/// Spans of all sorts, a second apart; the first at `NOW`.
fn request(count: i64, alter: impl Fn(&mut Value)) -> Value {
    let spans = (0..count).map(|number| {
        let start = NOW.nanos() + number * SECOND;
        let mut span = json!({
            "traceId": TRACE_ID, "spanId": SPAN_ID, "name": "GET", "kind": number % 7,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + number % 3 - 1).to_string(),
            "attributes": attributes(&[("http.route", text("/shop")), ("n", json!({"intValue": number}))]),
        });
        match number % 4 {
            0 => span["events"] = json!([{"name": "e", "attributes": attributes(&[("k", text("v"))])}]),
            1 => span["links"] = json!([{"traceId": TRACE_ID, "spanId": SPAN_ID}]),
            2 => span["attributes"] = attributes(&[("k", text("one")), ("k", text("two"))]),
            _ => span["startTimeUnixNano"] = json!("0"),
        }
        span
    });
    let mut spans: Vec<_> = spans.collect();
    spans.last_mut().into_iter().for_each(alter);
    let (first, second) = spans.split_at(spans.len() / 2);
    let resource = json!({"attributes": attributes(&[("service.name", text("odoo"))])});
    json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"spans": first}]},
        {"scopeSpans": [{"scope": {"name": "s"}, "spans": second}]},
    ]})
}

/// The outline, and what a conversion of the same request gives; each with what it holds of the memory.
fn both(request: &Value) -> ((Option<Converted>, usize), (Converted, usize)) {
    let config = Config::default();
    let checked = || {
        let received =
            Received { bytes: request.to_string().into_bytes(), lease: Admission::new(&config).lease() };
        wire::check(received, Encoding::Json, Signal::Traces.request(), 32).expect("well formed")
    };
    let Received { bytes, mut lease } = checked();
    let outlined = outline(Signal::Traces, &bytes, NOW, &config, &mut lease).expect("fits");
    let held = lease.held_bytes();
    let Received { bytes, mut lease } = checked();
    let converted = convert(Signal::Traces, &bytes, NOW, &config, &mut lease, None).expect("fits");
    ((outlined, held), (converted, lease.held_bytes()))
}

#[test]
fn an_outline_says_what_the_rows_turn_out_to_be() {
    for count in [256, 300, 1001] {
        let ((outlined, held), (converted, held_by_rows)) = both(&request(count, |_| {}));
        let outlined = outlined.expect("all of it is kept");
        let outline = outlined.outline.expect("of a request that can be outlined");
        let [rows] = converted.batches.as_slice() else { panic!("one table") };
        assert_eq!((outline.table, outline.rows), (rows.table, rows.batch.num_rows()));
        assert_eq!(Some((outline.earliest, outline.latest)), rows.time_range());
        assert_eq!(held, held_by_rows);
        let size = rows.batch.get_array_memory_size();
        assert!((size / 2..size * 4).contains(&outline.bytes), "{} bytes told of {size}", outline.bytes);

        assert!(outlined.batches.is_empty() && converted.outline.is_none());
        assert_eq!(outlined.received, converted.received);
        assert_eq!(outlined.flags, converted.flags);
        assert_eq!(outlined.duplicate_keys, converted.duplicate_keys);
        assert!(outlined.duplicate_keys > 0, "some are among them");
        assert_eq!(format!("{:?}", outlined.tallies), format!("{:?}", converted.tallies));
    }
}

#[test]
fn what_is_refused_altered_small_or_not_of_today_has_no_outline() {
    let set = |field: &'static str, value: Value| move |span: &mut Value| span[field] = value.clone();
    let at = |nanos: i64| set("startTimeUnixNano", json!(nanos.to_string()));
    let none = |request: Value| {
        let ((outlined, held), (converted, held_by_rows)) = both(&request);
        assert!(outlined.is_none() && held <= held_by_rows, "{:?}", outlined.map(|it| it.outline));
        converted.rejections.total()
    };
    assert_eq!(none(request(300, set("traceId", json!("00")))), 1);
    assert_eq!(none(request(300, set("events", json!([{"timeUnixNano": u64::MAX.to_string()}])))), 1);
    let email = attributes(&[("user.email", text("a@example.com"))]);
    assert_eq!(none(request(300, set("attributes", email))), 0, "its value is taken out");
    assert_eq!(none(request(255, |_| {})), 0);
    assert_eq!(none(request(300, at(1))), 0);
    assert_eq!(none(request(300, at(NOW.nanos() + 3_601 * SECOND))), 0);
    let ((outlined, _), _) = both(&request(300, at(NOW.nanos() + 3_599 * SECOND)));
    assert!(outlined.is_some());
}
