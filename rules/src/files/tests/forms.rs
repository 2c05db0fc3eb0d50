//! Every form that an objective may be written in.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::{objectives, refuses};
use crate::files::expand;

pub(super) const POLICED: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: search
  labels: {cost.centre: [a, b], team: web}
  annotations: {plimsoll.dev/group-by: warehouse, plimsoll.dev/page-severity: wake}
spec:
  service: shop
  indicator:
    spec:
      ratioMetric:
        rawType: failure
        raw: {metricSource: {type: plimsoll, spec: {query: \"SELECT time, bad, warehouse FROM logs\"}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: RatioTimeslices
  objectives: [{target: 0.99, timeSliceWindow: 5}]
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: fast}
      spec:
        alertWhenNoData: true
        conditions:
          - kind: AlertCondition
            metadata: {name: fast}
            spec:
              severity: critical
              condition: {kind: burnrate, op: gt, threshold: 10, lookbackWindow: 1h, alertAfter: 5m}
        notificationTargets:
          - {kind: AlertNotificationTarget, metadata: {name: duty}, spec: {target: pager}}
    - kind: AlertPolicy
      metadata: {name: slow}
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {name: slow}
            spec:
              severity: ticket
              condition: {kind: burnrate, op: gte, threshold: 2, lookbackWindow: 90m}
";

pub(super) const THRESHOLD: &str = "\
apiVersion: openslo.com/v2alpha
kind: SLO
metadata: {name: wait}
spec:
  service: shop
  sli:
    spec:
      thresholdMetric:
        dataSourceSpec: {type: plimsoll}
        spec: {query: \"SELECT value, time AS timestamp FROM metrics WHERE time BETWEEN :date_from AND :date_to\"}
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{op: lte, value: 0.25, targetPercent: 99, timeSliceTarget: 0.95, timeSliceWindow: 10m}]
";

pub(super) const RATIO: &str = "\
- apiVersion: openslo/v1
  kind: SLO
  metadata: {name: web}
  spec:
    service: shop
    indicator:
      spec:
        ratioMetric:
          counter: true
          bad: {metricSource: {type: plimsoll, spec: {query: SELECT 1;}}}
          total: {metricSource: {type: plimsoll, spec: {query: SELECT 2}}}
    objectives: [{target: 0.98}]
";

pub(super) const PROCESS: &str = "\
slo: shipped-in-time
service: warehouse
objective: 98
window: 28d
group_by: [warehouse, company]
process:
  from: odoo.sale.order.confirmed
  to: odoo.stock.picking.done
  cancelled_by: odoo.sale.order.cancelled
  from_where: carrier <> 'pick-up'
  within: 4h
";

#[test]
fn a_process_has_one_deadline() {
    let refuses = |from: &str, to: &str, line, words| refuses(&PROCESS.replacen(from, to, 1), line, words);
    refuses("  within: 4h\n", "", 7, "one deadline");
    refuses("  within: 4h\n", "  within: 4h\n  due: true\n", 7, "one deadline");
    refuses("  within: 4h\n", "  due: false\n", 7, "one deadline");
    refuses("within: 4h", "within: 91d", 11, "at most 90d");
    refuses("within: 4h", "within: 0", 11, "more than 0");
    refuses("within: 4h", "by: noon", 11, "by: cut_off");
    refuses("odoo.stock.picking.done", "odoo.sale.order.confirmed", 8, "the same event");
    refuses("  within", "  key: a b\n  within", 11, "not a column");
    refuses("process:", "events: SELECT 1\nprocess:", 1, "one thing");
    refuses("process:", "good: SELECT 1\nprocess:", 1, "one thing");
    refuses("window: 28d", "window: 28d\ntotal: SELECT 1", 1, "one thing");
}

pub(super) const SHORT_RATIO: &str = "\
slo: web
service: shop
objective: 98
window: 7d
counter: true
bad: SELECT 1;
total: SELECT 2
";

#[test]
fn the_short_form_has_ratios() {
    let [objective] = objectives(SHORT_RATIO).try_into().expect("one");
    assert_eq!(objective.query, "SELECT 2");
    assert!(matches!(objective.sli, crate::objective::Sli::Ratio { is_counter: true, .. }));
    refuses(&SHORT_RATIO.replace("total: SELECT 2\n", ""), 6, "no `total`");
    refuses(&SHORT_RATIO.replace("bad: SELECT 1;\n", ""), 1, "one thing");
}

#[test]
fn alert_policies_take_the_place_of_the_built_in_tiers() {
    let [objective] = objectives(POLICED).try_into().expect("one");
    let said: Vec<_> =
        objective.thresholds().iter().map(|it| (it.tier.long.as_secs(), it.after.as_secs())).collect();
    assert_eq!(said, [(3_600, 300), (5_400, 0)]);
    assert_eq!(objective.severities.label(plimsoll_model::Severity::Page), Some("wake"));
    assert_eq!(objective.blind.severity, "critical");
    assert_eq!(objective.labels.get("notification_target").map(String::as_str), Some("duty"));
    assert_eq!(objective.labels.get("cost_centre").map(String::as_str), Some("a,b"));
    assert_eq!(objective.team.as_deref(), Some("web"));
}

/// What the short form can say, in every combination that a file may have.
fn short_forms() -> impl Strategy<Value = String> {
    let measures = [
        "events: |\n  SELECT time, good, a, b\n  FROM logs -- it's \"quoted\": #no\n",
        "good: SELECT time, a, b FROM logs\ntotal: SELECT time, a, b FROM spans\n",
        "counter: true\nbad: SELECT time, value, a, b FROM metrics\ntotal: 'SELECT time, value, a, b FROM metrics'\n",
        "process: {from: a.b, to: c.d, within: 90m}\n",
        "process: {from: it's, to: c.d, due: true, longest: 3d, key: odoo_res_id, from_where: a > 1, to_where: b > 1, cancelled_by: e}\n",
    ];
    let choices = [
        "group_by: [a, b]\n",
        "description: |\n  Two lines\n  of text: here\n",
        "team: ops\nnoun: orders\n",
        "runbook_url: https://wiki.example/a?b=c#d\n",
        "labels: {tier: 'gold: yes', empty_one: ''}\n",
        "annotations: {dashboard: 'see {{ $labels.a }}', yes: 'no'}\n",
        "severity: {page: wake, ticket: none}\n",
        "budget_alerts: {spent: 50, exhausts_within: 3d}\n",
        "budget_alerts: {spent: none}\n",
        "blind: {after: 1h, severity: page, sources: [odoo, traefik], coverage_floor: 0.5}\n",
    ];
    let chosen = proptest::sample::subsequence(choices.to_vec(), 0..choices.len());
    let numbers = (1..99_999_u32, 60..129_600_u32, proptest::option::of(0..50_u32));
    (proptest::sample::select(measures.to_vec()), chosen, numbers).prop_map(|(measure, chosen, numbers)| {
        let (percent, minutes, min_bad) = numbers;
        let mut text =
            format!("slo: a\nservice: b\nobjective: {}\nwindow: {minutes}m\n", f64::from(percent) / 1e3);
        let mut keys = BTreeSet::new();
        for choice in chosen {
            // A key stands once.
            if keys.insert(choice.split_once(':').map(|(key, _)| key)) {
                text.push_str(choice);
            }
        }
        if let Some(count) = min_bad {
            text.push_str(&format!("min_bad_events: {count}\n"));
        }
        text + measure
    })
}

#[test]
fn whatever_the_short_form_says_its_expansion_says_too() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in short_forms())| {
        let expanded = expand(&text, Path::new("slo.yaml")).expect("expands");
        prop_assert_eq!(objectives(&expanded), objectives(&text), "{}", expanded);
    });
}
