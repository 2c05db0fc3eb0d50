use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const GUARD: Guard = Guard { min_bad_events: 3, history: Duration::from_secs(30 * 86_400) };

fn burns(days: u32, target: f64) -> Vec<f64> {
    thresholds(DAY * days, target).iter().map(|threshold| threshold.burn).collect()
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1.0)
}

fn check_burns(days: u32, expected: [f64; 4]) {
    let burns = burns(days, 0.999);
    assert!(burns.len() == 4 && burns.iter().zip(expected).all(|(b, e)| close(*b, e)), "{burns:?}");
}

fn reading(tier: usize, long: (u64, u64), short: (u64, u64), target: f64) -> Reading {
    let counts = |(bad, total): (u64, u64)| Counts { good: total - bad, total };
    Reading::new(thresholds(DAY * 28, target)[tier], counts(long), counts(short), 0.0, target)
}

#[test]
fn thirty_days_give_the_workbooks_numbers() {
    check_burns(30, [14.4, 6.0, 3.0, 1.0]);
}

#[test]
fn four_weeks_give_their_own() {
    check_burns(28, [13.44, 5.6, 2.8, 28.0 / 30.0]);
}

#[test]
fn short_windows_are_a_twelfth_of_the_long() {
    assert!(TIERS.iter().all(|tier| tier.short * 12 == tier.long));
}

#[test]
fn a_burn_beyond_the_ceiling_is_clamped_to_it_and_says_so() {
    let tiers = thresholds(DAY * 28, 0.9);
    assert!(close(tiers[0].burn, 10.0));
    assert!(tiers[0].clamped_from.is_some_and(|asked| close(asked, 13.44)));
    assert!(close(tiers[0].error_ratio(0.9), 1.0));
    assert_eq!(tiers[1].clamped_from, None);
    assert!(close(tiers[1].error_ratio(0.9), 0.56));
    let outage = reading(0, (60, 60), (5, 5), 0.9);
    assert!(matches!(judge(&[outage], Severity::Page, GUARD), Verdict::Burning(_)), "an outage still pages");
}

#[test]
fn tiers_longer_than_the_period_do_not_exist() {
    assert_eq!(burns(1, 0.99).len(), 3);
}

#[test]
fn both_windows_must_burn() {
    let page = |long, short| judge(&[reading(0, long, short, 0.995)], Severity::Page, GUARD);
    assert!(matches!(page((70, 1_000), (10, 100)), Verdict::Burning(_)));
    assert!(matches!(page((60, 1_000), (10, 100)), Verdict::Waiting(_, Wait::Confirmation)));
    assert_eq!(page((70, 1_000), (1, 100)), Verdict::Clear);
    assert_eq!(page((0, 0), (0, 0)), Verdict::Clear);
}

#[test]
fn two_bad_orders_of_two_wake_nobody() {
    let page = |bad| judge(&[reading(0, (bad, bad), (bad, bad), 0.995)], Severity::Page, GUARD);
    assert!(matches!(page(2), Verdict::Waiting(_, Wait::FewBad)));
    assert!(matches!(page(3), Verdict::Burning(_)));
}

#[test]
fn a_history_shorter_than_the_short_window_judges_nothing() {
    let guard = |minutes: u64| Guard { history: Duration::from_secs(minutes * 60), ..GUARD };
    let outage = [reading(0, (9, 9), (9, 9), 0.995), reading(2, (9, 9), (9, 9), 0.995)];
    assert!(matches!(judge(&outage, Severity::Page, guard(4)), Verdict::Waiting(_, Wait::History)));
    assert!(matches!(judge(&outage, Severity::Page, guard(5)), Verdict::Burning(_)));
    assert!(matches!(judge(&outage, Severity::Ticket, guard(119)), Verdict::Waiting(_, Wait::History)));
}

#[test]
fn an_overspent_budget_is_negative_and_has_no_time_left() {
    let left = budget_left(Counts { good: 980, total: 1_000 }, 0.99);
    assert!(close(left, -1.0));
    assert_eq!(time_to_exhaustion(left, DAY, 2.0), None);
    assert_eq!(time_to_exhaustion(0.5, DAY, 0.0), None);
    assert_eq!(time_to_exhaustion(0.5, DAY * 28, 14.0), Some(DAY));
}

