//! What people write into files: the shipped examples are good, and a mistake is told with its place and its cure.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{finish, output, root, tool};

const ROUTING: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

const OBJECTIVE_OF_100_PERCENT: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: order-posting
spec:
  service: sales
  indicator:
    metadata:
      name: posted
    spec:
      ratioMetric:
        counter: false
        rawType: success
        raw:
          metricSource:
            type: plimsoll
            spec:
              query: SELECT time, outcome = 'ok' AS good FROM business_events
  timeWindow:
    - duration: 28d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - targetPercent: 100
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("in the folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("writable");
    }
    folder
}

/// `timeout` makes a `serve` that starts although it must not a failure rather than a hang.
async fn run(verb: &str, folder: &TempDir) -> Output {
    let mut command: Command = tool("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_plimsoll"), verb, "--config"]);
    output({
        command.arg(folder.path().join("plimsoll.toml"));
        command
    })
    .await
}

/// Both verbs that read the files end with 1 and say each of these on stderr.
async fn assert_refused(files: &[(&str, &str)], said: &[&str]) {
    let folder = folder(files);
    for verb in ["check", "serve"] {
        let output = run(verb, &folder).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{verb}: {errors}");
        for words in said {
            assert!(errors.contains(words), "{verb} must say {words:?}:\n{errors}");
        }
    }
}

/// On ports of the system's choice, so that `serve` never fails for the wrong reason.
fn listening_anywhere(more: &str) -> String {
    format!(
        "[collector]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n[query]\npostgres = \"127.0.0.1:0\"\n\
         [dashboards]\nlisten = \"127.0.0.1:0\"\n{more}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_plimsoll_toml_names_line_and_known_keys() {
    let toml = "data_dir = \"data\"\n[collector]\ngrcp = \"127.0.0.1:4317\"\n";
    assert_refused(&[("plimsoll.toml", toml)], &["plimsoll.toml", "line 3", "`grcp`", "`grpc`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objective_of_100_percent_is_refused_with_its_line() {
    let toml = listening_anywhere("");
    let files = [
        ("plimsoll.toml", toml.as_str()),
        ("alertmanager.yml", ROUTING),
        ("slos/order-posting.yaml", OBJECTIVE_OF_100_PERCENT),
    ];
    let line =
        OBJECTIVE_OF_100_PERCENT.lines().position(|line| line.contains("targetPercent")).expect("there") + 1;
    assert_refused(&files, &[&format!("slos/order-posting.yaml:{line}: "), "100"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_to_a_receiver_that_does_not_exist_is_refused_with_its_line() {
    let toml = listening_anywhere("");
    let routing = "route:\n  receiver: nobody\n  routes:\n    - matchers: ['severity=\"page\"']\n      receiver: on-cal\n\
                   receivers:\n  - name: nobody\n  - name: on-call\n";
    let files = [("plimsoll.toml", toml.as_str()), ("alertmanager.yml", routing)];
    assert_refused(&files, &["alertmanager.yml:5: ", "on-cal", "on-call"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_receiver_type_is_refused_by_name() {
    let toml = listening_anywhere("");
    let routing = "route:\n  receiver: chat\nreceivers:\n  - name: chat\n    discord_configs:\n      - webhook_url: x\n";
    let files = [("plimsoll.toml", toml.as_str()), ("alertmanager.yml", routing)];
    assert_refused(&files, &["alertmanager.yml:5: ", "discord_configs", "webhook_configs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_reads_a_column_that_is_not_there_is_refused_with_its_file() {
    let toml = listening_anywhere("");
    let rule = "groups:\n  - name: late\n    rules:\n      - alert: Late\n        sql: SELECT wearhouse FROM business_events\n\
                \x20       labels: {severity: page}\n";
    let files = [("plimsoll.toml", toml.as_str()), ("alertmanager.yml", ROUTING), ("rules/late.yaml", rule)];
    assert_refused(&files, &["rules/late.yaml:", "wearhouse"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_examples_are_good() {
    for example in ["examples/plimsoll.toml", "examples/odoo.toml"] {
        let mut check = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        check.args(["check", "--config"]).arg(root().join(example));
        finish(check).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_accepts_the_shipped_routing() {
    let mut amtool = tool("amtool");
    amtool.arg("check-config").arg(root().join("examples/alertmanager.yml"));
    assert!(finish(amtool).await.contains("SUCCESS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_routes_pages_and_tickets_as_we_do() {
    for (labels, receiver) in [
        (["severity=page", "team=sales"], "sales-on-call"),
        (["severity=page", "team=warehouse"], "warehouse-on-call"),
        (["severity=ticket", "team=sales"], "tickets"),
    ] {
        let mut amtool = tool("amtool");
        let file = root().join("examples/alertmanager.yml");
        amtool.arg("config").arg("routes").arg("test").arg(format!("--config.file={}", file.display()));
        amtool.arg(format!("--verify.receivers={receiver}")).args(labels);
        finish(amtool).await;
    }
}
