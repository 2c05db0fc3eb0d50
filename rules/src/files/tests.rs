use std::time::Duration;

use super::*;
use crate::objective::Objective;

mod clock;
mod forms;

use clock::CLOCKED;
use forms::{POLICED, PROCESS, RATIO, SHORT_RATIO, THRESHOLD};

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
    for text in [SHORT, minimal, POLICED, THRESHOLD, RATIO, PROCESS, SHORT_RATIO, CLOCKED] {
        let expanded = expand(text, Path::new("slo.yaml")).expect("expands");
        assert!(expanded.starts_with("apiVersion: openslo/v1\nkind: SLO\n"), "{expanded}");
        assert_eq!(objectives(&expanded), objectives(text), "{expanded}");
        assert_eq!(expand(&expanded, Path::new("slo.yaml")), Ok(expanded));
    }
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
    refuses(&one_file.replace("isRolling: true", "isRolling: false"), 14, "calendar: {startTime");
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
    refuses_short("28d", "1X", 4, "unit");
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
