use proptest::prelude::*;

use super::*;
use crate::calendar::day_or_moment;

fn period(text: &str, first: &str, zone: &str) -> Period {
    let first = day_or_moment(first).expect("a moment");
    Period::new(text, first, zone::named(zone).expect("a zone")).unwrap_or_else(|message| panic!("{message}"))
}

fn holding(period: &Period, time: &str) -> (String, String) {
    let Span { from, to } = period.holding(Timestamp::parse_rfc3339(time).expect("a moment"));
    (from.to_rfc3339().replace(":00.000Z", ""), to.to_rfc3339().replace(":00.000Z", ""))
}

#[test]
fn a_month_is_the_zones_month() {
    let month = period("1M", "2020-01-01", "Europe/Berlin");
    assert_eq!(
        holding(&month, "2026-10-31T23:30:00Z"),
        ("2026-10-31T23:00".into(), "2026-11-30T23:00".into())
    );
    assert_eq!(
        holding(&month, "2026-10-31T22:30:00Z"),
        ("2026-09-30T22:00".into(), "2026-10-31T23:00".into())
    );
    let february = month.holding(Timestamp::parse_rfc3339("2028-02-10T00:00:00Z").expect("a moment"));
    assert_eq!(february.to.since(february.from), Duration::from_secs(29 * 86_400));
    let march = month.holding(Timestamp::parse_rfc3339("2026-03-10T00:00:00Z").expect("a moment"));
    assert_eq!(march.to.since(march.from), Duration::from_secs(31 * 86_400 - 3_600), "an hour is missing");
}

#[test]
fn weeks_quarters_and_fiscal_years_begin_where_they_are_told() {
    let week = period("1w", "2026-01-05", "America/New_York");
    assert_eq!(
        holding(&week, "2026-11-21T12:00:00Z"),
        ("2026-11-16T05:00".into(), "2026-11-23T05:00".into())
    );
    let quarter = period("1Q", "2020-01-01", "UTC");
    assert_eq!(
        holding(&quarter, "2026-11-21T12:00:00Z"),
        ("2026-10-01T00:00".into(), "2027-01-01T00:00".into())
    );
    let fiscal = period("1Y", "2020-04-01", "Asia/Kathmandu");
    assert_eq!(
        holding(&fiscal, "2026-03-31T18:14:00Z"),
        ("2025-03-31T18:15".into(), "2026-03-31T18:15".into())
    );
    let of_the_31st = period("1M", "2026-01-31", "UTC");
    assert_eq!(
        holding(&of_the_31st, "2026-03-01T00:00:00Z"),
        ("2026-02-28T00:00".into(), "2026-03-31T00:00".into())
    );
    assert_eq!(holding(&of_the_31st, "2025-12-01T00:00:00Z").0, "2025-11-30T00:00", "also before the first");
    assert_eq!(quarter.spelt(), "1Q");
    assert_eq!(week.said(), "this week");
}

#[test]
fn lengths_beyond_a_year_and_other_units_are_refused() {
    for text in ["2Y", "0M", "1h", "M", "1.5M", "400d", "99999999999M"] {
        let zone = zone::named("UTC").expect("a zone");
        assert!(Period::new(text, NaiveDateTime::default(), zone).is_err(), "{text}");
    }
    assert!(follows_the_calendar("1M") && follows_the_calendar("2Q") && !follows_the_calendar("28d"));
}

proptest! {
    #[test]
    fn each_moment_is_in_one_period_and_the_next_begins_where_it_ends(
        text in prop::sample::select(vec!["1d", "1w", "2w", "1M", "2M", "1Q", "1Y"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Africa/Casablanca"]),
        day in 0..20_000_i64,
        secs in 0..86_400_i64,
    ) {
        let period = period(text, "2012-01-31 03:00", zone);
        let time = Timestamp::from_secs(day * 86_400 + secs);
        let Span { from, to } = period.holding(time);
        prop_assert!(from <= time && time < to);
        prop_assert_eq!(period.holding(to).from, to);
        prop_assert!(to.since(from) <= period.longest());
    }
}