/// A night with a tenth of the usual traffic: 6 bad of 30 orders in an hour are a ratio of 20 %, but a page is for 2 % of
/// the budget of four weeks, which at 300 orders an hour are 20 bad orders.
#[test]
fn at_low_traffic_a_page_takes_the_tiers_share_of_the_whole_budget() {
    let usual = usual_events(Counts { good: 201_600, total: 201_600 }, DAY * 28, DAY * 40, DAY / 24);
    assert!(close(usual, 300.0));
    let page = |bad: u64| {
        let counts = |bad, total| Counts { good: total - bad, total };
        let tier = thresholds(DAY * 28, 0.995)[0];
        let reading = Reading::new(tier, counts(bad, 30), counts(3, 3), usual, 0.995);
        judge(&[reading], Severity::Page, GUARD)
    };
    assert!(matches!(page(6), Verdict::Waiting(_, Wait::LowTraffic)));
    assert!(matches!(page(20), Verdict::Waiting(_, Wait::LowTraffic)));
    assert!(matches!(page(21), Verdict::Burning(_)), "20.16 are 2 % of 1,008");
}

#[test]
fn without_history_beyond_the_window_its_own_traffic_is_the_usual() {
    let hour = DAY / 24;
    assert!(close(usual_events(Counts { good: 9, total: 9 }, DAY * 28, hour, hour), 0.0));
    let busy = Reading::new(
        thresholds(DAY, 0.99)[0],
        Counts { good: 80, total: 100 },
        Counts::default(),
        10.0,
        0.99,
    );
    assert!(close(busy.burn_of_usual, busy.burn_long), "more traffic than usual changes nothing");
}

#[test]
fn an_empty_short_window_is_no_news() {
    assert!(reading(0, (70, 1_000), (0, 0), 0.995).holds());
    assert!(!reading(0, (70, 1_000), (0, 50), 0.995).holds());
    assert!(!reading(0, (7, 1_000), (0, 0), 0.995).holds());
}

#[test]
fn a_budget_is_that_of_the_whole_window_also_when_little_of_it_is_known() {
    let known = Counts { good: 950, total: 1_000 };
    let whole = Budget::new(known, DAY * 28, DAY * 28, 0.99);
    assert!(close(whole.spent, 5.0));
    let a_day = Budget::new(known, DAY * 28, DAY, 0.99);
    assert!(close(a_day.allowed, 280.0) && close(a_day.spent, 50.0 / 280.0));
    // 230 bad events are left, and 50 go each day.
    let lasts = a_day.lasts(known, 1_000.0, DAY * 28, 0.99).expect("it burns");
    assert!(close(lasts.as_secs_f64(), 86_400.0 * 230.0 / 50.0));
    assert_eq!(whole.lasts(known, 1_000.0, DAY * 28, 0.99), None);
    assert!(close(Budget::new(Counts::default(), DAY, Duration::ZERO, 0.99).spent, 0.0));
}

/// One event a second, all good for an hour, then the given share bad: the minute-wise simulation of the formula
/// t = L x B x (1 - T) / e.
fn seconds_until_it_fires(target: f64, bad_every: u64) -> u64 {
    let threshold = thresholds(DAY * 30, target)[0];
    let window = |seconds: u64, length: u64| {
        let bad = seconds.min(length) / bad_every;
        Counts { good: length - bad, total: length }
    };
    (1..=3_600)
        .find(|second| {
            let reading =
                Reading::new(threshold, window(*second, 3_600), window(*second, 300), 3_600.0, target);
            matches!(judge(&[reading], Severity::Page, GUARD), Verdict::Burning(_))
        })
        .expect("fires within the long window")
}

#[test]
fn a_total_outage_at_three_nines_pages_after_52_seconds() {
    assert_eq!(seconds_until_it_fires(0.999, 1), 52);
    assert_eq!(seconds_until_it_fires(0.999, 10), 520);
}

