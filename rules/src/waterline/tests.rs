use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::calendar::CalendarFile;
use crate::objective::OtherLine;

const CALENDARS: &str = "
calendars:
  - {name: hours, kind: business_hours, time_intervals: [{times: [{start_time: '08:00', end_time: '18:00'}], weekdays: ['monday:friday']}]}
  - {name: ham-hours, kind: shift, warehouse: HAM, time_intervals: [{times: [{start_time: '06:00', end_time: '12:00'}]}]}
  - {name: maintenance, kind: maintenance, spans: [{start: 2026-11-20 10:00, duration: 2h}, {start: 2026-11-21 03:00, duration: 30m, warehouse: HAM}]}
  - {name: night, kind: shift, spans: [{start: 2026-01-01 22:00, duration: 8h, rrule: FREQ=DAILY}]}
  - {name: peak, kind: peak, time_intervals: [{months: [november]}]}
";

fn calendars() -> Calendars {
    let mut findings = Vec::new();
    let file = CalendarFile { file: PathBuf::from("calendars.yml"), text: CALENDARS.to_owned() };
    let calendars = file.read(&mut findings);
    assert!(findings.is_empty(), "{findings:#?}");
    calendars
}

fn waterline(count_only: &[&str], exclude: &[&str], lines: &[&str]) -> Arc<Waterline> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let line = |name: &&str| OtherLine {
        calendar: (*name).to_owned(),
        percent: Some(95.0),
        severities: Default::default(),
    };
    let clock = BusinessClock {
        count_only: texts(count_only),
        exclude: texts(exclude),
        lines: lines.iter().map(line).collect(),
        period: None,
    };
    Waterline::of(&clock, &calendars()).expect("it has lines")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

fn of(warehouse: &str) -> Labels {
    [("warehouse", warehouse)].into_iter().collect()
}

#[test]
fn the_first_line_that_holds_decides_and_what_does_not_count_has_none() {
    let line = waterline(&[], &["maintenance"], &["night", "peak"]);
    let name = |time: &str| line.calendar_at(&of("HAM"), at(time)).unwrap_or("own").to_owned();
    assert_eq!(name("2026-11-20T23:00:00Z"), "night", "also in November");
    assert_eq!(name("2026-11-20T15:00:00Z"), "peak");
    assert_eq!(name("2026-12-01T15:00:00Z"), "own");
    assert!(!line.counts_at(&of("HAM"), at("2026-11-20T11:59:59Z")));
    assert!(line.counts_at(&of("HAM"), at("2026-11-20T12:00:00Z")));
    assert!(!line.counts_at(&of("HAM"), at("2026-11-21T03:10:00Z")), "its own maintenance");
    assert!(line.counts_at(&of("ROT"), at("2026-11-21T03:10:00Z")), "which is not Rotterdam's");
    let out = Counts { good: 28, total: 40 };
    let said = line.say(&of("HAM"), (at("2026-11-01T00:00:00Z"), at("2026-11-30T00:00:00Z")), out, "orders");
    assert_eq!(
        said,
        ["2 h 30 min of maintenance do not count.", "That leaves out 40 orders, 12 of them bad."]
    );
}

#[test]
fn a_calendar_of_others_neither_counts_nor_keeps_from_counting() {
    let line = waterline(&["ham-hours"], &[], &[]);
    assert!(!line.counts_at(&of("HAM"), at("2026-11-20T15:00:00Z")));
    assert!(line.counts_at(&of("ROT"), at("2026-11-20T15:00:00Z")), "rather a page too many than silence");
    assert!(line.counts_at(&Labels::default(), at("2026-11-20T15:00:00Z")));
}

proptest! {
    #[test]
    fn each_minute_stands_where_asking_for_it_alone_says(
        start in 0..40_000_i64,
        minutes in 1..6_000_i64,
        count_only in any::<bool>(),
    ) {
        let line = waterline(if count_only { &["hours"] } else { &[] }, &["maintenance"], &["night", "peak"]);
        let calendars = calendars();
        let from = Timestamp::from_secs(at("2026-11-01T00:00:00Z").nanos() / 1_000_000_000 + start * 60);
        let to = from + Duration::from_secs(minutes.unsigned_abs() * 60);
        let found = line.of(&of("HAM"), from, to);
        prop_assert!(found.windows(2).all(|pair| pair[0].0.to <= pair[1].0.from), "{found:?}");
        let holds = |name: &str, time| calendars.named(name).expect("there").holds_for(&of("HAM"), time);
        for step in 0..minutes.min(400) {
            let time = from + Duration::from_secs((step * minutes / minutes.min(400)).unsigned_abs() * 60);
            let stands = found.iter().find(|(span, _)| span.from <= time && time < span.to).map_or(Line(0), |it| it.1);
            let expected = if holds("maintenance", time) || (count_only && !holds("hours", time)) {
                Line(3)
            } else if holds("night", time) {
                Line(1)
            } else {
                Line(if holds("peak", time) { 2 } else { 0 })
            };
            prop_assert_eq!(stands, expected, "{}", time);
        }
    }
}
