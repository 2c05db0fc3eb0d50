//! From a rule over rows that were pushed to three real receivers: an SMTP server that demands STARTTLS and a password,
//! PagerDuty's events API, and a webhook.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Event, HttpSink, Plimsoll, Received, Sender, Setup, SmtpServer, eventually};

const TOLD_WITHIN: Duration = Duration::from_secs(60);
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
const RUNBOOK: &str = "https://wiki.example.com/runbooks/order-posting";

/// True while more orders of a warehouse failed than were confirmed; the test decides by what it pushes.
pub(crate) const RULE: &str = "\
groups:
  - name: orders
    interval: 1s
    rules:
      - alert: OrdersFail
        sql: |
          SELECT warehouse, CAST(count(*) AS DOUBLE) AS value, count(*) AS impact_orders, sum(amount) AS impact_amount
          FROM business_events
          WHERE event_name = 'odoo.sale.order.confirmed' AND time <= now()
          GROUP BY warehouse
          HAVING sum(CASE WHEN outcome = 'failed' THEN 1 ELSE -1 END) > 0
        labels: {severity: page, team: sales, service: sales}
        annotations:
          summary: '{{ $row.impact_orders }} orders of warehouse {{ $labels.warehouse }} failed'
          runbook_url: https://wiki.example.com/runbooks/order-posting
";

pub(crate) fn order(id: &str, outcome: &str) -> Event {
    Event::new("odoo.sale.order.confirmed", id)
        .text("business.warehouse", "HAM")
        .text("business.outcome", outcome)
        .number("business.amount", 1000.0)
}

/// Everything at once, so that a test sees decisions rather than timers.
pub(crate) fn routing(receivers: &str) -> String {
    format!(
        "route:\n  receiver: on-call\n  group_by: [alertname, warehouse]\n  group_wait: 0s\n  group_interval: 1s\n  \
         repeat_interval: 1h\nreceivers:\n  - name: on-call\n{receivers}"
    )
}

