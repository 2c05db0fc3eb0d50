//! The evaluator over a real lake and a real engine: healthy orders, a fault, recovery, and a restart in between. Time
//! stands still until the test moves it.

#[path = "journey/house.rs"]
mod house;
#[path = "journey/reading.rs"]
mod reading;
#[path = "journey/succession.rs"]
mod succession;

use std::time::Duration;

use plimsoll_model::{StateTable, Table};
use serde_json::Value;

use house::{House, fires, load, said};

const SLO: &str = "\
slo: order-posting
service: sales
objective: 99.5
window: 28d
group_by: [warehouse]
noun: orders
team: fulfilment
runbook_url: https://wiki.example/order-posting
events: |
  SELECT time, warehouse, trace_id, amount, outcome = 'ok' AND duration_ms <= 2000 AS good
  FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'
";

const RULES: &str = "\
groups:
  - name: odoo
    interval: 10s
    rules:
      - alert: OrdersFail
        for: 1m
        keep_firing_for: 2m
        sql: |
          SELECT warehouse, count(*) AS impact_orders, max(trace_id) AS example_trace_id
          FROM business_events
          WHERE time > now() - INTERVAL '1 minute' AND time <= now() AND outcome = 'failed'
          GROUP BY warehouse
        labels: {severity: page}
        annotations:
          summary: '{{ $row.impact_orders }} orders fail in {{ $labels.warehouse }}'
          runbook_url: https://wiki.example/orders-fail
";

/// One order each ten seconds and a warehouse, and hours of good ones behind: B x (1 - T) = 6.72 % of an hour's 360 are
/// 24.192, so the 25th bad order pages; the short window has burnt long before.
#[tokio::test]
async fn the_page_comes_with_the_order_the_arithmetic_says_and_goes_when_the_short_window_is_clean() {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    house.fill(Duration::from_secs(320 * 60)).await;
    assert!(house.run(2, "ok").await.is_empty());
    assert_eq!(house.steps_until("failed", fires).await, 25);

    let alerts = house.run(1, "failed").await;
    let [alert] = alerts.as_slice() else { panic!("one page: {alerts:#?}") };
    let labels =
        [("alertname", "order-posting"), ("warehouse", "WH1"), ("severity", "page"), ("team", "fulfilment")];
    assert!(labels.iter().all(|(name, value)| alert.labels.get(name) == *value), "{}", alert.labels);
    assert_eq!(alert.labels.get("tenant"), "default");
    let said = |name: &str| alert.annotations.get(name).cloned().unwrap_or_default();
    assert_eq!(said("impact_bad_events"), "26");
    assert!(said("summary").contains("% of orders in WH1 missed the objective (99.5 %) in the last 5 min"));
    assert!(said("summary").ends_with("26 bad since 08:00 UTC"), "{}", said("summary"));
    assert_eq!(said("runbook_url"), "https://wiki.example/order-posting");
    assert_eq!(said("impact_amount"), "6262.50", "asked when it began to fire: 25 x 250.50");
    assert!(said("example_trace_id").starts_with('0'));
    assert_eq!(alert.generator_url, "http://127.0.0.1:8088/slos/order-posting");
    let good_and_total = house.text(&said("sql")).await;
    assert!(good_and_total.contains("| 3    | 29    |"), "{good_and_total}");

    // Of the 29 orders in five minutes (the slice that has just opened is empty) one may be bad: 6.72 % are 1.95.
    let cleared = house.steps_until("ok", |alerts, now| !fires(alerts, now)).await;
    assert_eq!(cleared, 28, "{alerts:#?}");
    let resolved_at = house.now();
    let alerts = house.run(5, "ok").await;
    let [alert] = alerts.as_slice() else { panic!("the resolve is restated: {alerts:#?}") };
    assert_eq!(alert.ends_at, Some(resolved_at));
    assert!(house.run(95, "ok").await.is_empty(), "after a quarter of an hour everybody knows");
}

#[tokio::test]
async fn a_restart_keeps_what_fires_and_what_it_counted() {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    house.run(370, "ok").await;
    house.steps_until("failed", fires).await;
    let before = house.run(3, "failed").await;
    let slos = "SELECT slo, state, good, total, budget_left, burn_1h, burn_5m FROM slos ORDER BY total, good";
    let shown = house.text(slos).await;
    assert!(shown.contains("firing"), "{shown}");

    let mut house = house.restart(&[("slo.yaml", SLO)]).await;
    let after = house.tick().await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].labels, before[0].labels);
    assert_eq!(after[0].starts_at, before[0].starts_at);
    assert_eq!(after[0].annotations.get("summary"), before[0].annotations.get("summary"));
    assert_eq!(house.text(slos).await, shown, "slices are as they were");
    assert_eq!(
        house
            .text("SELECT count(*) AS n FROM decisions WHERE outcome = 'firing'")
            .await
            .matches("| 1 ")
            .count(),
        1
    );

    let mut house = house.restart(&[("rules.yaml", RULES)]).await;
    let gone = house.tick().await;
    assert!(gone[0].is_resolved_at(house.now()), "an objective that is gone resolves its alert: {gone:#?}");
}

