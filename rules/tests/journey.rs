//! The evaluator over a real lake and a real engine: healthy orders, a fault, recovery, and a restart in between. Time
//! stands still until the test moves it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_lake::Lake;
use plimsoll_model::{
    Alert, Clock, Decision, DecisionLedger, ManualClock, RowsOnly, SignalBatch, StateTable, Table, Timestamp,
    batch_from_rows,
};
use plimsoll_query::QueryEngine;
use plimsoll_rules::{Config, Evaluator, Finding, RuleSet, SloTable};
use serde_json::{Value, json};

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

/// Appends decisions to the lake when the test says so, as `src/` does in the background.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<Decision>>);

impl DecisionLedger for Ledger {
    fn record(&self, decision: Decision) {
        self.0.lock().expect("not poisoned").push(decision);
    }
}

struct House {
    dir: tempfile::TempDir,
    clock: ManualClock,
    lake: Lake,
    engine: QueryEngine,
    ledger: Arc<Ledger>,
    slos: SloTable,
    evaluator: Evaluator,
    orders: u32,
}

fn start_of_day() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").expect("valid")
}

async fn open_lake(dir: &Path, clock: &ManualClock) -> Lake {
    let config = plimsoll_lake::Config { data_dir: dir.join("data"), ..plimsoll_lake::Config::default() };
    Lake::open(config, Arc::new(clock.clone()), Arc::new(RowsOnly)).await.expect("the lake opens")
}

fn engine(dir: &Path, lake: &Lake, slos: &SloTable, clock: &ManualClock) -> QueryEngine {
    let config = plimsoll_query::Config { spill_dir: dir.join("spill"), ..plimsoll_query::Config::default() };
    QueryEngine::new(config, lake.clone(), vec![Arc::new(slos.clone())], Arc::new(clock.clone()))
        .expect("an engine")
}

async fn load(
    dir: &Path,
    files: &[(&str, &str)],
    engine: &QueryEngine,
) -> (Config, Option<RuleSet>, Vec<Finding>) {
    let mut config = Config::default();
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        config.files.push(path);
    }
    let (rules, findings) = RuleSet::load(&config, engine).await;
    (config, rules, findings)
}

impl House {
    async fn open(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self::open_in(dir, ManualClock::at(start_of_day()), files).await
    }

    async fn open_in(dir: tempfile::TempDir, clock: ManualClock, files: &[(&str, &str)]) -> Self {
        let lake = open_lake(dir.path(), &clock).await;
        let (slos, ledger) = (SloTable::default(), Arc::new(Ledger::default()));
        let engine = engine(dir.path(), &lake, &slos, &clock);
        let (config, rules, findings) = load(dir.path(), files, &engine).await;
        let rules = rules.unwrap_or_else(|| panic!("{findings:#?}"));
        let evaluator = Evaluator::start(
            config,
            rules,
            engine.clone(),
            lake.clone(),
            Arc::<Ledger>::clone(&ledger),
            slos.clone(),
        );
        let evaluator = evaluator.await.expect("starts");
        Self { dir, clock, lake, engine, ledger, slos, evaluator, orders: 0 }
    }

    /// Everything in memory is gone; the folder and the time stay.
    async fn restart(self, files: &[(&str, &str)]) -> Self {
        let Self { dir, clock, lake, engine, evaluator, ledger, slos, .. } = self;
        drop((lake, engine, evaluator, ledger, slos));
        Self::open_in(dir, clock, files).await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn order(&mut self, warehouse: &str, outcome: &str, time: Timestamp) -> Value {
        self.orders += 1;
        json!({
            "time": time.nanos(), "ingest_time": self.now().nanos(), "event_name": "odoo.sale.order.confirmed",
            "warehouse": warehouse, "outcome": outcome, "duration_ms": 100.0, "amount": 250.5,
            "trace_id": format!("{:032x}", self.orders),
        })
    }

    async fn append(&self, table: Table, rows: &[Value]) {
        let batch = batch_from_rows(&table.schema(), rows).expect("rows fit");
        self.lake.append(vec![SignalBatch { table, batch }]).await.expect("appended");
    }

    /// Ten seconds: one order in each warehouse, and a pass.
    async fn step(&mut self, wh1: &str) -> Vec<Alert> {
        self.clock.advance(Duration::from_secs(10));
        let time = self.now() - Duration::from_secs(1);
        let rows = [self.order("WH1", wh1, time), self.order("WH2", "ok", time)];
        self.append(Table::BusinessEvents, &rows).await;
        self.tick().await
    }

    async fn tick(&mut self) -> Vec<Alert> {
        let alerts = self.evaluator.tick(self.now()).await;
        let decisions = std::mem::take(&mut *self.ledger.0.lock().expect("not poisoned"));
        let rows: Vec<Value> = decisions.iter().map(|decision| json!({
            "time": decision.time.nanos(), "ingest_time": decision.time.nanos(), "stage": "rule",
            "fingerprint": decision.fingerprint, "outcome": decision.outcome, "reason": decision.reason,
            "details": decision.details,
        })).collect();
        if !rows.is_empty() {
            self.append(Table::Decisions, &rows).await;
        }
        alerts
    }

    /// Good orders in both warehouses until now, as if the house had been open that long.
    async fn fill(&mut self, past: Duration) {
        let (mut time, now) = (self.now() - past, self.now());
        let mut rows = Vec::new();
        while time < now {
            rows.extend(["WH1", "WH2"].map(|warehouse| self.order(warehouse, "ok", time)));
            time = time + Duration::from_secs(10);
        }
        self.append(Table::BusinessEvents, &rows).await;
    }

    async fn run(&mut self, steps: usize, wh1: &str) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for _ in 0..steps {
            alerts = self.step(wh1).await;
        }
        alerts
    }

