use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

#[test]
fn retry_after_is_seconds_or_a_date_and_at_most_an_hour() {
    let now = at("2026-11-21T10:00:00Z");
    for (text, expected) in [
        ("90", Some(90)),
        (" 0 ", Some(0)),
        ("999999999", Some(3600)),
        ("Sat, 21 Nov 2026 10:01:30 GMT", Some(90)),
        ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
        ("Mon, 21 Dec 2026 10:00:00 GMT", Some(3600)),
        ("soon", None),
        ("-5", None),
    ] {
        let value = HeaderValue::from_str(text).expect("a header");
        assert_eq!(retry_after(&value, now), expected.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn an_answer_that_repeats_our_secrets_is_shown_without_them() {
    let mut scrub = Scrub::default();
    scrub.address(&Secret::new(
        "https://user:hunter22@hooks.example.org/services/T0123456789/B012?token=abcdefghij",
    ));
    scrub.secret(&Secret::new("0123456789abcdef"));
    let said =
        "no such hook /services/T0123456789/B012?token=abcdefghij of user hunter22, key 0123456789abcdef";
    let shown = scrub.text(said);
    for secret in ["T0123456789", "abcdefghij", "hunter22", "0123456789abcdef"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.starts_with("no such hook"), "{shown}");
}

#[test]
fn statuses_say_whether_trying_again_makes_sense() {
    let judged = |status: u16, retry_after: Option<u64>| {
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: retry_after.map(Duration::from_secs),
            body: "words".to_owned(),
        };
        answer.judge(&Scrub::default()).map(drop).map_err(|error| error.retry)
    };
    use crate::receiver::Retry::{After, Never};
    for status in [200, 201, 202, 204] {
        assert_eq!(judged(status, None), Ok(()));
    }
    for status in [500, 502, 503, 504, 408] {
        assert_eq!(judged(status, None), Err(After(Duration::ZERO)), "{status}");
    }
    assert_eq!(judged(503, Some(120)), Err(After(Duration::from_secs(120))));
    assert_eq!(judged(429, None), Err(After(THROTTLED)));
    assert_eq!(judged(429, Some(7)), Err(After(Duration::from_secs(7))));
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 410, 413] {
        assert_eq!(judged(status, Some(9)), Err(Never), "{status}");
    }
}