#[tokio::test]
async fn a_rule_waits_for_its_for_and_holds_for_its_keep_firing_for() {
    let mut house = House::open(&[("rules.yaml", RULES)]).await;
    assert!(house.run(3, "ok").await.is_empty());
    // The first bad order makes it Pending, a minute later it fires.
    assert_eq!(house.steps_until("failed", fires).await, 7);
    let alerts = house.run(1, "failed").await;
    assert_eq!(alerts[0].annotations.get("summary").map(String::as_str), Some("6 orders fail in WH1"));
    assert_eq!(alerts[0].annotations.get("impact_orders").map(String::as_str), Some("6"));
    assert_eq!(alerts[0].ends_at, Some(house.now() + Duration::from_secs(240)));
    // The minute that the query looks back, then two more.
    assert_eq!(house.steps_until("ok", |alerts, now| !fires(alerts, now)).await, 6 + 12);
}

#[tokio::test]
async fn late_events_correct_their_slices_and_silence_freezes() {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    house.run(60, "ok").await;
    let late = house.now() - Duration::from_secs(300);
    let rows: Vec<Value> = (0..40).map(|_| house.order("WH1", "failed", late)).collect();
    house.append(Table::BusinessEvents, &rows).await;
    house.tick().await;
    let shown = house.text("SELECT good, total FROM slos WHERE total = 100").await;
    assert!(shown.contains("| 60   | 100   |"), "{shown}");

    house.run(3, "failed").await;
    let firing = house.tick().await;
    assert!(fires(&firing, house.now()));
    house.clock.advance(Duration::from_secs(3_600));
    let held = house.tick().await;
    assert!(fires(&held, house.now()), "silence resolves nothing");
    assert!(house.text("SELECT DISTINCT state FROM slos").await.contains("blind"));
}

#[tokio::test]
async fn silence_is_an_alert_of_its_own_and_goes_when_something_comes() {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    assert!(house.run(40, "ok").await.is_empty());
    house.clock.advance(Duration::from_secs(15 * 60));
    let blind = house.tick().await;
    let summary = said(&blind, "ObjectiveBlind", "summary").expect("blind");
    assert_eq!(
        summary,
        "order-posting: nobody can see whether orders are fine: nothing has come since 08:06 UTC (15 min)"
    );
    assert_eq!(blind[0].labels.get("severity"), "ticket");
    assert_eq!(blind[0].labels.get("slo"), "order-posting");

    let seen = house.run(1, "ok").await;
    assert!(seen[0].is_resolved_at(house.now()), "{seen:#?}");
    // The quarter of an hour that nobody saw is no proof of anything: five minutes must be seen first.
    let unseen = house.run(12, "failed").await;
    assert!(!fires(&unseen, house.now()), "{unseen:#?}");
    house.steps_until("failed", fires).await;

    let quiet = SLO.replace("events: |", "blind: {severity: none, after: 5m}\nevents: |");
    let mut house = House::open(&[("slo.yaml", &quiet)]).await;
    house.run(3, "ok").await;
    house.clock.advance(Duration::from_secs(6 * 60));
    assert!(house.tick().await.is_empty());
    assert!(house.text("SELECT DISTINCT state FROM slos").await.contains("blind"));
}

