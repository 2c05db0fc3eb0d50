use plimsoll_model::Severity;

use super::*;
use crate::burn::{budget_left, burn_rate};

fn clock(lines: &[(f64, Option<&str>)]) -> BusinessClock {
    let line = |(percent, page): &(f64, Option<&str>)| OtherLine {
        calendar: "night-batch".to_owned(),
        percent: Some(*percent),
        severities: SeverityNames { page: page.map(str::to_owned), ticket: None },
    };
    BusinessClock { lines: lines.iter().map(line).collect(), ..BusinessClock::default() }
}

fn counts(good: u64, total: u64) -> Counts {
    Counts { good, total }
}

#[test]
fn without_lines_it_is_the_ratio_that_it_always_was() {
    let weighed = BusinessClock::default().weigh(&[counts(90, 100)], 0.95, |_| true);
    assert_eq!((weighed.counts, weighed.target), (counts(90, 100), 0.95));
    assert!((weighed.ceiling - 20.0).abs() < 1e-9);
}

/// 5 bad of 100 under 99 % take 500 of the budget's events, 10 bad of 300 under 90 % take 100: together 600 of 400.
#[test]
fn each_bad_event_weighs_what_its_own_line_says() {
    let by_line = [counts(95, 100), counts(290, 300), counts(0, 1_000)];
    let weighed = clock(&[(90.0, None)]).weigh(&by_line, 0.99, |_| true);
    assert_eq!(weighed.counts, counts(385, 400), "what does not count is not there");
    assert!((burn_rate(weighed.counts, weighed.target) - 1.5).abs() < 1e-9);
    assert!((budget_left(weighed.counts, weighed.target) + 0.5).abs() < 1e-9);
    assert!((weighed.ceiling - (100.0 * 100.0 + 300.0 * 10.0) / 400.0).abs() < 1e-9);
    let night = clock(&[(90.0, None)]).weigh(&by_line, 0.99, |line| line == 1);
    assert!((burn_rate(night.counts, night.target) - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn nothing_bad_burns_nothing_and_nothing_at_all_neither() {
    let healthy = clock(&[(90.0, None)]).weigh(&[counts(5, 5), counts(5, 5), counts(0, 0)], 0.99, |_| true);
    assert!(burn_rate(healthy.counts, healthy.target).abs() < 1e-9);
    let empty = clock(&[(90.0, None)]).weigh(&[], 0.99, |_| true);
    assert_eq!((empty.counts, empty.target), (counts(0, 0), 0.99));
}

#[test]
fn a_line_speaks_under_its_own_label_or_not_at_all() {
    let text = "slo: a\nservice: b\nobjective: 99\nwindow: 28d\nevents: SELECT 1\nlines:\n\
                - {while: night-batch, severity: {page: none}}\n- {while: peak, objective: 99.9}\n\
                - {while: freeze, severity: {page: ticket}}\n";
    let (parsed, findings) = crate::files::parse(&[("slo.yaml".into(), text.to_owned())]);
    assert!(findings.iter().all(|finding| !finding.is_error), "{findings:#?}");
    let faces = parsed.objectives[0].objective.faces();
    let said: Vec<_> = faces
        .iter()
        .map(|face| {
            (
                face.severity,
                face.label.as_str(),
                (0..4).filter(|line| face.speaks_of(*line)).collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (Severity::Page, "page", vec![0, 2]),
            (Severity::Page, "ticket", vec![3]),
            (Severity::Ticket, "ticket", vec![0, 1, 2, 3]),
        ]
    );
}
