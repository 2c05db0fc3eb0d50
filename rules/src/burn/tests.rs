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
    Reading::new(thresholds(DAY * 28, target)[tier], counts(long), counts(short), target)
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
    assert!(matches!(page((60, 1_000), (10, 100)), Verdict::Near(_)));
    assert_eq!(page((70, 1_000), (1, 100)), Verdict::Clear);
    assert_eq!(page((0, 0), (0, 0)), Verdict::Clear);
}

#[test]
fn two_bad_orders_of_two_wake_nobody() {
    let page = |bad| judge(&[reading(0, (bad, bad), (bad, bad), 0.995)], Severity::Page, GUARD);
    assert_eq!(page(2), Verdict::Clear);
    assert!(matches!(page(3), Verdict::Burning(_)));
}

#[test]
fn a_history_shorter_than_the_short_window_judges_nothing() {
    let guard = |minutes: u64| Guard { history: Duration::from_secs(minutes * 60), ..GUARD };
    let outage = [reading(0, (9, 9), (9, 9), 0.995), reading(2, (9, 9), (9, 9), 0.995)];
    assert_eq!(judge(&outage, Severity::Page, guard(4)), Verdict::Clear);
    assert!(matches!(judge(&outage, Severity::Page, guard(5)), Verdict::Burning(_)));
    assert_eq!(judge(&outage, Severity::Ticket, guard(119)), Verdict::Clear);
}

#[test]
fn an_overspent_budget_is_negative_and_has_no_time_left() {
    let left = budget_left(Counts { good: 980, total: 1_000 }, 0.99);
    assert!(close(left, -1.0));
    assert_eq!(time_to_exhaustion(left, DAY, 2.0), None);
    assert_eq!(time_to_exhaustion(0.5, DAY, 0.0), None);
    assert_eq!(time_to_exhaustion(0.5, DAY * 28, 14.0), Some(DAY));
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
            let reading = Reading::new(threshold, window(*second, 3_600), window(*second, 300), target);
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