const FEED: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: price-feed
  annotations: {plimsoll.dev/absent-is-bad: \"true\", plimsoll.dev/runbook-url: https://wiki.example/feed}
spec:
  service: pricing
  indicator:
    metadata: {name: price-feed}
    spec:
      ratioMetric:
        counter: false
        rawType: success
        raw:
          metricSource:
            type: plimsoll
            spec: {query: \"SELECT time, outcome = 'ok' AS good FROM business_events\"}
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{target: 0.99, timeSliceTarget: 0.5, timeSliceWindow: 1m}]
";

/// Forty good minutes, then nothing at all: the second tier pages at 5.6 %. Of 42 minutes 2 bad ones are 4.8 %, of 43 minutes
/// 3 are 7 %.
#[tokio::test]
async fn where_nothing_coming_is_bad_silence_pages_and_is_no_blindness() {
    let mut house = House::open(&[("feed.yaml", FEED)]).await;
    assert!(house.run(240, "ok").await.is_empty());
    let mut minutes = 0;
    let page = loop {
        house.clock.advance(Duration::from_secs(60));
        minutes += 1;
        let alerts = house.tick().await;
        if fires(&alerts, house.now()) {
            break alerts;
        }
        assert!(minutes < 30, "{}", house.text("SELECT * FROM slos").await);
    };
    assert_eq!(page[0].labels.get("alertname"), "price-feed");
    let shown = house.text("SELECT good, total, state FROM slos").await;
    assert!(shown.contains("| 40   | 43    | firing |"), "{minutes} minutes\n{shown}");

    // What was late and comes after all makes its minutes good.
    let late = (1..=3).map(|minute| house.now() - Duration::from_secs(minute * 60));
    let late: Vec<Value> =
        late.collect::<Vec<_>>().into_iter().map(|time| house.order("WH1", "ok", time)).collect();
    house.append(Table::BusinessEvents, &late).await;
    house.clock.advance(Duration::from_secs(10));
    let alerts = house.tick().await;
    assert!(!fires(&alerts, house.now()), "{}", house.text("SELECT good, total, state FROM slos").await);
}

/// One order an hour, and one in six days bad: never three at once, so that no tier says a word, and yet four weeks may have
/// three bad ones.
#[tokio::test]
async fn a_slow_bleed_is_a_ticket_when_the_budget_is_spent() {
    let hourly = SLO.replace("events: |", "blind: {after: 2h}\nevents: |");
    let mut house = House::open(&[("slo.yaml", &hourly)]).await;
    let hours = 28 * 24;
    let rows: Vec<Value> = (1..hours)
        .map(|hour| {
            let outcome = if hour % 144 == 7 { "failed" } else { "ok" };
            house.order("WH1", outcome, house.now() - Duration::from_secs(hour * 3_600))
        })
        .collect();
    house.append(Table::BusinessEvents, &rows).await;
    let mut alerts = Vec::new();
    for _ in 0..30 {
        alerts = house.tick().await;
    }
    assert_eq!(
        said(&alerts, "order-posting", "summary"),
        Some(
            "order-posting: the error budget of 28 d in WH1 is 149 % spent: 5 orders were bad, 3 may be; 1 in the last day"
        ),
        "{alerts:#?}"
    );
    assert_eq!(alerts[0].labels.get("severity"), "ticket");
    let shown = house.text("SELECT state, round(budget_spent, 2) AS spent FROM slos").await;
    assert!(shown.contains("firing") && shown.contains("1.49"), "{shown}");
}

/// At night a tenth of the orders come. Half of them bad for a while is a ratio that would wake somebody; what it takes of
/// the month's budget is not.
#[tokio::test]
async fn few_orders_at_night_wait_and_say_so() {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    house.fill(Duration::from_secs(5 * 3_600)).await;
    house.clock.advance(Duration::from_secs(55 * 60));
    for n in 1..=12_u64 {
        let bad = house.order("WH1", "failed", house.now() - Duration::from_secs(n * 20));
        house.append(Table::BusinessEvents, &[bad]).await;
    }
    let alerts = house.tick().await;
    assert!(!fires(&alerts, house.now()), "{alerts:#?}");
    let waiting = house.text("SELECT state, waiting FROM slos WHERE groups['warehouse'] = 'WH1'").await;
    assert!(waiting.contains("pending") && waiting.contains("so little traffic 12 bad in 1 h"), "{waiting}");
}

#[tokio::test]
async fn what_the_engine_knows_better_is_a_finding_at_its_line() {
    let house = House::open(&[("slo.yaml", SLO)]).await;
    for (from, to, line, words) in [
        ("AS good", "AS fine", 10, "no column `good`"),
        ("SELECT time, ", "SELECT ", 10, "no column `time`"),
        ("[warehouse]", "[channel]", 10, "no column `channel`"),
        ("outcome = 'ok'", "outcom = 'ok'", 10, "outcom"),
        ("event_name = 'odoo", "time < now() AND event_name = 'odoo", 10, "now()"),
        ("business_events", "orders", 11, "orders"),
        ("FROM business_events", "FORM business_events", 11, "refused"),
    ] {
        let text = SLO.replacen(from, to, 1);
        let (_, rules, findings) = load(house.dir.path(), &[("bad.yaml", &text)], &house.engine).await;
        assert!(rules.is_none(), "{to}");
        let said = findings.iter().find(|finding| finding.is_error && finding.message.contains(words));
        assert!(
            said.is_some_and(|finding| finding.line >= 10 && finding.line <= line),
            "{to}: {findings:#?}"
        );
    }
    let text = RULES.replace("AS example_trace_id", "AS trace_id").replace("AS impact_orders", "AS orders");
    let (_, rules, findings) = load(house.dir.path(), &[("bad.yaml", &text)], &house.engine).await;
    assert!(rules.is_none());
    assert!(findings.iter().any(|finding| finding.message.contains("`example_trace_id`")), "{findings:#?}");
    assert!(findings.iter().any(|finding| finding.message.contains("`impact_orders`")), "{findings:#?}");
    assert_eq!(house.slos.name(), "slos");
}
