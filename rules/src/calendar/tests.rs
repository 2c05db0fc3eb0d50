use std::path::PathBuf;
use std::time::Duration;

use chrono::{Datelike, NaiveDate, TimeZone, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

mod files;

pub(super) fn read(text: &str) -> Calendars {
    let mut findings = Vec::new();
    let file = CalendarFile { file: PathBuf::from("calendars.yml"), text: text.to_owned() };
    let calendars = file.read(&mut findings);
    assert!(findings.is_empty(), "{findings:#?}");
    calendars
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is a moment"))
}

fn said(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| format!("{} {}", short(span.from), short(span.to))).collect()
}

fn short(time: Timestamp) -> String {
    time.to_utc().format("%m-%dT%H:%M").to_string()
}

/// The spans of the calendar `a` in UTC.
fn spans(text: &str, from: &str, to: &str) -> Vec<String> {
    said(&read(text).named("a").expect("it is there").spans(at(from), at(to)))
}

/// Where clocks change, and how: (zone, a moment of the day of the change). Thirty minutes, a whole day, midnight, and none.
const CHANGES: [(&str, &str); 14] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Sydney", "2026-10-03T16:00:00Z"),
    ("America/Santiago", "2026-04-05T03:00:00Z"),
    ("America/Santiago", "2026-09-06T04:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ("Asia/Kathmandu", "2026-02-28T18:15:00Z"),
    ("Asia/Kolkata", "2028-02-29T18:30:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
];

fn ranges(least: i32, most: i32) -> impl Strategy<Value = Vec<(i32, i32)>> {
    let range = (least..=most, least..=most).prop_map(|(one, other)| (one.min(other), one.max(other)));
    prop::collection::vec(range, 0..3)
}

/// Days of a month from either end: `1:5`, `-3:-1`, `20:-2`.
fn month_days() -> impl Strategy<Value = Vec<(i32, i32)>> {
    let forth = (1..=31, 1..=31).prop_map(|(one, other): (i32, i32)| (one.min(other), one.max(other)));
    let back = (-31..=-1, -31..=-1).prop_map(|(one, other): (i32, i32)| (one.min(other), one.max(other)));
    let across = (1..=15, -15..=-1);
    prop::collection::vec(prop_oneof![forth, back, across], 0..3)
}

/// As the clock on the wall shows the minute, field by field, which is Alertmanager's own definition.
fn oracle(zone: Tz, time: Timestamp, fields: &Fields) -> bool {
    let local = zone.from_utc_datetime(&time.to_utc().naive_utc());
    let minute = i32::try_from(local.hour() * 60 + local.minute()).expect("small");
    let any = |ranges: &[(i32, i32)], value: i32| {
        ranges.is_empty() || ranges.iter().any(|(first, last)| (*first..=*last).contains(&value))
    };
    let month = NaiveDate::from_ymd_opt(local.year(), local.month(), 1).expect("a month");
    let length = (1..=31).filter(|day| month.with_day(*day).is_some()).max().expect("it has days");
    let (day, length) = (i32::try_from(local.day()).expect("small"), i32::try_from(length).expect("small"));
    let of_month = fields.days_of_month.iter().any(|(first, last)| {
        let place = |day: i32| if day < 0 { length + day + 1 } else { day };
        place(*first) <= length && (place(*first).max(1)..=place(*last).min(length)).contains(&day)
    });
    let of_times = fields.times.iter().any(|(start, end)| (*start..*end).contains(&minute));
    (fields.times.is_empty() || of_times)
        && any(&fields.weekdays, i32::try_from(local.weekday().num_days_from_sunday()).expect("small"))
        && (fields.days_of_month.is_empty() || of_month)
        && any(&fields.months, i32::try_from(local.month()).expect("small"))
}

#[derive(Clone, Debug)]
struct Fields {
    times: Vec<(i32, i32)>,
    weekdays: Vec<(i32, i32)>,
    days_of_month: Vec<(i32, i32)>,
    months: Vec<(i32, i32)>,
}

fn fields() -> impl Strategy<Value = Fields> {
    let time =
        (0..1_440, 1..=1_440).prop_map(|(one, other): (i32, i32)| (one.min(other - 1), other.max(one + 1)));
    (prop::collection::vec(time, 0..3), ranges(0, 6), month_days(), ranges(1, 12)).prop_map(
        |(times, weekdays, days_of_month, months)| Fields { times, weekdays, days_of_month, months },
    )
}

fn interval(fields: &Fields, zone: Tz) -> interval::Interval {
    let ranges = |list: &[(i32, i32)]| {
        list.iter().map(|(first, last)| interval::Range { first: *first, last: *last }).collect::<Vec<_>>()
    };
    let minutes = |minute: i32| u32::try_from(minute).expect("not negative");
    interval::Interval {
        days: interval::Days {
            weekdays: ranges(&fields.weekdays),
            days_of_month: ranges(&fields.days_of_month),
            months: ranges(&fields.months),
            years: Vec::new(),
        },
        times: fields.times.iter().map(|(start, end)| (minutes(*start), minutes(*end))).collect(),
        zone,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Three days around each change of clocks, minute by minute.
    #[test]
    fn an_interval_holds_exactly_the_minutes_that_the_wall_clock_names(
        (place, fields, shift) in (0..CHANGES.len(), fields(), 0..1_440_i64),
    ) {
        let (name, change) = CHANGES[place];
        let zone = zone::named(name).expect("a zone");
        let from = at(change) - Duration::from_secs(36 * 3_600);
        let from = Timestamp::from_secs(from.nanos() / 1_000_000_000 + shift * 60);
        let to = from + Duration::from_secs(72 * 3_600);
        let mut found = Vec::new();
        interval(&fields, zone).spans((from, to), &mut found);
        let spans = union(found);
        prop_assert!(spans.windows(2).all(|pair| pair[0].to < pair[1].from), "sorted and disjoint: {spans:?}");
        let mut minute = from;
        while minute < to {
            let expected = oracle(zone, minute, &fields);
            prop_assert_eq!(holds(&spans, minute), expected, "{} {} {:?}", name, minute, fields);
            minute = minute + Duration::from_secs(60);
        }
    }

    /// Cutting a stretch in two and asking each gives what asking for the whole gives.
    #[test]
    fn spans_do_not_depend_on_how_they_are_asked(fields in fields(), place in 0..CHANGES.len(), cut in 1..1_000_000_i64) {
        let (name, change) = CHANGES[place];
        let calendar = interval(&fields, zone::named(name).expect("a zone"));
        let (from, to) = (at(change) - Duration::from_secs(600_000), at(change) + Duration::from_secs(400_000));
        let middle = Timestamp::from_secs(from.nanos() / 1_000_000_000 + cut);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        calendar.spans((from, to), &mut whole);
        calendar.spans((from, middle), &mut parts);
        calendar.spans((middle, to), &mut parts);
        prop_assert_eq!(union(whole), union(parts));
    }

    #[test]
    fn taking_away_leaves_what_only_the_first_list_holds(
        one in prop::collection::vec((0..100_i64, 1..20_i64), 0..8),
        other in prop::collection::vec((0..100_i64, 1..20_i64), 0..8),
    ) {
        let list = |pairs: Vec<(i64, i64)>| {
            union(pairs.into_iter().map(|(from, length)| {
                Span::new(Timestamp::from_secs(from), Timestamp::from_secs(from + length))
            }).collect())
        };
        let (one, other) = (list(one), list(other));
        let left = minus(&one, &other);
        for second in 0..130 {
            let time = Timestamp::from_secs(second);
            prop_assert_eq!(holds(&left, time), holds(&one, time) && !holds(&other, time));
        }
    }

    /// A local time that exists is its first moment; one that does not is as far behind the gap as it is behind its start.
    #[test]
    fn every_local_time_has_one_moment(place in 0..CHANGES.len(), minutes in -2_880..2_880_i64) {
        let (name, change) = CHANGES[place];
        let zone = zone::named(name).expect("a zone");
        let around = at(change).nanos() / 1_000_000_000;
        let local = zone::naive(around - around.rem_euclid(60) + minutes * 60);
        let moment = zone::moment(zone, local);
        match zone.from_local_datetime(&local).earliest() {
            Some(first) => prop_assert_eq!(moment, Timestamp::from_secs(first.timestamp())),
            None => {
                let shown = zone::local(zone, moment);
                prop_assert!(shown > local, "{name}: {local} is shown as {shown}");
                let gap = shown - local;
                let before = zone::local(zone, moment - gap.to_std().expect("positive"));
                prop_assert!(before < local, "{name}: the offset before the gap holds: {before} {local}");
            }
        }
    }
}

const NIGHT: &str = "
calendars:
  - name: a
    kind: shift
    time_zone: ZONE
    spans: [{start: START, END, rrule: FREQ=DAILY}]
";

fn night(zone: &str, start: &str, end: &str) -> String {
    NIGHT.replace("ZONE", zone).replace("START", start).replace("END", end)
}

#[test]
fn a_shift_that_ends_at_six_ends_at_six_in_the_long_night_and_in_the_short_one() {
    let by_wall = night("Europe/Berlin", "2026-01-01 22:00", "end: 2026-01-02 06:00");
    let short = spans(&by_wall, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(short, ["03-28T21:00 03-29T04:00"], "seven hours");
    let long = spans(&by_wall, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(long, ["10-24T20:00 10-25T05:00"], "nine hours");
    let by_duration = night("Europe/Berlin", "2026-01-01 22:00", "duration: 8h");
    let eight = spans(&by_duration, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(eight, ["03-28T21:00 03-29T05:00"], "eight hours as they pass");
    let by_day =
        night("Europe/Berlin", "2026-03-29 00:00", "duration: 1d").replace(", rrule: FREQ=DAILY", "");
    let day = spans(&by_day, "2026-03-01T00:00:00Z", "2026-04-30T00:00:00Z");
    assert_eq!(day, ["03-28T23:00 03-29T22:00"], "a day ends at midnight");
}

#[test]
fn what_begins_in_the_missing_hour_begins_an_hour_later_and_in_the_double_one_at_the_first() {
    let missing = night("Europe/Berlin", "2026-01-01 02:30", "duration: 1h");
    assert_eq!(spans(&missing, "2026-03-28T22:00:00Z", "2026-03-29T12:00:00Z"), ["03-29T01:30 03-29T02:30"]);
    assert_eq!(spans(&missing, "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z"), ["10-25T00:30 10-25T01:30"]);
    let half = night("Australia/Lord_Howe", "2026-01-01 02:15", "duration: 1h");
    assert_eq!(spans(&half, "2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z"), ["10-03T15:45 10-03T16:45"]);
    let lost = night("Pacific/Apia", "2011-12-30 10:00", "duration: 1h").replace(", rrule: FREQ=DAILY", "");
    let day = spans(&lost, "2011-12-28T00:00:00Z", "2012-01-02T00:00:00Z");
    assert_eq!(day, ["12-30T20:00 12-30T21:00"], "10:00 on the 31st, the day after the 29th");
    let midnight = night("America/Santiago", "2026-09-06", "duration: 1d").replace(", rrule: FREQ=DAILY", "");
    assert_eq!(spans(&midnight, "2026-09-01T00:00:00Z", "2026-09-10T00:00:00Z"), ["09-06T04:00 09-07T03:00"]);
}

#[test]
fn minus_takes_holidays_away_where_they_are_holidays() {
    let text = "
time_zone: Europe/Berlin
calendars:
  - name: a
    kind: business_hours
    time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '08:00', end_time: '18:00'}]}]
    minus: [holidays]
  - name: holidays
    kind: holiday
    spans:
      - {start: 2026-12-25, duration: 1d, rrule: FREQ=YEARLY}
      - {start: 2026-12-24 12:00, end: 2026-12-25, reason: half a day, warehouse: [HAM, ROT]}
";
    let calendars = read(text);
    let hours = calendars.named("a").expect("there");
    let (from, to) = (at("2026-12-23T00:00:00Z"), at("2026-12-29T00:00:00Z"));
    assert_eq!(
        said(&hours.spans(from, to)),
        ["12-23T07:00 12-23T17:00", "12-24T07:00 12-24T17:00", "12-28T07:00 12-28T17:00"]
    );
    let of =
        |warehouse: &str| said(&hours.spans_for(&[("warehouse", warehouse)].into_iter().collect(), from, to));
    assert_eq!(of("HAM"), ["12-23T07:00 12-23T17:00", "12-24T07:00 12-24T11:00", "12-28T07:00 12-28T17:00"]);
    assert_eq!(of("BRE"), said(&hours.spans(from, to)));
    let holidays = calendars.named("holidays").expect("there");
    assert!(holidays.concerns(&Labels::default()), "Christmas is everybody's");
    assert_eq!(holidays.spans_for(&Labels::default(), from, to).len(), 1);
    assert!(holidays.holds_for(&Labels::default(), at("2031-12-25T12:00:00Z")), "and comes again");
}

const CUT_OFFS: &str = "
time_zone: Europe/Berlin
calendars:
  - {name: holidays, kind: holiday, spans: [{start: 2026-12-25, duration: 2d}]}
cut_offs:
  - warehouse: HAM
    minus: [holidays]
    times:
      - {days_of_month: ['24'], months: [december], time: '12:00'}
      - {weekdays: ['monday:thursday'], time: '17:00'}
      - {weekdays: [friday], time: '15:30'}
  - {warehouse: HAM, carrier: DHL, times: [{weekdays: ['monday:friday'], time: '18:15'}]}
  - {times: [{time: '24:00'}]}
";

#[test]
fn the_next_cut_off_is_the_warehouses_own_or_the_carriers_or_everybodys() {
    let calendars = read(CUT_OFFS);
    let next = |warehouse: &str, carrier: Option<&str>, time: &str| {
        calendars.next_cut_off(warehouse, carrier, at(time)).map(short).unwrap_or_default()
    };
    assert_eq!(next("HAM", None, "2026-11-19T10:00:00Z"), "11-19T16:00", "Thursday, 17:00 in Berlin");
    assert_eq!(next("HAM", None, "2026-11-19T16:00:00Z"), "11-20T14:30", "at the cut-off it is tomorrow's");
    assert_eq!(
        next("HAM", None, "2026-11-20T14:30:00.000000001Z"),
        "11-23T16:00",
        "Monday after the week-end"
    );
    assert_eq!(
        next("HAM", None, "2026-12-24T10:00:00Z"),
        "12-24T11:00",
        "the first that holds the day decides"
    );
    assert_eq!(next("HAM", None, "2026-12-24T12:00:00Z"), "12-28T16:00", "not on holidays");
    assert_eq!(next("HAM", Some("DHL"), "2026-11-19T16:30:00Z"), "11-19T17:15");
    assert_eq!(next("HAM", Some("UPS"), "2026-11-19T10:00:00Z"), "11-19T16:00", "a carrier without its own");
    assert_eq!(next("ROT", None, "2026-11-19T10:00:00Z"), "11-19T23:00", "midnight is the end of the day");
    assert_eq!(next("HAM", None, "2026-03-27T20:00:00Z"), "03-30T15:00", "summer time by then");
    let none = read("cut_offs: [{warehouse: HAM, times: [{time: '17:00'}]}]");
    assert_eq!(none.next_cut_off("ROT", None, at("2026-11-19T10:00:00Z")), None, "unknown is not a guess");
}

#[test]
fn many_moments_at_once_give_what_each_gives_alone() {
    let book = CalendarBook::default();
    book.show(Arc::new(read(CUT_OFFS)));
    let times: Vec<Timestamp> = (0..400_i64)
        .map(|step| {
            at("2026-12-01T00:00:00Z") + Duration::from_secs((step * 7_919 % 400).unsigned_abs() * 9_000)
        })
        .collect();
    let together = plimsoll_model::BusinessClock::next_cut_offs(&book, "HAM", None, &times);
    let inside = plimsoll_model::BusinessClock::in_calendar(&book, "holidays", None, &times).expect("known");
    for (at, time) in times.iter().enumerate() {
        assert_eq!(together[at], book.in_force().next_cut_off("HAM", None, *time));
        assert_eq!(
            inside[at],
            book.in_force().named("holidays").expect("there").holds_for(&Labels::default(), *time)
        );
    }
    assert_eq!(plimsoll_model::BusinessClock::in_calendar(&book, "nowhere", None, &times), None);
}
