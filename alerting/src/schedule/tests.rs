//! Rotations against somebody who looks at the wall once a minute and hands off whenever it shows the time.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;
use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const PEOPLE: [&str; 3] = ["anna", "ben", "clara"];

fn wall(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time on the wall")
}

fn utc(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

fn rotation(unit: Unit, every: u32, start: &str, zone: Tz) -> Rotation {
    let participants = PEOPLE.map(ToOwned::to_owned).to_vec();
    Rotation { unit, every, start: wall(start), zone, participants }
}

fn alone(rotation: Rotation) -> Schedule {
    Schedule { layers: vec![Layer { rotation, restrictions: Vec::new() }], overrides: Vec::new() }
}

/// Intervals that hold between two hours of the UTC day.
#[derive(Debug, Default)]
struct Hours(BTreeMap<&'static str, std::ops::Range<i64>>);

impl Intervals for Hours {
    fn hold(&self, name: &str, at: Timestamp) -> bool {
        let hour = at.nanos().div_euclid(3_600_000_000_000).rem_euclid(24);
        self.0.get(name).is_some_and(|hours| hours.contains(&hour))
    }
}

/// Looks at the wall each minute from `from`, which lies before the start, and calls `check` with who has the pager.
/// It knows dates one by one, by `next`, and nothing of how the rotation is counted.
fn watch_the_wall(
    rotation: &Rotation,
    (from, to): (Timestamp, Timestamp),
    next: impl Fn(NaiveDateTime, u32) -> NaiveDateTime,
    mut check: impl FnMut(Timestamp, Option<&str>),
) {
    let (mut turn, mut due, mut latest) = (None::<u32>, rotation.start, NaiveDateTime::MIN);
    let mut at = from;
    while at < to {
        let moment = chrono::DateTime::from_timestamp_nanos(at.nanos()).naive_utc();
        latest = latest.max(rotation.zone.from_utc_datetime(&moment).naive_local());
        while due <= latest {
            let number = turn.map_or(0, |turn| turn + 1);
            turn = Some(number);
            due = next(rotation.start, number + 1);
        }
        let place = turn.map(|turn| turn as usize % PEOPLE.len());
        check(at, place.map(|place| PEOPLE[place]));
        at = at + MINUTE;
    }
}

#[track_caller]
fn agrees_with_the_wall(
    rotation: Rotation,
    from: &str,
    days: u32,
    next: impl Fn(NaiveDateTime, u32) -> NaiveDateTime,
) {
    let schedule = alone(rotation.clone());
    let from = utc(from);
    let span = (from, from + DAY * days);
    let mut changes = 0;
    let mut before = None;
    watch_the_wall(&rotation, span, next, |at, expected| {
        let found = schedule.on_call(at, &Hours::default()).map(|(name, _)| name);
        assert_eq!(found, expected, "{rotation:?} at {at}");
        changes += usize::from(before != Some(expected.map(ToOwned::to_owned)));
        before = Some(expected.map(ToOwned::to_owned));
    });
    assert!(changes > 2, "nobody ever handed off");
}

#[test]
fn a_daily_rotation_hands_off_at_the_same_time_on_the_wall_when_clocks_change_in_both_hemispheres() {
    // Berlin, Sydney, Lord Howe (half an hour), Santiago (at midnight); to summer time and back.
    let nights = [
        (chrono_tz::Europe::Berlin, "2026-03-25T00:00:00Z", "2026-03-26 08:00"),
        (chrono_tz::Europe::Berlin, "2026-03-25T00:00:00Z", "2026-03-26 02:30"),
        (chrono_tz::Europe::Berlin, "2026-10-21T00:00:00Z", "2026-10-22 08:00"),
        (chrono_tz::Europe::Berlin, "2026-10-21T00:00:00Z", "2026-10-22 02:30"),
        (chrono_tz::Australia::Sydney, "2026-04-01T00:00:00Z", "2026-04-02 02:15"),
        (chrono_tz::Australia::Sydney, "2026-09-30T00:00:00Z", "2026-10-01 09:00"),
        (chrono_tz::Australia::Lord_Howe, "2026-09-30T00:00:00Z", "2026-10-01 02:10"),
        (chrono_tz::America::Santiago, "2026-09-02T00:00:00Z", "2026-09-03 00:00"),
        (chrono_tz::America::Santiago, "2026-03-31T00:00:00Z", "2026-04-01 23:30"),
    ];
    for (zone, from, start) in nights {
        agrees_with_the_wall(rotation(Unit::Day, 1, start, zone), from, 7, |start, number| {
            start + TimeDelta::days(number.into())
        });
    }
}

#[test]
fn an_hourly_and_a_weekly_rotation_keep_to_the_wall_too() {
    for (zone, from, start) in [
        (chrono_tz::Europe::Berlin, "2026-03-27T00:00:00Z", "2026-03-27 06:00"),
        (chrono_tz::Europe::Berlin, "2026-10-23T00:00:00Z", "2026-10-23 06:30"),
        (chrono_tz::Australia::Sydney, "2026-10-02T00:00:00Z", "2026-10-03 06:30"),
    ] {
        for every in [1, 12] {
            let hourly = rotation(Unit::Hour, every, start, zone);
            agrees_with_the_wall(hourly, from, 4, |start, number| {
                start + TimeDelta::hours((number * every).into())
            });
        }
    }
    let weekly = rotation(Unit::Week, 1, "2026-03-06 17:00", chrono_tz::Europe::Berlin);
    agrees_with_the_wall(weekly, "2026-03-01T00:00:00Z", 60, |start, number| {
        start + TimeDelta::weeks(number.into())
    });
}

#[test]
fn a_twelve_hour_shift_begins_at_eight_in_summer_as_in_winter() {
    let shifts = rotation(Unit::Hour, 12, "2026-01-01 08:00", chrono_tz::Europe::Berlin);
    let at = |text| shifts.handoff(shifts.turn(utc(text)).expect("it has begun"));
    assert_eq!(at("2026-07-01T06:00:00Z"), utc("2026-07-01T06:00:00Z"));
    assert_eq!(at("2026-07-01T05:59:59Z"), utc("2026-06-30T18:00:00Z"));
    assert_eq!(at("2026-12-01T07:00:00Z"), utc("2026-12-01T07:00:00Z"));
}

#[test]
fn a_monthly_rotation_from_the_31st_hands_off_at_the_end_of_short_months_and_returns() {
    let monthly = rotation(Unit::Month, 1, "2026-01-31 09:00", chrono_tz::UTC);
    let days: Vec<_> =
        (0..6).map(|turn| monthly.handoff(turn).to_utc().format("%m-%d").to_string()).collect();
    assert_eq!(days, ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"]);
    let on_call = |text| monthly.on_call(utc(text));
    assert_eq!(on_call("2026-01-31T08:59:59Z"), None, "before the start");
    assert_eq!(on_call("2026-02-28T08:59:59Z"), Some("anna"));
    assert_eq!(on_call("2026-02-28T09:00:00Z"), Some("ben"));
    assert_eq!(on_call("2026-03-30T23:00:00Z"), Some("ben"));
    assert_eq!(on_call("2026-03-31T09:00:00Z"), Some("clara"));
}

#[test]
fn an_override_wins_over_layers_and_a_higher_layer_over_a_lower_one_while_it_is_open() {
    let nights = Layer {
        rotation: rotation(Unit::Week, 1, "2026-01-05 09:00", chrono_tz::UTC),
        restrictions: Vec::new(),
    };
    let mut office = rotation(Unit::Day, 1, "2026-01-05 00:00", chrono_tz::UTC);
    office.participants = vec!["desk".to_owned()];
    let office = Layer { rotation: office, restrictions: vec!["office".to_owned()] };
    let stand_in = |from, to, name: &str| Override { from: utc(from), to: utc(to), participant: name.into() };
    let schedule = Schedule {
        layers: vec![nights, office],
        overrides: vec![
            stand_in("2026-01-07T10:00:00Z", "2026-01-07T14:00:00Z", "dora"),
            stand_in("2026-01-07T12:00:00Z", "2026-01-07T13:00:00Z", "emil"),
        ],
    };
    let hours = Hours([("office", 9..17)].into());
    let on_call = |text| schedule.on_call(utc(text), &hours);
    assert_eq!(on_call("2026-01-07T08:59:00Z"), Some(("anna", By::Layer(0))));
    assert_eq!(on_call("2026-01-07T09:00:00Z"), Some(("desk", By::Layer(1))));
    assert_eq!(on_call("2026-01-07T10:00:00Z"), Some(("dora", By::Override)));
    assert_eq!(on_call("2026-01-07T12:30:00Z"), Some(("emil", By::Override)));
    assert_eq!(on_call("2026-01-07T13:00:00Z"), Some(("dora", By::Override)));
    assert_eq!(on_call("2026-01-07T14:00:00Z"), Some(("desk", By::Layer(1))));
    assert_eq!(on_call("2026-01-04T14:00:00Z"), None);

    let shifts = preview(&schedule, utc("2026-01-07T08:00:00Z"), utc("2026-01-07T18:00:00Z"), &hours);
    let said: Vec<String> = shifts
        .iter()
        .map(|shift| {
            let name = shift.on_call.as_ref().map_or("nobody", |(name, _)| name);
            format!("{}-{} {name}", shift.from.to_utc().format("%H"), shift.to.to_utc().format("%H"))
        })
        .collect();
    assert_eq!(
        said,
        ["08-09 anna", "09-10 desk", "10-12 dora", "12-13 emil", "13-14 dora", "14-17 desk", "17-18 anna"]
    );
}

prop_compose! {
    fn any_schedule()(
        layers in prop::collection::vec((0..4_usize, 1..5_u32, 0..400_i64, 0..1440_i64, any::<bool>()), 1..4),
        overrides in prop::collection::vec((0..60_i64, 1..72_i64), 0..3),
        zone in prop::sample::select(vec![
            chrono_tz::UTC, chrono_tz::Europe::Berlin, chrono_tz::Australia::Lord_Howe, chrono_tz::America::Santiago,
        ]),
    ) -> Schedule {
        let begin = wall("2026-01-01 00:00");
        let layers = layers.into_iter().map(|(unit, every, days, minutes, restricted)| Layer {
            rotation: Rotation {
                unit: [Unit::Hour, Unit::Day, Unit::Week, Unit::Month][unit],
                every,
                start: begin + TimeDelta::days(days / 4) + TimeDelta::minutes(minutes),
                zone,
                participants: PEOPLE.map(ToOwned::to_owned).to_vec(),
            },
            restrictions: if restricted { vec!["office".to_owned()] } else { Vec::new() },
        });
        let from = utc("2026-03-01T00:00:00Z");
        let overrides = overrides.into_iter().map(|(day, hours)| {
            let from = from + DAY * u32::try_from(day).expect("few");
            let to = from + Duration::from_secs(3600) * u32::try_from(hours).expect("few");
            Override { from, to, participant: "dora".to_owned() }
        });
        Schedule { layers: layers.collect(), overrides: overrides.collect() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// At each moment of a month with a change of clocks the preview has one stretch, and it says what `on_call` says.
    #[test]
    fn the_preview_covers_every_moment_once_and_says_who_is_on_call(schedule in any_schedule(), probes in prop::collection::vec(0..40 * 86_400_i64, 60)) {
        let hours = Hours([("office", 9..17)].into());
        let (from, to) = (utc("2026-03-02T00:07:30Z"), utc("2026-04-11T00:00:00Z"));
        let shifts = preview(&schedule, from, to, &hours);
        prop_assert_eq!(shifts.first().map(|shift| shift.from), Some(from));
        prop_assert_eq!(shifts.last().map(|shift| shift.to), Some(to));
        for pair in shifts.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert_ne!(&pair[0].on_call, &pair[1].on_call);
        }
        let ends = shifts.iter().flat_map(|shift| [shift.from, shift.to - Duration::from_secs(1)]);
        let probes = probes.into_iter().map(|secs| from + Duration::from_secs(secs.unsigned_abs()));
        for at in ends.chain(probes).filter(|at| (from..to).contains(at)) {
            let inside: Vec<_> = shifts.iter().filter(|shift| (shift.from..shift.to).contains(&at)).collect();
            prop_assert_eq!(inside.len(), 1);
            let found = schedule.on_call(at, &hours).map(|(name, by)| (name.to_owned(), by));
            prop_assert_eq!(&inside[0].on_call, &found, "at {}", at);
        }
        let open = schedule.layers.iter().any(|layer| layer.restrictions.is_empty() && layer.rotation.handoff(0) <= from);
        if open {
            prop_assert!(shifts.iter().all(|shift| shift.on_call.is_some()), "nobody is on call");
        }
    }
}
