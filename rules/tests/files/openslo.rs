//! The vocabulary of OpenSLO, file by file: what is valid means what its first lines say when it is evaluated over the ten
//! known minutes; what is not gives the one finding that its first line says.

use std::path::Path;
use std::time::Duration;

use plimsoll_rules::expand;

use super::fixture::{House, files_of};

/// The rest of each comment that begins like this, in their order.
fn said<'a>(text: &'a str, begin: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(begin)).map(str::trim).collect()
}

/// `NAME PERCENT GOOD/TOTAL` of each objective, sorted.
async fn meanings(house: &House) -> Vec<String> {
    let rows = house.json("SELECT slo, objective, good, total FROM slos ORDER BY slo").await;
    let row = |row: &serde_json::Value| {
        let text = |name: &str| row[name].to_string().trim_matches('"').to_owned();
        let percent = row["objective"].as_f64().expect("a number");
        format!("{} {percent} {}/{}", text("slo"), text("good"), text("total"))
    };
    rows.as_array().expect("rows").iter().map(row).collect()
}

#[tokio::test]
async fn what_is_valid_is_evaluated_and_means_what_it_says() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let files = files_of("openslo/valid", "yaml");
    assert!(files.len() >= 20, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("reads");
        let expected = said(&text, "# means:");
        assert!(!expected.is_empty(), "{} says nothing of what it means", file.display());
        let mut evaluator = house.evaluator(vec![file.clone()]).await;
        house.tick(&mut evaluator).await;
        assert_eq!(meanings(&house).await, expected, "{}", file.display());

        // What it expands to is the same once more, and says itself what it refers to.
        let expanded = expand(&text, Path::new("slo.yaml")).unwrap_or_else(|why| panic!("{why:?}"));
        let mut evaluator = house.evaluator(house.write(&[("expanded.yaml", &expanded)])).await;
        house.tick(&mut evaluator).await;
        assert_eq!(meanings(&house).await, expected, "{} expanded", file.display());
        assert_eq!(expand(&expanded, Path::new("slo.yaml")), Ok(expanded));
    }
}

#[tokio::test]
async fn what_is_not_is_refused_where_it_stands_with_a_cure() {
    let house = House::open("08:10:00").await;
    let files = files_of("openslo/invalid", "yaml");
    assert!(files.len() >= 40, "{}", files.len());
    let mut astray = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("reads");
        let [expected] = said(&text, "# finding:")[..] else {
            panic!("{} expects no finding", file.display())
        };
        let (line, words) = expected.split_once(' ').expect("a line and words");
        let (_, rules, findings) = house.check(vec![file.clone()]).await;
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error).collect();
        let [error] = errors[..] else {
            astray.push(format!("{}: one error expected: {errors:?}", file.display()));
            continue;
        };
        assert!(rules.is_none());
        if error.line.to_string() != line || !error.message.contains(words) {
            astray.push(format!("{error} - expected line {line}: {words}"));
        }
    }
    assert!(astray.is_empty(), "{astray:#?}");
}

#[tokio::test]
async fn documents_find_each_other_across_files() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let file = files_of("openslo/valid", "yaml").into_iter().find(|file| file.ends_with("every-kind.yaml"));
    let text = std::fs::read_to_string(file.expect("is there")).expect("reads");
    let documents: Vec<&str> = text.split("\n---\n").collect();
    let names: Vec<String> = (0..documents.len()).map(|number| format!("{number}.yaml")).collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(documents.iter().copied()).rev().collect();
    let mut evaluator = house.evaluator(house.write(&files)).await;
    house.tick(&mut evaluator).await;
    assert_eq!(meanings(&house).await, said(&text, "# means:"));
}

const POLICY: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata: {name: posting}
spec:
  service: sales
  indicator:
    metadata: {name: posted}
    spec:
      ratioMetric:
        rawType: success
        raw:
          metricSource:
            type: plimsoll
            spec: {query: \"SELECT time, outcome = 'ok' AS good FROM business_events\"}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.9}]
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: fast}
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {name: fast}
            spec:
              severity: critical
              condition: {kind: burnrate, op: gte, threshold: 1.2, lookbackWindow: 9m, alertAfter: 2m}
        notificationTargets:
          - kind: AlertNotificationTarget
            metadata: {name: duty}
            spec: {target: pager}
";

/// 2 of 9 failed, two minutes later 1 of 6: burn rates of 2.2 and 1.7 where 1.2 is the limit.
#[tokio::test]
async fn a_condition_fires_once_it_lasted_as_long_as_it_says() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let text =
        POLICY.replace("name: posting}", "name: posting, annotations: {plimsoll.dev/min-bad-events: \"1\"}}");
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &text)])).await;
    assert!(house.tick(&mut evaluator).await.is_empty(), "pending");
    house.clock.advance(Duration::from_secs(119));
    assert!(house.tick(&mut evaluator).await.is_empty(), "pending still");
    house.clock.advance(Duration::from_secs(1));
    let alerts = house.tick(&mut evaluator).await;
    let [alert] = alerts.as_slice() else { panic!("{alerts:#?}") };
    assert_eq!(alert.labels.get("severity"), "critical");
    assert_eq!(alert.labels.get("notification_target"), "duty");

    let quiet = text.replace("alertWhenBreaching: true", "alertWhenBreaching: false");
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &quiet)])).await;
    house.tick(&mut evaluator).await;
    house.clock.advance(Duration::from_secs(300));
    assert!(house.tick(&mut evaluator).await.is_empty(), "the policy wants no alert");
}
