//! Every form that an objective may be written in.

use super::{objectives, refuses};

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
  where: carrier <> 'pick-up'
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
    refuses("odoo.stock.picking.done", "odoo.sale.order.confirmed", 8, "the same");
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
