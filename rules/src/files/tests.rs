use std::time::Duration;

use super::*;
use crate::objective::Objective;

const SHORT: &str = "\
slo: order-posting
service: sales
objective: 99.5
window: 28d
group_by: [warehouse, company]
noun: orders
team: fulfilment
runbook_url: https://wiki.example/order-posting
min_bad_events: 5
labels:
  tier: gold
annotations:
  dashboard: https://grafana.example/{{ $labels.warehouse }}
severity:
  ticket: none
events: |
  SELECT time, warehouse, company, trace_id, outcome = 'ok' AND duration_ms <= 2000 AS good
  FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'
";

fn read(texts: &[&str]) -> (Parsed, Vec<Finding>) {
    let files =
        texts.iter().enumerate().map(|(number, text)| (format!("{number}.yaml").into(), (*text).to_owned()));
    parse(&files.collect::<Vec<_>>())
}

fn objectives(text: &str) -> Vec<Objective> {
    let (parsed, findings) = read(&[text]);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    parsed.objectives.into_iter().map(|located| located.objective).collect()
}

/// One error, at this line, which says this.
fn refuses(text: &str, line: u64, words: &str) {
    let (_, findings) = read(&[text]);
    let errors: Vec<_> = findings.into_iter().filter(|finding| finding.is_error).collect();
    let [error] = errors.as_slice() else { panic!("exactly one error expected: {errors:#?}") };
    assert!(error.message.contains(words), "{error}");
    assert_eq!(error.line, line, "{error}");
}

fn refuses_short(from: &str, to: &str, line: u64, words: &str) {
    assert!(SHORT.contains(from), "{from}");
    refuses(&SHORT.replacen(from, to, 1), line, words);
}

#[test]
fn the_short_form_is_read() {
    let [objective] = objectives(SHORT).try_into().expect("one");
    assert_eq!(objective.name, "order-posting");
    assert_eq!(objective.window, Duration::from_secs(28 * 86_400));
    assert_eq!(objective.group_by, ["warehouse", "company"]);
    assert_eq!(objective.min_bad_events, 5);
    assert!(objective.query.ends_with("'odoo.sale.order.confirmed'"));
    assert_eq!(objective.thresholds().len(), 2, "tickets are off");
}

#[test]
fn what_expand_prints_is_the_same_objective() {
    let minimal = "slo: a\nservice: b\nobjective: 90\nwindow: 7d\nevents: SELECT time, good FROM logs";
    for text in [SHORT, minimal, POLICED, THRESHOLD, RATIO, PROCESS, SHORT_RATIO] {
        let expanded = expand(text, Path::new("slo.yaml")).expect("expands");
        assert!(expanded.starts_with("apiVersion: openslo/v1\nkind: SLO\n"), "{expanded}");
        assert_eq!(objectives(&expanded), objectives(text), "{expanded}");
        assert_eq!(expand(&expanded, Path::new("slo.yaml")), Ok(expanded));
    }
}

const POLICED: &str = "\
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

const THRESHOLD: &str = "\
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

const RATIO: &str = "\
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

const PROCESS: &str = "\
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

const SHORT_RATIO: &str = "\
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

#[test]
fn several_documents_are_expanded_to_several() {
    let two = format!("{SHORT}---\n{}", SHORT.replace("order-posting", "order-picking"));
    let expanded = expand(&two, Path::new("slo.yaml")).expect("expands");
    assert_eq!(objectives(&expanded).len(), 2);
    assert!(expand("groups: []", Path::new("rules.yaml")).is_err());
}

#[test]
fn openslo_refers_to_indicators_and_data_sources_of_other_files() {
    let slo = "\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: order-posting
  labels: {area: [sales, stock]}
  annotations:
    plimsoll.dev/group-by: warehouse, company
    other.example/owner: nobody
spec:
  description: Orders post in time.
  service: sales
  indicatorRef: posted-in-time
  timeWindow:
    - duration: 4w
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - displayName: good enough
      target: 0.995
";
    let parts = "\
apiVersion: openslo/v1
kind: Service
metadata: {name: sales}
spec: {description: Selling}
---
apiVersion: openslo/v1
kind: DataSource
metadata: {name: here}
spec: {type: plimsoll}
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: posted-in-time}
spec:
  ratioMetric:
    rawType: success
    raw:
      metricSource:
        metricSourceRef: here
        spec:
          query: SELECT time, warehouse, company, good FROM business_events
