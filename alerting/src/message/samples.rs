//! The late orders of the story, as notifications.

use plimsoll_model::Timestamp;

use crate::dedup::NotifyReason;
use crate::notification::{Escalated, Handling, Notification, NotifiedAlert, Purpose, ToldBefore};

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
        handling: Handling::default(),
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

/// The same rule in a dozen warehouses and two currencies, and fifty tickets beside it.
pub(crate) fn many() -> Notification {
    let mut alerts = Vec::new();
    for index in 1..=12_u32 {
        let mut here = late_orders();
        here.fingerprint = format!("w{index:02}");
        here.labels.set("warehouse", format!("WH{index}"));
        here.labels.set("channel", if index % 2 == 0 { "shop" } else { "edi" });
        let mut say = |name: &str, value: String| here.annotations.insert(name.to_owned(), value);
        say("summary", format!("{} orders of WH{index} posted late", 42 - index));
        say("impact_orders_late", (42 - index).to_string());
        say("impact_value_at_risk", (12_400 - 100 * index).to_string());
        say("impact_oldest_s", (120 * index).to_string());
        say("impact_currency", if index % 3 == 0 { "PLN" } else { "EUR" }.to_owned());
        alerts.push(here);
    }
    for index in 0..50_u32 {
        let labels = [("alertname", "JobsWait"), ("service", "jobs"), ("severity", "ticket")];
        let mut ticket = alert(&format!("t{index:02}"), &labels, &[]);
        ticket.labels.set("channel", format!("root.{index}"));
        ticket.annotations.insert("summary".to_owned(), format!("{} jobs wait", index + 3));
        alerts.push(ticket);
    }
    let mut all = notification(NotifyReason::NewAlerts, alerts);
    all.sort_alerts();
    all
}

/// The end of all that.
pub(crate) fn many_resolved() -> Notification {
    let mut all = many();
    for alert in &mut all.alerts {
        alert.resolved_at = Some(at("10:31"));
    }
    Notification { decided_at: at("10:32"), reason: NotifyReason::AllResolved, ..all }
}

/// To a second channel.
pub(crate) fn instead() -> Notification {
    let purpose = Purpose::InsteadOf {
        notification_id: "0123456789abcdef0123456789abcdef".to_owned(),
        receiver: "on-call".to_owned(),
        integration: "pagerduty[0]".to_owned(),
        why: "HTTP 500".to_owned(),
    };
    Notification { purpose, receiver: "duty-phone".to_owned(), ..firing() }
}

/// Up a step, since nobody answered.
pub(crate) fn escalated() -> Notification {
    let told = |receiver: &str, clock| ToldBefore { receiver: receiver.to_owned(), at: at(clock) };
    let mut up = Notification { receiver: "Zoë Ågren".to_owned(), ..firing() };
    up.handling.escalated = Some(Escalated {
        step: 2,
        steps: 3,
        round: 1,
        unanswered_since: at("10:03"),
        told: vec![told("on-call", "10:03"), told("Jürgen Höß", "10:08")],
    });
    up.handling.ack_url = Some("http://127.0.0.1:8088/i/0123456789abcdef0123456789abcdef.mac".to_owned());
    up
}

pub(crate) fn test() -> Notification {
    let labels = [("alertname", "PlimsollTest"), ("severity", "page")];
    let annotations = [("summary", "A test of on-call")];
    let all = notification(NotifyReason::First, vec![alert("b8", &labels, &annotations)]);
    Notification { purpose: Purpose::Test, incident_id: String::new(), ..all }
}

pub(crate) fn blind() -> Notification {
    let labels = [
        ("alertname", "ObjectiveBlind"),
        ("slo", "order-posting"),
        ("service", "sales"),
        ("severity", "ticket"),
        ("team", "sales"),
    ];
    let annotations = [
        (
            "summary",
            "order-posting: nobody can see whether order confirmations are fine: odoo/logs of default is silent since 10:02",
        ),
        (
            "description",
            "The objective (99.5 %) can't be judged: odoo/logs of default is silent since 10:02. Nothing of it fires, and \
             nothing will until it can be judged again. Look at the table `sources` first: either what sends has stopped, or \
             nothing happens at all.",
        ),
        ("sql", "SELECT * FROM sources ORDER BY blind DESC, watermark"),
        ("runbook_url", "https://wiki.example.org/blind"),
    ];
    notification(NotifyReason::First, vec![alert("e5", &labels, &annotations)])
}

