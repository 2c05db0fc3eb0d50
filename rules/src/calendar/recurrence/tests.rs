use std::collections::BTreeSet;

use chrono::Timelike;
use proptest::prelude::*;

use super::*;

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").expect("a local time")
}

fn starts(first: &str, rule: &str, from: &str, to: &str) -> Vec<String> {
    let rule: Recurrence = rule.parse().unwrap_or_else(|message| panic!("{rule}: {message}"));
    let found = rule.starts(local(first), Tz::UTC, (local(from), local(to)));
    found.iter().map(|start| start.format("%Y%m%d").to_string()).collect()
}

/// Examples of RFC 5545, 3.8.5.3, with the dates that stand there: begin, rule, until when they are asked for, dates. That of
/// WKST stands there twice, since the week's beginning decides which weeks are the second ones.
const EXAMPLES: [(&str, &str, &str, &str); 16] = [
    (
        "19970902T090000",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "19980101T000000",
        "19970902 19970912 19970922 19971002 19971012",
    ),
    (
        "19970902T090000",
        "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "19980101T000000",
        "19970902 19970904 19970916 19970918 19970930 19971002 19971014 19971016",
    ),
    (
        "19970905T090000",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "19980701T000000",
        "19970905 19971003 19971107 19971205 19980102 19980206 19980306 19980403 19980501 19980605",
    ),
    (
        "19970922T090000",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "19990101T000000",
        "19970922 19971020 19971117 19971222 19980119 19980216",
    ),
    (
        "19970928T090000",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "19980301T000000",
        "19970928 19971029 19971128 19971229 19980129 19980226",
    ),
    (
        "19970902T090000",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "19990101T000000",
        "19980213 19980313 19981113",
    ),
    ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO", "20000101T000000", "19970519 19980518 19990517"),
    (
        "19970313T090000",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "19980401T000000",
        "19970313 19970320 19970327 19980305 19980312 19980319 19980326",
    ),
    (
        "19961105T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "20050101T000000",
        "19961105 20001107 20041102",
    ),
    (
        "19970904T090000",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "19980101T000000",
        "19970904 19971007 19971106",
    ),
    (
        "19970929T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "19980401T000000",
        "19970929 19971030 19971127 19971230 19980129 19980226 19980330",
    ),
    (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "19980101T000000",
        "19970805 19970810 19970819 19970824",
    ),
    (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "19980101T000000",
        "19970805 19970817 19970819 19970831",
    ),
    (
        "20070115T090000",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "20080101T000000",
        "20070115 20070130 20070215 20070315 20070330",
    ),
    (
        "19970902T090000",
        "FREQ=DAILY;UNTIL=19970905T090000Z",
        "19980101T000000",
        "19970902 19970903 19970904 19970905",
    ),
    ("20000229T090000", "FREQ=YEARLY", "20090101T000000", "20000229 20040229 20080229"),
];

#[test]
fn the_examples_of_the_rfc_give_the_dates_of_the_rfc() {
    for (first, rule, to, dates) in EXAMPLES {
        assert_eq!(starts(first, rule, "19960101T000000", to).join(" "), dates, "{rule}");
    }
}

#[test]
fn until_in_utc_is_compared_on_the_wall_clock_of_the_zone() {
    let rule: Recurrence = "FREQ=DAILY;UNTIL=20260703T200000Z".parse().expect("a rule");
    let asked = (local("20260701T000000"), local("20260801T000000"));
    assert_eq!(
        rule.starts(local("20260701T220000"), Tz::Europe__Berlin, asked).len(),
        3,
        "22:00 is 20:00 UTC"
    );
    assert_eq!(rule.starts(local("20260701T220100"), Tz::Europe__Berlin, asked).len(), 2);
}

#[test]
fn a_rule_of_centuries_is_asked_for_one_day_only() {
    let rule: Recurrence = "FREQ=DAILY".parse().expect("a rule");
    let first = local("19000101T030000");
    assert_eq!(rule.period_before(first.date(), local("21000101T000000").date()), 73_048);
    let found = rule.starts(first, Tz::UTC, (local("21000101T000000"), local("21000101T235959")));
    assert_eq!(found, [local("21000101T030000")]);
    let never: Recurrence = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30".parse().expect("a rule");
    assert_eq!(never.starts(first, Tz::UTC, (first, local("21000101T000000"))), []);
}

fn rule() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let weekdays = prop::collection::btree_set(
        prop::sample::select(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"]),
        0..4,
    );
    let nth = prop::sample::select(vec!["", "", "1", "2", "-1", "-2", "5"]);
    let month_days = prop::collection::btree_set(prop_oneof![1..=31_i32, -31..=-1_i32], 0..4);
    let months = prop::collection::btree_set(1..=12_u32, 0..4);
    let positions = prop::collection::btree_set(prop_oneof![1..=4_i32, -4..=-1_i32], 0..3);
    let count = prop_oneof![Just(None), (1..40_u32).prop_map(Some)];
    (frequency, 1..5_u32, weekdays, nth, month_days, months, positions, count).prop_map(
        |(frequency, interval, weekdays, nth, month_days, months, positions, count)| {
            let mut rule = format!("FREQ={frequency};INTERVAL={interval}");
            let numbered = matches!(frequency, "MONTHLY" | "YEARLY") && month_days.is_empty();
            let days = weekdays.iter().map(|day| format!("{}{day}", if numbered { nth } else { "" }));
            let month_days = if frequency == "WEEKLY" { BTreeSet::new() } else { month_days };
            let chooses = !(weekdays.is_empty() && month_days.is_empty() && months.is_empty());
            let positions = if chooses { positions } else { BTreeSet::new() };
            for (key, values) in [
                ("BYDAY", days.collect::<Vec<_>>()),
                ("BYMONTHDAY", month_days.iter().map(ToString::to_string).collect()),
                ("BYMONTH", months.iter().map(ToString::to_string).collect()),
                ("BYSETPOS", positions.iter().map(ToString::to_string).collect()),
                ("COUNT", count.iter().map(ToString::to_string).collect()),
            ] {
                if !values.is_empty() {
                    rule.push_str(&format!(";{key}={}", values.join(",")));
                }
            }
            rule
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The crate `rrule` is another's reading of the RFC.
    #[test]
    fn a_rule_gives_what_another_implementation_gives(rule in rule(), day in 0..1_500_i64, back in 0..1_400_i64) {
        let first = local("20240101T063000") + days(day);
        let theirs = format!("DTSTART:{}Z\nRRULE:{rule}", first.format("%Y%m%dT%H%M%S"));
        let theirs: rrule::RRuleSet = theirs.parse().unwrap_or_else(|error| panic!("{rule}: {error}"));
        let to = first + days(1_500);
        let from = to - days(back);
        let last = to.and_utc().with_timezone(&rrule::Tz::UTC);
        let theirs = theirs.before(last).all(10_000).dates;
        let theirs: Vec<NaiveDateTime> = theirs.iter().map(|date| date.naive_utc()).filter(|it| *it >= from).collect();
        let ours: Recurrence = rule.parse().unwrap_or_else(|message| panic!("{rule}: {message}"));
        let ours = ours.starts(first, Tz::UTC, (from, to));
        prop_assert!(ours.iter().all(|start| start.hour() == 6));
        prop_assert_eq!(ours, theirs, "{} from {}", rule, first);
    }
}