";
    let (parsed, findings) = read(&[slo, parts]);
    assert!(findings.iter().all(|finding| !finding.is_error), "{findings:?}");
    let objective = &parsed.objectives[0].objective;
    assert_eq!((objective.percent, objective.group_by.len()), (99.5, 2));
    assert_eq!(objective.window, Duration::from_secs(28 * 86_400));
    assert_eq!(objective.labels.get("area").map(String::as_str), Some("sales,stock"));
    refuses(slo, 12, "no file defines an SLI named `posted-in-time`");
    let one_file = format!("{slo}---\n{parts}");
    refuses(&one_file.replace("0.995", "1.0"), 19, "leaves no error budget");
    refuses(&one_file.replace("target: 0.995", "target: 99.5"), 19, "targetPercent: 99.5");
    refuses(&one_file.replace("target: 0.995", "targetPercent: 100"), 19, "leaves no error budget");
    refuses(&one_file.replace("Occurrences", "Timeslices"), 18, "timeSliceWindow");
    refuses(&one_file.replace("Occurrences", "Timeslice"), 16, "Occurrences, Timeslices, RatioTimeslices");
    refuses(&one_file.replace("type: plimsoll", "type: prometheus"), 38, "type `prometheus`");
    refuses(&one_file.replace("isRolling: true", "isRolling: false"), 14, "isRolling: true");
    refuses(&one_file.replace("group-by", "groupby"), 7, "plimsoll.dev/groupby");
    refuses(&one_file.replace("rawType: success", "rawType: fail"), 36, "success or failure");
    refuses(&one_file.replace("openslo/v1\nkind: SLO", "openslo/v1alpha\nkind: SLO"), 1, "openslo/v1");
}

#[test]
fn targets_without_a_budget_or_without_a_meaning_are_refused() {
    refuses_short("99.5", "100", 3, "leaves no error budget");
    refuses_short("99.5", "120", 3, "write less than 100");
    refuses_short("99.5", "0", 3, "above 0");
    refuses_short("99.5", "-3", 3, "above 0");
    refuses_short("99.5", ".nan", 3, "non-finite");
}

#[test]
fn what_is_unknown_is_refused_where_it_stands() {
    refuses_short("team:", "temas:", 7, "temas");
    refuses_short("28d", "28x", 4, "such as `28d`");
    refuses_short("28d", "1M", 4, "unit");
    refuses_short("28d", "91d", 4, "1h to 90d");
    refuses_short("order-posting", "Order Posting", 1, "lower-case");
    refuses_short("  tier: gold", "  ti-er: gold", 11, "not a label name");
    refuses_short("  tier: gold", "  severity: gold", 11, "set by the engine");
    refuses_short("[warehouse, company]", "[trace_id]", 5, "example_trace_id");
    refuses_short("{{ $labels.warehouse }}", "{{ range . }}", 13, "beyond what templates");
    refuses_short("ticket: none", "ticket: page", 1, "two names");
    refuses("slos: [a]\n", 1, "neither an SLO");
    refuses("- a\n- b\n", 1, "");
    refuses("slo: [\n", 1, "unclosed");
}

#[test]
fn all_findings_of_all_files_come_at_once() {
    let (_, findings) = read(&[
        &SHORT.replace("99.5", "100").replace("28d", "28x"),
        "slo: [",
        &format!("# a comment\n---\n{SHORT}---\n{SHORT}"),
    ]);
    let said: Vec<String> = findings
        .iter()
        .filter(|finding| finding.is_error)
        .map(|finding| finding.file.display().to_string())
        .collect();
    assert_eq!(said.iter().filter(|file| *file == "0.yaml").count(), 2, "{findings:#?}");
    assert_eq!(said.iter().filter(|file| *file == "1.yaml").count(), 1);
    assert_eq!(said.iter().filter(|file| *file == "2.yaml").count(), 2, "both repeat the name of 0.yaml");
}