/// An objective that burns, in the words of an Austrian house.
pub(crate) fn umlauts() -> Notification {
    let labels = [
        ("alertname", "auftragsbestätigung"),
        ("slo", "auftragsbestätigung"),
        ("service", "Verkauf"),
        ("severity", "page"),
        ("company", "Müller & Söhne GmbH"),
        ("warehouse", "Straßwalchen"),
    ];
    let annotations = [
        ("summary", "Für 37 Aufträge aus Straßwalchen läuft die Übergabe an den Zusteller länger als 2 s"),
        (
            "description",
            "4,2 % der Bestätigungen der letzten Stunde waren zu langsam; übrig sind 61 % des Budgets.",
        ),
        ("impact_auftraege", "37"),
        ("impact_amount", "98765.4"),
        ("impact_currency", "EUR"),
        (
            "cause",
            "Die Sperre hält ein Bericht über den Lagerwert („stock.valuation“), gestartet von Jürgen Höß.",
        ),
        ("evidence_blocking_pid", "18233"),
        ("evidence_longest_wait_s", "184"),
        ("evidence_first_wait", "2026-11-21T09:58:12Z"),
        ("changed", "Odoo-Modul „stock_übergabe“ 17.0.2.1 wurde um 09:55 eingespielt."),
        ("change_url", "https://git.example.org/änderung?id=4711&x=1"),
        ("action", "Den Bericht beenden; die Aufträge laufen dann von selbst weiter."),
        ("runbook_url", "https://wiki.example.org/Übergabe"),
        (
            "sql",
            "SELECT * FROM business_events WHERE event_name = 'odoo.sale.order.confirmed' AND warehouse = 'Straßwalchen'",
        ),
    ];
    notification(NotifyReason::First, vec![alert("f6", &labels, &annotations)])
}

pub(crate) fn chinese() -> Notification {
    let labels =
        [("alertname", "订单延迟"), ("service", "销售"), ("severity", "page"), ("warehouse", "上海一号仓库")];
    let annotations = [
        ("summary", "上海一号仓库有四十一张销售订单延迟过账，等待被锁定的库存记录"),
        (
            "description",
            "过去一小时内百分之四点二的订单确认超过两秒，误差预算还剩百分之六十一，若不处理将在九小时后耗尽，请先查看数据库锁等待情况。",
        ),
        ("impact_订单", "41"),
        ("impact_value_at_risk", "88000"),
        ("impact_currency", "CNY"),
        ("cause", "库存估值报表持有锁，库存移动在等待。"),
        ("action", "终止该报表的会话，然后观察过账延迟是否下降。"),
    ];
    notification(NotifyReason::First, vec![alert("a7", &labels, &annotations)])
}

/// What somebody who may write a span would like us to send: `text` wherever telemetry has a say.
pub(crate) fn written_by(text: &str) -> Notification {
    let mut all = three_firing();
    for alert in &mut all.alerts {
        for name in ["service", "warehouse", "severity", "alertname", "team"] {
            alert.labels.set(name, text);
        }
        let own = [
            "summary",
            "description",
            "cause",
            "changed",
            "change_url",
            "action",
            "runbook_url",
            "sql",
            "other",
        ];
        let of_kind =
            ["impact_x", "impact_amount", "impact_currency", "evidence_x", "example_x", "example_trace_id"];
        for name in own.into_iter().chain(of_kind) {
            alert.annotations.insert(name.to_owned(), text.to_owned());
        }
        alert.annotations.insert(format!("x{text}"), text.to_owned());
        alert.annotations.insert(format!("impact_{text}"), text.to_owned());
        alert.labels.set(format!("x{text}"), text);
        alert.generator_url = text.to_owned();
    }
    all.group_labels.set("service", text);
    all
}
