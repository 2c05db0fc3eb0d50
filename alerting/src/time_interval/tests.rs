use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::{America, Asia, Australia, Europe};
use proptest::prelude::*;

use super::*;

const ALWAYS: TimeInterval = TimeInterval {
    times: None,
    weekdays: None,
    days_of_month: None,
    months: None,
    years: None,
    zone: Tz::UTC,
};

fn ranges(pairs: &[(i64, i64)]) -> Option<Vec<Range>> {
    Some(pairs.iter().map(|(first, last)| Range { first: *first, last: *last }).collect())
}

#[track_caller]
fn check(interval: &TimeInterval, inside: &[&str], outside: &[&str]) {
    let moment = |text: &&str| Timestamp::parse_rfc3339(text).expect("a moment");
    for text in inside {
        assert!(interval.contains(moment(text)), "{text} is inside");
    }
    for text in outside {
        assert!(!interval.contains(moment(text)), "{text} is outside");
    }
}

#[test]
fn what_is_not_written_holds_always_and_an_empty_list_never() {
    check(&ALWAYS, &["2026-02-28T23:59:59Z"], &[]);
    check(&TimeInterval { times: Some(Vec::new()), ..ALWAYS }, &[], &["2026-02-28T23:59:59Z"]);
}

#[test]
fn a_start_is_inside_and_an_end_is_not() {
    let hours = TimeInterval { times: Some(vec![(510, 1_020), (1_320, 1_440)]), ..ALWAYS };
    check(
        &hours,
        &["2026-11-22T08:30:00Z", "2026-11-22T16:59:59Z", "2026-11-22T22:00:00Z", "2026-11-22T23:59:59Z"],
        &["2026-11-22T08:29:59Z", "2026-11-22T17:00:00Z", "2026-11-23T00:00:00Z"],
    );
}

#[test]
fn within_a_field_any_element_and_across_fields_all_of_them() {
    let office = TimeInterval {
        times: Some(vec![(540, 1_020)]),
        weekdays: ranges(&[(1, 2), (5, 5)]),
        months: ranges(&[(1, 3), (11, 11)]),
        years: ranges(&[(2026, 2027)]),
        ..ALWAYS
    };
    check(
        &office,
        &["2026-11-23T09:00:00Z", "2027-02-05T16:00:00Z"],
        &[
            "2026-11-25T09:00:00Z",
            "2026-11-23T17:00:00Z",
            "2026-12-07T09:00:00Z",
            "2028-01-03T09:00:00Z",
            "2026-11-22T09:00:00Z",
        ],
    );
}

#[test]
fn days_are_counted_from_either_end_and_clamped_to_the_month() {
    let of = |pairs: &[(i64, i64)]| TimeInterval { days_of_month: ranges(pairs), ..ALWAYS };
    check(&of(&[(-1, -1)]), &["2026-02-28T12:00:00Z", "2028-02-29T12:00:00Z"], &["2028-02-28T12:00:00Z"]);
    check(&of(&[(-3, -1)]), &["2026-04-28T00:00:00Z"], &["2026-04-27T23:59:00Z"]);
    check(&of(&[(30, 31)]), &["2026-04-30T00:00:00Z", "2026-05-31T00:00:00Z"], &["2026-02-28T12:00:00Z"]);
    check(&of(&[(31, 31)]), &["2026-05-31T00:00:00Z"], &["2026-04-30T12:00:00Z"]);
    check(&of(&[(-31, -29)]), &["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"], &["2026-01-04T00:00:00Z"]);
    check(&of(&[(25, -3)]), &["2026-02-26T00:00:00Z"], &["2026-02-27T00:00:00Z"]);
}

#[test]
fn the_last_day_is_the_last_one_also_when_the_clocks_change_within_the_month() {
    let last = |zone| TimeInterval { days_of_month: ranges(&[(-1, -1)]), zone, ..ALWAYS };
    check(
        &last(Europe::Berlin),
        &["2026-03-31T10:00:00+02:00", "2026-10-31T00:00:00+01:00", "2026-10-31T23:59:59+01:00"],
        &["2026-03-30T23:59:59+02:00", "2026-10-30T23:59:59+01:00", "2026-11-01T00:00:00+01:00"],
    );
    check(
        &last(Australia::Sydney),
        &["2026-10-31T00:00:00+11:00", "2026-04-30T23:59:59+10:00"],
        &["2026-10-30T23:59:59+11:00", "2026-05-01T00:00:00+10:00"],
    );
}

#[test]
fn a_route_is_active_in_one_of_its_intervals_and_muted_in_any() {
    let hours = |start, end| vec![TimeInterval { times: Some(vec![(start, end)]), ..ALWAYS }];
    let intervals = TimeIntervals(
        [
            ("early".to_owned(), hours(300, 600)),
            ("late".to_owned(), hours(600, 1_200)),
            ("lunch".to_owned(), hours(720, 780)),
        ]
        .into(),
    );
    let said = |active: &[&str], mute: &[&str], clock: &str| {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let now = Timestamp::parse_rfc3339(&format!("2026-11-22T{clock}:00Z")).expect("a moment");
        intervals.muted(&owned(active), &owned(mute), now).map(|muted| muted.reason)
    };
    assert_eq!(said(&[], &[], "12:00"), None);
    assert_eq!(said(&["early", "late"], &[], "09:00"), None);
    assert_eq!(
        said(&["early", "late"], &["lunch"], "04:59").as_deref(),
        Some("outside active time interval early, late")
    );
    assert_eq!(
        said(&["late"], &["early", "lunch"], "12:30").as_deref(),
        Some("muted by time interval lunch")
    );
    assert_eq!(said(&[], &["early", "lunch"], "09:30").as_deref(), Some("muted by time interval early"));
}

