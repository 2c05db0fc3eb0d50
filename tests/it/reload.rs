//! Files change under a running process: what they say comes into force, or everything stays and the mistake is told.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Event, HttpSink, Plimsoll, Sender, Setup, eventually, tool};

const SOON: Duration = Duration::from_secs(30);

const SLO: &str = "\
slo: orders
service: sales
objective: 99
window: 28d
events: SELECT time, outcome = 'ok' AS good FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'
";

/// Fires while there is one order more than this.
fn rule(orders: u32) -> String {
    format!(
        "groups:\n  - name: orders\n    interval: 1s\n    rules:\n      - alert: Orders\n        labels: {{severity: page}}\n        \
         sql: SELECT count(*) AS value FROM business_events HAVING count(*) > {orders}\n"
    )
}

fn routing(receiver: &str, sink: &HttpSink) -> String {
    format!(
        "route: {{receiver: {receiver}, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\nreceivers:\n  \
         - name: {receiver}\n    webhook_configs: [{{url: '{}'}}]\n",
        sink.url(&format!("/{receiver}"))
    )
}

async fn reload(plimsoll: &Plimsoll) -> (StatusCode, String) {
    let answer = plimsoll.client().post(plimsoll.console("/-/reload")).send().await.expect("an answer");
    (answer.status(), answer.text().await.expect("a text"))
}

async fn metric(plimsoll: &Plimsoll, name: &str) -> f64 {
    let page = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("an answer");
    let page = page.text().await.expect("a text");
    let line = page.lines().find(|line| line.starts_with(&format!("{name} "))).expect("the metric is there");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

fn write(plimsoll: &Plimsoll, path: &str, text: &str) {
    std::fs::write(plimsoll.path(path), text).expect("writable");
}

async fn slos(plimsoll: &Plimsoll) -> Vec<Value> {
    plimsoll.sql("SELECT slo, objective, total FROM slos ORDER BY slo").await
}

/// Both orders counted under the one objective that there is.
async fn shows(plimsoll: &Plimsoll, slo: &str, objective: f64) {
    let expected = [json!({"slo": slo, "objective": objective, "total": 2})];
    let is_shown = async || (slos(plimsoll).await == expected).then_some(());
    eventually(&format!("{slo} at {objective} %"), SOON, is_shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_routing_come_into_force_and_a_mistake_changes_nothing() {
    let sink = HttpSink::start().await;
    let setup = Setup::default()
        .file("alertmanager.yml", &routing("first", &sink))
        .file("slos/orders.yaml", SLO)
        .file("rules/orders.yaml", &rule(2));
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let mut sender = Sender::to(&plimsoll.grpc());
    let order = |id: &str| Event::new("odoo.sale.order.confirmed", id).text("business.outcome", "ok");
    sender.send(vec![order("S1"), order("S2")]).await;
    shows(&plimsoll, "orders", 99.0).await;
    let started = metric(&plimsoll, "plimsoll_config_last_reload_success_timestamp_seconds").await;

    // A target is edited, a new file comes, and the same orders are enough for the rule.
    write(&plimsoll, "slos/orders.yaml", &SLO.replace("99", "95"));
    write(&plimsoll, "rules/orders.yaml", &rule(1));
    assert_eq!(reload(&plimsoll).await, (StatusCode::OK, "reloaded\n".to_owned()));
    shows(&plimsoll, "orders", 95.0).await;
    eventually("the page", SOON, async || sink.received("/first").pop()).await;
    assert!(metric(&plimsoll, "plimsoll_config_last_reload_success_timestamp_seconds").await > started);

    // A mistake in either file: all findings at once, each with its line, and nothing of the other one is taken up.
    write(&plimsoll, "slos/orders.yaml", &SLO.replace("outcome = 'ok'", "outcom = 'ok'"));
    write(&plimsoll, "alertmanager.yml", "route:\n  receiver: nobody-knows\nreceivers: []\n");
    let (status, said) = reload(&plimsoll).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    for words in ["orders.yaml:5", "outcom", "alertmanager.yml:2", "nobody-knows", "stays as it was"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(metric(&plimsoll, "plimsoll_config_last_reload_successful").await < 0.5);
    shows(&plimsoll, "orders", 95.0).await;

    // A file that is gone is a mistake too, not "tell nobody".
    write(&plimsoll, "slos/orders.yaml", SLO);
    std::fs::remove_file(plimsoll.path("alertmanager.yml")).expect("removable");
    let (status, said) = reload(&plimsoll).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(said.contains("the routing file is gone"), "{said}");

    // By a signal; what can't be taken up is said, and does not stop the rest.
    write(&plimsoll, "slos/orders.yaml", &SLO.replace("slo: orders", "slo: all-orders"));
    write(&plimsoll, "alertmanager.yml", &routing("second", &sink));
    hang_up(&plimsoll);
    shows(&plimsoll, "all-orders", 99.0).await;
    assert!(metric(&plimsoll, "plimsoll_config_last_reload_successful").await > 0.5);
    let told =
        eventually("the new receiver is told", SOON, async || sink.received("/second").pop()).await.body;
    assert_eq!((&told["status"], &told["receiver"]), (&json!("firing"), &json!("second")), "{told}");

    let toml = std::fs::read_to_string(plimsoll.path("plimsoll.toml")).expect("readable");
    write(&plimsoll, "plimsoll.toml", &format!("{toml}\n[lake]\nflush_rows = 1234567\n"));
    let (status, said) = reload(&plimsoll).await;
    assert_eq!(status, StatusCode::OK);
    assert!(said.contains("wait for a restart: lake.flush_rows"), "{said}");
    plimsoll.assert_alive();
}

/// A tenant's mistake keeps every tenant as it was.
#[tokio::test(flavor = "multi_thread")]
async fn all_tenants_or_none() {
    let tenants = "[[tenants]]\nname = \"acme\"\ningest_token_file = \"token\"\nrules = [\"acme/*.yaml\"]\n";
    let setup = Setup::default()
        .file("slos/orders.yaml", SLO)
        .file("acme/orders.yaml", SLO)
        .file("token", "a-token-that-is-long-enough");
    let mut plimsoll = Plimsoll::start_with(setup).await;
    plimsoll.stop().await;
    let toml = std::fs::read_to_string(plimsoll.path("plimsoll.toml")).expect("readable");
    write(&plimsoll, "plimsoll.toml", &format!("{toml}\n{tenants}"));
    plimsoll.resume().await;

    write(&plimsoll, "slos/orders.yaml", &SLO.replace("99", "95"));
    write(&plimsoll, "acme/orders.yaml", &SLO.replace("99", "101"));
    let (status, said) = reload(&plimsoll).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(said.contains("acme") && said.contains("orders.yaml:3"), "{said}");
    assert_eq!(slos(&plimsoll).await[0]["objective"], json!(99.0));

    write(&plimsoll, "acme/orders.yaml", &SLO.replace("99", "90"));
    assert_eq!(reload(&plimsoll).await.0, StatusCode::OK);
    let is_edited = async || (slos(&plimsoll).await[0]["objective"] == json!(95.0)).then_some(());
    eventually("the edited target", SOON, is_edited).await;
}

fn hang_up(plimsoll: &Plimsoll) {
    let status = tool("kill").args(["-HUP", &plimsoll.pid().to_string()]).status().expect("kill runs");
    assert!(status.success());
}
