use std::collections::BTreeMap;

use super::*;
use crate::burn::thresholds;
use crate::objective::{Alerting, Blindness, BudgetAlerts, Budgeting, SeverityNames, Sli};

fn objective() -> Objective {
    Objective {
        name: "order-posting".to_owned(),
        description: None,
        service: "sales".to_owned(),
        percent: 99.5,
        clock: Default::default(),
        window: Duration::from_secs(28 * 86_400),
        group_by: vec!["warehouse".to_owned()],
        query: String::new(),
        sli: Sli::default(),
        budgeting: Budgeting::default(),
        alerting: Alerting::default(),
        team: None,
        runbook_url: None,
        noun: Some("orders".to_owned()),
        min_bad_events: 3,
        budget_alerts: BudgetAlerts::default(),
        blind: Blindness::default(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        severities: SeverityNames::default(),
    }
}

fn counts(bad: u64, total: u64) -> Counts {
    Counts { good: total - bad, total }
}

fn numbers<'a>(objective: &'a Objective, groups: &'a Labels, readings: &'a [Reading]) -> Numbers<'a> {
    Numbers {
        objective,
        groups,
        cause: Cause::Burn(readings[0]),
        readings,
        budget: budget(counts(41, 16_400)),
        since_began: counts(41, 80),
        began: Timestamp::parse_rfc3339("2026-11-21T10:02:10Z").expect("valid"),
        history: Duration::from_secs(22 * 60),
        refused_groups: 0,
        window: objective.window,
        clock: Vec::new(),
    }
}

fn budget(window: Counts) -> Budget {
    let period = Duration::from_secs(28 * 86_400);
    Budget::new(window, period, period, 0.995)
}

fn readings() -> Vec<Reading> {
    let tiers = thresholds(Duration::from_secs(28 * 86_400), 0.995);
    tiers.into_iter().map(|tier| Reading::new(tier, counts(41, 400), counts(31, 50), 0.0, 0.995)).collect()
}

#[test]
fn the_summary_is_one_business_sentence() {
    let (objective, readings) = (objective(), readings());
    let groups: Labels = [("warehouse", "WH1")].into_iter().collect();
    assert_eq!(
        numbers(&objective, &groups, &readings).summary(),
        "order-posting: 62 % of orders in WH1 missed the objective (99.5 %) in the last 5 min; \
         41 bad since 10:02 UTC"
    );
}

#[test]
fn the_description_says_burn_budget_and_what_it_does_not_know() {
    let (objective, readings) = (objective(), readings());
    let groups = Labels::default();
    assert_eq!(
        numbers(&objective, &groups, &readings).description(),
        "The error budget burns 20.5 times too fast over 1 h and 124 times over 5 min; the limit is 13.44 \
         (2 % of the budget). Burn rates: 1 h 20.5, 6 h 20.5, 1 d 20.5, 3 d 20.5. 50 % of the 28 d budget is left, \
         gone in 16 h 23 min at the rate of the last 1 h. History covers 22 min of 1 h; the ratio is taken as that of \
         the whole."
    );
}

#[test]
fn an_overspent_budget_is_said_as_such() {
    let (objective, readings) = (objective(), readings());
    let groups = Labels::default();
    let numbers = Numbers { budget: budget(counts(12, 1_000)), ..numbers(&objective, &groups, &readings) };
    assert!(numbers.description().contains("The budget of 28 d is overspent: -140 % left."));
}

#[test]
fn the_slow_ends_of_a_budget_are_sentences_of_their_own() {
    let (objective, readings) = (objective(), readings());
    let groups: Labels = [("warehouse", "WH1")].into_iter().collect();
    let spent = budget(counts(90, 16_400));
    let cause = Cause::Spent { budget: spent, recent: counts(2, 600) };
    let numbers = |cause, budget| Numbers { cause, budget, ..numbers(&objective, &groups, &readings) };
    assert_eq!(
        numbers(cause, spent).summary(),
        "order-posting: the error budget of 28 d in WH1 is 110 % spent: 90 orders were bad, 82 may be; 2 in the last day"
    );
    assert!(numbers(cause, spent).description().contains("overspent: -9.8 % left."));
    let half = budget(counts(41, 16_400));
    let lasts = Duration::from_secs(2 * 86_400);
    let cause = Cause::Exhausts { budget: half, recent: counts(20, 600), lasts };
    assert_eq!(
        numbers(cause, half).summary(),
        "order-posting: the error budget of 28 d in WH1 lasts 2 d more at the rate of the last day (20 bad orders); 50 % \
         is left"
    );
}

#[test]
fn what_waits_says_for_what() {
    let tier = thresholds(Duration::from_secs(28 * 86_400), 0.995)[0];
    let reading = Reading::new(tier, counts(2, 3), counts(2, 2), 0.0, 0.995);
    assert_eq!(
        waiting(&reading, Wait::FewBad, 3),
        "it burns 200 times too fast over 5 min, but only 2 of 3 were bad in 1 h: waits for 3 (min_bad_events)"
    );
    assert_eq!(
        waiting(&reading, Wait::LowTraffic, 3),
        "it burns 200 times too fast over 5 min, but with so little traffic 2 bad in 1 h spend less than 2 % of the \
         budget: waits"
    );
}

#[test]
fn percents_are_short() {
    for (ratio, expected) in
        [(0.62, "62 %"), (0.067, "6.7 %"), (0.0012, "0.12 %"), (-0.12, "-12 %"), (0.0, "0 %"), (0.02, "2 %")]
    {
        assert_eq!(percent(ratio), expected);
    }
}