    /// How many steps until WH1's alert fires.
    async fn steps_until(&mut self, wh1: &str, wanted: impl Fn(&[Alert], Timestamp) -> bool) -> usize {
        for steps in 1..400 {
            let alerts = self.step(wh1).await;
            if wanted(&alerts, self.now()) {
                return steps;
            }
        }
        panic!("it never happened");
    }

    async fn text(&self, sql: &str) -> String {
        let output = self.engine.sql(sql, &[]).await.expect("answers");
        arrow::util::pretty::pretty_format_batches(&output.batches).expect("prints").to_string()
    }
}

fn fires(alerts: &[Alert], now: Timestamp) -> bool {
    alerts.iter().any(|alert| !alert.is_resolved_at(now))
}

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

fn said<'a>(alerts: &'a [Alert], alertname: &str, annotation: &str) -> Option<&'a str> {
    let alert = alerts.iter().find(|alert| alert.labels.get("alertname") == alertname)?;
    alert.annotations.get(annotation).map(String::as_str)
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

/// The same throws in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<const N: usize>(&mut self, sides: [&'static str; N]) -> &'static str {
        sides[usize::try_from(self.below(N as u64)).expect("few sides")]
    }
}

/// Of one kind each: by a name, by another, of any name, with a group, and one that looks beyond its rows.
const FOUR: [(&str, &str); 4] = [
    (
        "confirmed",
        "outcome = 'ok' AS good FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'",
    ),
    ("done", "duration_ms < 500 AS good FROM business_events WHERE 'odoo.stock.picking.done' = event_name"),
    (
        "anything",
        "CASE WHEN amount > 10 THEN outcome = 'ok' END AS good FROM business_events WHERE amount > 0",
    ),
    (
        "beyond",
        "outcome = 'ok' AS good FROM (SELECT DISTINCT * FROM (SELECT time, warehouse, outcome FROM business_events))",
    ),
];

/// Whatever comes, late or early, good, bad or neither: what is read once for all is what each would have counted alone.
#[tokio::test]
async fn objectives_that_share_their_reading_count_what_the_engine_counts() {
    let slos: Vec<String> = FOUR
        .iter()
        .map(|(name, rest)| {
            format!(
                "slo: {name}\nservice: sales\nobjective: 99\nwindow: 1d\ngroup_by: [warehouse]\nevents: |\n  SELECT time, \
                 warehouse, {rest}\n"
            )
        })
        .collect();
    let mut house = House::open(&[("slos.yaml", &slos.join("---\n"))]).await;
    let mut dice = Dice(7);
    for round in 0..40_u64 {
        house.clock.advance(Duration::from_secs(3 + dice.below(9)));
        let mut rows = Vec::new();
        for _ in 0..dice.below(12) {
            let age = if dice.below(9) == 0 { dice.below(7_200) } else { dice.below(20) };
            let time = house.now() - Duration::from_secs(age);
            let mut row = house.order(dice.of(["WH1", "WH2", "WH3"]), dice.of(["ok", "failed"]), time);
            row["event_name"] =
                json!(dice.of(["odoo.sale.order.confirmed", "odoo.stock.picking.done", "other"]));
            row["duration_ms"] = json!(dice.below(1_000));
            row["amount"] = if dice.below(5) == 0 { Value::Null } else { json!(dice.below(40)) };
            rows.push(row);
        }
        if !rows.is_empty() {
            house.append(Table::BusinessEvents, &rows).await;
        }
        if round == 20 {
            house.lake.flush().await.expect("flushed");
        }
        house.tick().await;
        for (name, rest) in FOUR {
            let shown = format!(
                "SELECT coalesce(groups['warehouse'], '') AS warehouse, good, total FROM slos WHERE slo = '{name}' AND total > 0 \
                 ORDER BY warehouse"
            );
            let counted = format!(
                "SELECT warehouse, count(*) FILTER (WHERE good) AS good, count(*) AS total FROM (SELECT time, warehouse, {rest}) \
                 AS sli GROUP BY warehouse ORDER BY warehouse"
            );
            assert_eq!(house.text(&shown).await, house.text(&counted).await, "{name}, round {round}");
        }
    }
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
