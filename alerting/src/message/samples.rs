//! The late orders of the story, as notifications.

use plimsoll_model::Timestamp;

use crate::dedup::NotifyReason;
use crate::notification::{Notification, NotifiedAlert, Purpose};

pub(crate) fn at(clock: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("2026-11-21T{clock}:00Z")).expect("a moment")
}

fn alert(fingerprint: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> NotifiedAlert {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    NotifiedAlert {
        fingerprint: fingerprint.to_owned(),
        labels: labels.iter().copied().collect(),
        annotations: annotations.iter().map(owned).collect(),
        starts_at: at("10:02"),
        resolved_at: None,
        generator_url: "http://127.0.0.1:8088/rules/OrdersPostedLate".to_owned(),
    }
}

fn late_orders() -> NotifiedAlert {
    alert(
        "a1",
        &[
            ("alertname", "OrdersPostedLate"),
            ("service", "sales"),
            ("severity", "page"),
            ("warehouse", "WH1"),
        ],
        &[
            ("summary", "41 orders posted late"),
            ("impact_orders_late", "41"),
            ("impact_value_at_risk", "12400"),
            ("impact_currency", "EUR"),
            ("cause", "A stock valuation report holds locks that stock moves wait for."),
            ("evidence_lock_wait_p95_ms", "8200"),
            ("evidence_waiting_sessions", "17"),
            ("example_trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("action", "Cancel the report's session, then watch the posting latency fall."),
            ("runbook_url", "https://wiki.example.org/late-orders"),
        ],
    )
}

fn notification(reason: NotifyReason, alerts: Vec<NotifiedAlert>) -> Notification {
    Notification {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        incident_id: "INC-20261121-7f3a".to_owned(),
        group_key: r#"{}/{severity="page"}:{service="sales"}"#.to_owned(),
        group_labels: [("service", "sales")].into_iter().collect(),
        receiver: "on-call".to_owned(),
        reason,
        opened_at: at("10:03"),
        decided_at: at("10:17"),
        alerts,
        purpose: Purpose::Tell,
    }
}

pub(crate) fn firing() -> Notification {
    notification(NotifyReason::First, vec![late_orders()])
}

pub(crate) fn resolved() -> Notification {
    let alert = NotifiedAlert { resolved_at: Some(at("10:31")), ..late_orders() };
    Notification { decided_at: at("10:32"), ..notification(NotifyReason::AllResolved, vec![alert]) }
}

pub(crate) fn three_firing() -> Notification {
    let ticket = alert(
        "b2",
        &[
            ("alertname", "StockMovesWait"),
            ("service", "stock"),
            ("severity", "ticket"),
            ("warehouse", "WH2"),
        ],
        &[("summary", "12 stock moves wait for a lock")],
    );
    let nameless = alert("c3", &[("severity", "ticket")], &[]);
    let mut all = notification(NotifyReason::NewAlerts, vec![nameless, ticket, late_orders()]);
    all.sort_alerts();
    all
}

/// With one that is over, and words that somebody meant as markup.
pub(crate) fn three_and_one_over() -> Notification {
    let mut all = three_firing();
    let mut over =
        alert("d4", &[("alertname", "ReportSlow"), ("service", "sales"), ("severity", "ticket")], &[]);
    over.resolved_at = Some(at("11:45"));
    all.alerts.push(over);
    let evil = "<script>alert('x')</script> \"&\" {{ .Status }} 100% ü";
    all.alerts[1].annotations.insert("evil".to_owned(), evil.to_owned());
    all
}
