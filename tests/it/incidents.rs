//! An incident as people meet it: a mail with a link, a page with a button, and the next one in line when nobody answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::alerts::{RULE, order};
use crate::harness::{HttpSink, Plimsoll, Sender, Setup, SmtpServer, eventually, finish, output};

const TOLD_WITHIN: Duration = Duration::from_secs(60);

fn routing(smtp: &SmtpServer, sink: &HttpSink) -> String {
    format!(
        "route: {{receiver: on-call, group_by: [alertname, warehouse], group_wait: 0s, group_interval: 1s}}\n\
         receivers:\n  - name: on-call\n    email_configs:\n      - to: on-call@example.com\n        \
         from: plimsoll@example.com\n        smarthost: '{}'\n        auth_username: '{}'\n        \
         auth_password: '{}'\n        tls_config: {{ca_file: '{}'}}\n  - name: boss\n    webhook_configs:\n      \
         - url: '{}'\n",
        smtp.smarthost(),
        SmtpServer::USER,
        SmtpServer::PASSWORD,
        smtp.authority().display(),
        sink.url("/boss"),
    )
}

fn escalation(delay: &str) -> String {
    format!(
        "receivers:\n  on-call:\n    steps:\n      - receivers: [on-call]\n      - {{receivers: [boss], delay: {delay}}}\n\
         schedules:\n  nights: {{time_zone: UTC, rotation: daily, start: 2026-01-01, participants: [boss]}}\n"
    )
}

async fn start(delay: &str) -> (Plimsoll, SmtpServer, HttpSink) {
    let (smtp, sink) = (SmtpServer::start().await, HttpSink::start().await);
    let setup = Setup::default()
        .file("alertmanager.yml", &routing(&smtp, &sink))
        .file("escalation.yml", &escalation(delay))
        .file("rules/orders.yaml", RULE);
    let plimsoll = Plimsoll::start_with(setup).await;
    Sender::to(&plimsoll.grpc()).send(vec![order("S1", "failed")]).await;
    (plimsoll, smtp, sink)
}

async fn the_mail(smtp: &SmtpServer) -> String {
    let mail = eventually("a mail arrives", TOLD_WITHIN, async || smtp.messages().into_iter().next()).await;
    mail["text"].as_str().expect("a text").to_owned()
}

async fn state(plimsoll: &Plimsoll) -> Value {
    let incidents =
        plimsoll.sql("SELECT incident_id, state, acknowledged_by, next_step_at FROM incidents").await;
    incidents.into_iter().next().expect("an incident")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_mail_acknowledges_when_it_is_confirmed_and_only_once() {
    let (plimsoll, smtp, sink) = start("1h").await;
    let mail = the_mail(&smtp).await;
    let link =
        mail.split_whitespace().find(|word| word.contains("/i/")).expect("a link to acknowledge").to_owned();

    for _ in 0..2 {
        let page = plimsoll.client().get(&link).send().await.expect("answers");
        assert_eq!(page.status().as_u16(), 200);
        let text = page.text().await.expect("a page");
        assert!(
            text.contains("<form method=\"post\">") && text.contains("Acknowledge for on-call"),
            "{text}"
        );
    }
    let before = state(&plimsoll).await;
    assert_eq!(before["state"], "triggered", "mail scanners open links");
    assert!(!before["next_step_at"].is_null(), "the next step waits: {before}");

    let confirmed = plimsoll.client().post(&link).send().await.expect("answers");
    assert_eq!(confirmed.status().as_u16(), 200);
    let after = state(&plimsoll).await;
    assert_eq!((&after["state"], &after["acknowledged_by"]), (&json!("acknowledged"), &json!("on-call")));
    assert!(after["next_step_at"].is_null(), "nobody else is woken: {after}");
    assert_eq!(plimsoll.client().post(&link).send().await.expect("answers").status().as_u16(), 410);

    let audit = plimsoll.sql("SELECT actor, way, action FROM audit").await;
    assert_eq!(audit, [json!({"actor": "on-call", "way": "link", "action": "acknowledge"})]);
    let token = link.rsplit('/').next().expect("a token");
    assert!(!plimsoll.log().contains(token), "the token is in the log");
    assert!(sink.received("/boss").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_answers_the_next_one_is_told_and_the_command_line_ends_it() {
    let (plimsoll, smtp, sink) = start("2s").await;
    the_mail(&smtp).await;
    let told = eventually("the boss is told", TOLD_WITHIN, async || {
        sink.received("/boss").into_iter().next().map(|received| received.body)
    })
    .await;
    assert_eq!((&told["status"], &told["notification_reason"]), (&json!("firing"), &json!("escalated")));

    let incident = state(&plimsoll).await["incident_id"].as_str().expect("an id").to_owned();
    let run = async |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(arguments).args(["--url", &plimsoll.console("")]);
        finish(command).await
    };
    let acknowledged = run(&["incident", "ack", &incident, "--by", "anna"]).await;
    assert!(acknowledged.contains("acknowledged by anna"), "{acknowledged}");
    run(&["incident", "note", &incident, "called the carrier", "--by", "anna"]).await;
    let shown = run(&["incident", "show", &incident]).await;
    for words in
        ["acknowledge", "anna (cli): called the carrier", "boss by the escalation", "on-call by the route"]
    {
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    assert!(run(&["incident", "list"]).await.contains(&incident));
    let shifts =
        run(&["oncall", "show", "--from", "2026-11-22T00:00:00Z", "--to", "2026-11-23T00:00:00Z"]).await;
    assert_eq!(shifts.trim(), "nights 2026-11-22T00:00:00.000Z 2026-11-23T00:00:00.000Z boss");

    let explained = run(&["explain", "OrdersFail"]).await;
    assert!(explained.contains("boss was told at"), "{explained}");

    let decisions = "SELECT count(*) AS n FROM decisions WHERE outcome IN ('escalated', 'acknowledged')";
    eventually("the ledger has both", TOLD_WITHIN, async || {
        (plimsoll.number(decisions).await >= 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_names_nobody_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("plimsoll.toml", "[rules]\nfiles = []\n");
    write("alertmanager.yml", "route: {receiver: on-call}\nreceivers: [{name: on-call}]\n");
    write("escalation.yml", "receivers:\n  on-call:\n    steps:\n      - receivers: [nobody]\n");
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    check.args(["check", "--config"]).arg(folder.path().join("plimsoll.toml"));
    let ran = output(check).await;
    let checked = String::from_utf8(ran.stderr).expect("text");
    assert!(!ran.status.success(), "{checked}");
    assert!(checked.contains("escalation.yml:4: undefined receiver `nobody`"), "{checked}");
}
