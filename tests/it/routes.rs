//! `plimsoll routes`, beside `amtool config routes`: the same lines, and the same exit codes.

use std::process::Output;

use tempfile::TempDir;

use crate::harness::{output, tool};

const ROUTING: &str = "\
route:
  receiver: mail
  routes:
    - matchers: [severity=\"page\"]
      receiver: log
      continue: true
    - matchers: [severity=~\"page|critical\", team!=\"test\"]
      receiver: on-call
      routes:
        - match_re: {warehouse: ROT|UTR}
receivers: [{name: mail}, {name: log}, {name: on-call}]
";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("routing.yml"), ROUTING).expect("writable");
    std::fs::write(folder.path().join("plimsoll.toml"), "[alerting]\nconfig = \"routing.yml\"\n")
        .expect("writable");
    folder
}

async fn ours(folder: &TempDir, config: &str, arguments: &[&str]) -> Output {
    let mut command = tool(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["routes", "--config"]).arg(folder.path().join(config)).args(arguments);
    output(command).await
}

async fn theirs(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = tool("amtool");
    let file = folder.path().join("routing.yml");
    command.args(["config", "routes", arguments[0]]).arg(format!("--config.file={}", file.display()));
    output({
        command.args(&arguments[1..]);
        command
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_shown_and_tested_as_amtool_does() {
    let folder = folder();
    let cases: [&[&str]; 7] = [
        &["show"],
        &["test", "severity=page", "warehouse=ROT"],
        &["test", "--tree", "severity=page", "warehouse=ROT"],
        &["test", "--tree"],
        &["test", "--verify.receivers=log,on-call", "severity=page"],
        &["test", "--verify.receivers=on-call", "severity=page"],
        &["test", "severity!=page"],
    ];
    for arguments in cases {
        let expected = theirs(&folder, arguments).await;
        for config in ["plimsoll.toml", "routing.yml"] {
            let found = ours(&folder, config, arguments).await;
            assert_eq!(found.status.code(), expected.status.code(), "{arguments:?}: {found:?}");
            let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(text(&found), text(&expected), "{arguments:?}");
        }
    }
}