#[test]
fn tiers_that_can_never_fire_are_clamped_and_named() {
    let (_, findings) = read(&[&SHORT.replace("99.5", "90").replace("runbook_url", "description")]);
    let warnings: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(findings.iter().all(|finding| !finding.is_error));
    assert!(warnings.iter().any(|said| said.contains("no runbook_url")), "{warnings:?}");
    let clamped = "the page tier over 1h and 5m asks for a burn rate of 13.44, but 90 % can't burn faster than 10: \
                   clamped to 10, so an error ratio of 100 % trips it";
    assert!(warnings.contains(&clamped), "{warnings:?}");
}

const RULES: &str = "\
groups:
  - name: odoo
    interval: 10s
    limit: 20
    rules:
      - alert: OrdersBlocked
        sql: |
          SELECT warehouse, count(*) AS impact_orders FROM business_events GROUP BY warehouse
        for: 1m
        keep_firing_for: 2m
        labels:
          severity: page
        annotations:
          summary: '{{ $row.impact_orders }} orders wait in {{ $labels.warehouse }}'
          runbook_url: https://wiki.example/blocked
";

#[test]
fn rule_groups_are_read() {
    let (parsed, findings) = read(&[RULES]);
    assert!(findings.is_empty(), "{findings:?}");
    let group = &parsed.groups[0];
    assert_eq!((group.name.as_str(), group.limit), ("odoo", 20));
    assert_eq!(group.interval, Some(Duration::from_secs(10)));
    assert_eq!(group.rules[0].timing.hold, Duration::from_secs(60));
    assert_eq!(group.rules[0].timing.keep_firing, Duration::from_secs(120));
}

#[test]
fn rules_are_refused_where_they_err() {
    let refuses_rules =
        |from: &str, to: &str, line, words| refuses(&RULES.replacen(from, to, 1), line, words);
    refuses_rules("        sql: |", "        expr: |", 8, "under `sql:`");
    refuses_rules("alert: OrdersBlocked", "record: orders:blocked", 6, "recording rules");
    refuses_rules("for: 1m", "for: 1x", 9, "unit");
    refuses_rules("interval: 10s", "interval: 0", 3, "1s or more");
    refuses_rules("interval", "intervall", 3, "intervall");
    refuses_rules("severity: page", "severity: '{{ $value }}'", 12, "new alert");
    refuses_rules("severity: page", "alertname: page", 12, "not `alertname`");
    refuses_rules("{{ $row.impact_orders }}", "{{ printf }}", 14, "beyond");
    let twice = format!("{RULES}{}", RULES.split_once('\n').map(|(_, rest)| rest).unwrap_or_default());
    let (_, findings) = read(&[&twice]);
    assert_eq!(
        findings.iter().filter(|finding| finding.is_error).count(),
        2,
        "group and alert: {findings:?}"
    );
}

#[test]
fn a_rule_without_runbook_is_a_warning() {
    let bare = "groups: [{name: a, rules: [{alert: B, sql: SELECT 1 AS value}]}]";
    let (parsed, findings) = read(&[bare]);
    assert_eq!(parsed.groups[0].rules.len(), 1);
    let said: Vec<_> = findings.iter().map(|finding| (finding.is_error, finding.message.as_str())).collect();
    assert!(matches!(said[..], [(false, message)] if message.contains("runbook_url")), "{said:?}");
}

#[test]
fn a_groups_labels_and_offset_are_its_rules() {
    let text = "\
groups:
  - name: a
    query_offset: 30s
    labels: {severity: ticket, team: web}
    rules:
      - {alert: B, sql: SELECT 1 AS value, labels: {severity: page}}
      - {alert: C, sql: SELECT 1 AS value}
";
    let (parsed, _) = read(&[text]);
    let group = &parsed.groups[0];
    assert_eq!(group.query_offset, Duration::from_secs(30));
    let ids: Vec<String> = group.rules.iter().map(|rule| rule.id("a")).collect();
    assert_eq!(
        ids,
        [r#"alert/a/B{severity="page", team="web"}"#, r#"alert/a/C{severity="ticket", team="web"}"#]
    );
    refuses(&text.replace("30s", "x"), 3, "duration");
    refuses(&text.replace("team: web", "tenant: web"), 4, "not `alertname` or `tenant`");
}