fn three_receivers(smtp: &SmtpServer, sink: &HttpSink) -> String {
    let email = format!(
        "    email_configs:\n      - to: sales-on-call@example.com\n        from: plimsoll@example.com\n        \
         smarthost: '{}'\n        auth_username: '{}'\n        auth_password: '{}'\n        send_resolved: true\n        \
         tls_config: {{ca_file: '{}'}}\n",
        smtp.smarthost(),
        SmtpServer::USER,
        SmtpServer::PASSWORD,
        smtp.authority().display(),
    );
    let pagerduty = format!(
        "    pagerduty_configs:\n      - routing_key: {ROUTING_KEY}\n        url: '{}'\n",
        sink.url("/v2/enqueue")
    );
    let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
    routing(&[email, pagerduty, webhook].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_its_resolve_reach_mail_pagerduty_and_webhook_once_each() {
    let (smtp, sink) = (SmtpServer::start().await, HttpSink::start().await);
    let setup = Setup::default()
        .file("alertmanager.yml", &three_receivers(&smtp, &sink))
        .file("rules/orders.yaml", RULE);
    let plimsoll = Plimsoll::start_with(setup).await;
    let mut sender = Sender::to(&plimsoll.grpc());

    sender.send(vec![order("S1", "failed"), order("S2", "failed")]).await;
    told(&smtp, &sink, 1).await;
    sender.send(vec![order("S3", "ok"), order("S4", "ok")]).await;
    told(&smtp, &sink, 2).await;

    assert_mail(&smtp.messages());
    let bodies = |path| sink.received(path).into_iter().map(|received| received.body).collect::<Vec<_>>();
    assert_pagerduty(&bodies("/v2/enqueue"));
    assert_webhook(&bodies("/hook"));
    let ids: BTreeSet<String> = sink.received("/hook").iter().map(delivery_id).collect();
    assert_eq!(ids.len(), 2, "each delivery has an identity by which a receiver can drop repeats");
}

fn delivery_id(received: &Received) -> String {
    received.headers["x-plimsoll-delivery"].to_str().expect("ASCII").to_owned()
}

/// Until each of the three was told so many times.
async fn told(smtp: &SmtpServer, sink: &HttpSink, times: usize) {
    eventually(&format!("every receiver is told {times} times"), TOLD_WITHIN, async || {
        let counts =
            [smtp.messages().len(), sink.received("/v2/enqueue").len(), sink.received("/hook").len()];
        counts.iter().all(|&count| count >= times).then_some(())
    })
    .await;
}

fn assert_mail(messages: &[Value]) {
    let [page, resolved] = messages else { panic!("one page and one resolve, not {messages:?}") };
    for message in messages {
        assert_eq!(message["encrypted"], true);
        assert_eq!(message["authenticated"], true);
        assert_eq!(message["from"], "plimsoll@example.com");
        assert_eq!(message["to"], serde_json::json!(["sales-on-call@example.com"]));
    }
    assert_contains(&page["headers"]["Subject"], "2 orders of warehouse HAM failed");
    assert_contains(&page["text"], "2 orders of warehouse HAM failed");
    assert_contains(&page["text"], "Amount: 2,000");
    assert_contains(&page["text"], RUNBOOK);
    assert_contains(&resolved["headers"]["Subject"], "HAM");
    assert_ne!(page["headers"]["Subject"], resolved["headers"]["Subject"]);

    let header =
        |message: &Value, name: &str| message["headers"][name].as_str().expect(name).trim().to_owned();
    assert_ne!(header(page, "Message-ID"), header(resolved, "Message-ID"));
    assert_eq!(header(page, "References"), header(resolved, "References"), "one thread an incident");
}

fn assert_pagerduty(events: &[Value]) {
    let [trigger, resolve] = events else { panic!("one trigger and one resolve, not {events:?}") };
    assert_eq!(trigger["event_action"], "trigger");
    assert_eq!(resolve["event_action"], "resolve");
    for event in events {
        assert_eq!(event["routing_key"], ROUTING_KEY);
    }
    let key = trigger["dedup_key"].as_str().expect("a key");
    assert!((1..=255).contains(&key.len()), "{key}");
    assert_eq!(resolve["dedup_key"], key);

    let payload = &trigger["payload"];
    assert_contains(&payload["summary"], "2 orders of warehouse HAM failed");
    assert!(payload["source"].as_str().is_some_and(|source| !source.is_empty()), "{payload}");
    let severities = ["critical", "error", "warning", "info"];
    assert!(payload["severity"].as_str().is_some_and(|severity| severities.contains(&severity)), "{payload}");
    assert_contains(&Value::from(trigger.to_string()), RUNBOOK);
}

fn assert_webhook(messages: &[Value]) {
    let [firing, resolved] = messages else { panic!("one firing and one resolved, not {messages:?}") };
    let keys = [
        "groupKey",
        "truncatedAlerts",
        "receiver",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
    ];
    for message in messages {
        assert_eq!(message["version"], "4");
        assert_eq!(message["receiver"], "on-call");
        assert_eq!(
            message["groupLabels"],
            serde_json::json!({"alertname": "OrdersFail", "warehouse": "HAM"})
        );
        for key in keys {
            assert!(!message[key].is_null(), "no {key} in {message}");
        }
    }
    assert_eq!(firing["groupKey"], resolved["groupKey"]);
    assert_eq!([&firing["status"], &resolved["status"]], ["firing", "resolved"]);

    let (alert, ended) = (&firing["alerts"][0], &resolved["alerts"][0]);
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(alert["annotations"]["summary"], "2 orders of warehouse HAM failed");
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(ended["status"], "resolved");
    assert_eq!(ended["startsAt"], alert["startsAt"]);
    assert_eq!(ended["fingerprint"], alert["fingerprint"]);
    assert!(ended["endsAt"].as_str() > ended["startsAt"].as_str(), "{ended}");
}

#[track_caller]
fn assert_contains(text: &Value, words: &str) {
    assert!(text.as_str().is_some_and(|text| text.contains(words)), "{words:?} is not in {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_paged_can_be_asked_for_in_sql() {
    let sink = HttpSink::start().await;
    let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
    let setup = Setup::default().file("alertmanager.yml", &routing(&webhook)).file("rules/orders.yaml", RULE);
    let plimsoll = Plimsoll::start_with(setup).await;
    Sender::to(&plimsoll.grpc()).send(vec![order("S1", "failed")]).await;

    let sent = "SELECT n.receiver, n.integration, n.reason, i.state, i.group_labels['warehouse'] AS warehouse \
                FROM notifications n JOIN incidents i ON i.incident_id = n.incident_id WHERE n.outcome = 'sent'";
    let rows = eventually("the notification is noted as sent", TOLD_WITHIN, async || {
        let rows = plimsoll.sql(sent).await;
        (!rows.is_empty()).then_some(rows)
    })
    .await;
    assert_eq!(rows[0]["receiver"], "on-call");
    assert_eq!(rows[0]["reason"], "first notification");
    assert_eq!(rows[0]["warehouse"], "HAM");

    for stage in ["rule", "route", "send"] {
        let decisions = format!("SELECT count(*) AS n FROM decisions WHERE stage = '{stage}'");
        eventually(&format!("the ledger has a {stage} decision"), TOLD_WITHIN, async || {
            (plimsoll.number(&decisions).await > 0).then_some(())
        })
        .await;
    }
}