proptest! {
    #[test]
    fn arithmetic_equals_the_textbook(bad in 0..500_u64, good in 0..5_000_u64, target in 0.5..0.9999_f64) {
        let counts = Counts { good, total: good + bad };
        let ratio = if counts.total == 0 { 0.0 } else { bad as f64 / (good + bad) as f64 };
        prop_assert!(close(burn_rate(counts, target), ratio / (1.0 - target)));
        let allowed = (1.0 - target) * counts.total as f64;
        let left = if counts.total == 0 { 1.0 } else { (allowed - bad as f64) / allowed };
        prop_assert!(close(budget_left(counts, target), left));
        prop_assert!(burn_rate(counts, target).is_finite());
    }

    /// Whoever burns exactly at the threshold for the long window has spent exactly the tier's share of the budget.
    #[test]
    fn the_threshold_spends_the_tiers_share(days in 3..90_u32, target in 0.5..0.9999_f64) {
        for threshold in thresholds(DAY * days, target) {
            let asked = threshold.clamped_from.unwrap_or(threshold.burn);
            let spent = asked * threshold.tier.long.as_secs_f64() / (DAY * days).as_secs_f64();
            prop_assert!(close(spent, threshold.tier.budget_share));
            prop_assert!(threshold.burn <= 1.0 / (1.0 - target) + 1e-9);
        }
    }
}

/// A thousand events a second, of which `bad` were for `fault` seconds; that ended `since` seconds ago.
fn thousands(length: Duration, bad: u64, fault: u64, since: u64) -> Counts {
    let total = length.as_secs() * 1_000;
    let bad = bad * fault.min(length.as_secs().saturating_sub(since));
    Counts { good: total - bad, total }
}

fn first_second(holds: impl Fn(u64) -> bool) -> u64 {
    let (mut below, mut at) = (0, 4 * 86_400);
    assert!(holds(at), "within four days");
    while at - below > 1 {
        let middle = below + (at - below) / 2;
        if holds(middle) { at = middle } else { below = middle }
    }
    at
}

/// The manual's table: how soon each error ratio fires, and how soon it is over. The same is said by t = L x B x (1 - T) / e
/// and by S x (1 - B x (1 - T) / e).
#[test]
fn detection_and_reset_are_what_the_manual_says() {
    let (period, target) = (DAY * 30, 0.999);
    let tiers = thresholds(period, target);
    let readings = |bad: u64, fault: u64, since: u64| -> Vec<Reading> {
        let of = |length| thousands(length, bad, fault, since);
        let usual = |long: Duration| long.as_secs_f64() * 1_000.0;
        let read = |it: &Threshold| {
            Reading::new(*it, of(it.tier.long), of(it.tier.short), usual(it.tier.long), target)
        };
        tiers.iter().map(read).collect()
    };
    let burning = |bad, fault| {
        [Severity::Page, Severity::Ticket].into_iter().find_map(|severity| {
            match judge(&readings(bad, fault, 0), severity, GUARD) {
                Verdict::Burning(reading) => Some(reading),
                Verdict::Clear | Verdict::Waiting(..) => None,
            }
        })
    };
    let mut table = Vec::new();
    for bad in [1_000, 100, 20, 10, 5, 2] {
        let fires = first_second(|fault| burning(bad, fault).is_some());
        let tier = burning(bad, fires).expect("burns").threshold.tier;
        let held = |since| readings(bad, 7 * 86_400, since).into_iter().find(|it| it.threshold.tier == tier);
        let over = first_second(|since| held(since).is_some_and(|reading| !reading.holds()));

        let share =
            tiers.iter().find(|it| it.tier == tier).expect("one of them").burn * 0.001 * 1_000.0 / bad as f64;
        assert!((fires as f64 - tier.long.as_secs_f64() * share).abs() < 1.5, "{bad}: {fires}");
        assert!((over as f64 - tier.short.as_secs_f64() * (1.0 - share)).abs() < 1.5, "{bad}: {over}");
        table.push(format!(
            "| {} % | {} | {} {}/{} | {} |",
            bad as f64 / 10.0,
            crate::durations::say(Duration::from_secs(fires)),
            tier.severity.as_str(),
            crate::durations::spell(tier.long),
            crate::durations::spell(tier.short),
            crate::durations::say(Duration::from_secs(over)),
        ));
    }
    let manual = include_str!("../../../docs/rules.md");
    assert!(manual.contains(&table.join("\n")), "the manual's table should be\n{}", table.join("\n"));
}