/// Every UTC minute of some local days that the interval names, found the other way round: from the calendar's dates and
/// the wall clock's minutes to the moments at which clocks show them.
fn oracle(interval: &TimeInterval, first: NaiveDate, days: u64) -> BTreeSet<i64> {
    let mut minutes = BTreeSet::new();
    for date in first.iter_days().take(usize::try_from(days).expect("few")) {
        let named = |field: &Option<Vec<Range>>, value: i64| {
            field
                .as_ref()
                .is_none_or(|list| list.iter().any(|range| range.first <= value && value <= range.last))
        };
        let is_in = named(&interval.weekdays, date.format("%w").to_string().parse().expect("a digit"))
            && named(&interval.months, date.month().into())
            && named(&interval.years, date.year().into())
            && interval
                .days_of_month
                .as_ref()
                .is_none_or(|list| list.iter().any(|range| spans(*range, date)));
        if !is_in {
            continue;
        }
        for minute in 0..1_440_u32 {
            let within = |(start, end): &(u32, u32)| *start <= minute && minute < *end;
            if !interval.times.as_ref().is_none_or(|times| times.iter().any(within)) {
                continue;
            }
            let clock = date.and_hms_opt(minute / 60, minute % 60, 0).expect("a time of day");
            let local = interval.zone.from_local_datetime(&clock);
            let moments = [local.earliest(), local.latest()];
            minutes.extend(moments.into_iter().flatten().map(|moment| moment.timestamp().div_euclid(60)));
        }
    }
    minutes
}

/// By walking the month's dates rather than by its length.
fn spans(range: Range, date: NaiveDate) -> bool {
    let start = date.with_day(1).expect("a first");
    let month: Vec<NaiveDate> = start.iter_days().take_while(|day| day.month() == date.month()).collect();
    let place = |day: i64| {
        let from_front = if day > 0 { day - 1 } else { i64::try_from(month.len()).expect("short") + day };
        from_front.max(0)
    };
    let (first, last) = (place(range.first), place(range.last));
    // A range that ends before the month does: nothing of it is there.
    let ends_before = range.last < 0 && i64::try_from(month.len()).expect("short") + range.last < 0;
    let chosen = month.iter().enumerate().filter(|(place, _)| {
        let place = i64::try_from(*place).expect("short");
        !ends_before && first <= place && place <= last
    });
    chosen.into_iter().any(|(_, day)| *day == date)
}

fn any_ranges(low: i64, high: i64) -> impl Strategy<Value = Option<Vec<Range>>> {
    let range = (low..=high, low..=high).prop_map(|(a, b)| Range { first: a.min(b), last: a.max(b) });
    prop::option::of(prop::collection::vec(range, 1..3))
}

fn any_days() -> impl Strategy<Value = Option<Vec<Range>>> {
    let range = prop_oneof![
        (1_i64..=31, 1_i64..=31).prop_map(|(a, b)| Range { first: a.min(b), last: a.max(b) }),
        (-31_i64..=-1, -31_i64..=-1).prop_map(|(a, b)| Range { first: a.min(b), last: a.max(b) }),
        (1_i64..=20, -8_i64..=-1).prop_map(|(first, last)| Range { first, last }),
    ];
    prop::option::of(prop::collection::vec(range, 1..3))
}

prop_compose! {
    fn any_interval()(
        times in prop::option::of(prop::collection::vec((0_u32..1_440, 1_u32..1_440), 1..3)),
        weekdays in any_ranges(0, 6),
        days_of_month in any_days(),
        months in any_ranges(1, 12),
        zone in prop::sample::select(vec![
            Tz::UTC, Europe::Berlin, America::New_York, America::Santiago, Australia::Sydney,
            Australia::Lord_Howe, Asia::Kolkata,
        ]),
    ) -> TimeInterval {
        let times = times.map(|times| {
            times.into_iter().map(|(start, length)| (start, (start + length).min(1_440))).collect()
        });
        TimeInterval { times, weekdays, days_of_month, months, years: None, zone }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The windows hold the changes of the clocks of 2026 in both hemispheres, and a February.
    #[test]
    fn every_minute_agrees_with_the_calendar_read_the_other_way(
        interval in any_interval(),
        first in prop::sample::select(vec!["2026-02-26", "2026-03-07", "2026-03-28", "2026-04-03", "2026-09-05",
            "2026-10-03", "2026-10-24", "2026-10-31", "2028-02-28"]),
    ) {
        let first: NaiveDate = first.parse().expect("a date");
        let inside = oracle(&interval, first, 4);
        // The two days in the middle are whole in every zone.
        let from = (first + Days::new(1)).and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp() / 60;
        for minute in from..from + 2 * 1_440 {
            let moment = Timestamp::from_secs(minute * 60 + minute % 60);
            prop_assert_eq!(
                interval.contains(moment), inside.contains(&minute), "{} in {}", moment, interval.zone
            );
        }
    }
}
