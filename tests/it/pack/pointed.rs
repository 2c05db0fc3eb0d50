//! What one is promised who points Plimsoll at an Odoo: the pack, `[[sources.odoo]]`, `[[sources.postgres]]`, and nothing else. An hour
//! of ordinary work wakes nobody; each thing that matters is said once, by its own alert.
//!
//! A real PostgreSQL with Odoo's tables. Its clock is ours: `now()` is found in a schema of the test's before PostgreSQL's own, so that
//! hours pass in a minute for the server as well.

mod shop;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::Sources;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::shop::Shop;
use super::house::House;
use crate::harness::{eventually, root};

/// One look of each reader and one pass of the rules; longer where nothing has to be met in the act.
const STEP: Duration = Duration::from_secs(120);
const LONG_STEP: Duration = Duration::from_secs(240);
const LOOKED_WITHIN: Duration = Duration::from_secs(60);

struct Pointed {
    house: House,
    shop: Shop,
    sources: Arc<Sources>,
    stop: CancellationToken,
}

impl Drop for Pointed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Pointed {
    async fn open() -> Self {
        let shop = Shop::open().await;
        let settings = smallest(shop.port(), shop.database());
        let house = House::open_on(&settings, &[]).await;
        shop.set_clock(house.now()).await;
        let (sources, stop) = (house.sources(), CancellationToken::new());
        let (running, until) = (Arc::clone(&sources), stop.clone());
        tokio::spawn(async move { running.run(until).await.expect("it ends when it is told to") });
        let pointed = Self { house, shop, sources, stop };
        pointed.looked().await;
        pointed
    }

    /// Both readers have looked at the present moment, and what they saw is durable.
    async fn looked(&self) {
        let now = self.house.now();
        let book = self.sources.book(&TenantName::default());
        let statuses = || book.sources(now);
        eventually("both sources were looked at", LOOKED_WITHIN, async || {
            let all = statuses().iter().all(|status| status.last_success == Some(now));
            assert!(
                statuses().iter().all(|status| status.state != SourceState::Failing),
                "{:#?}",
                statuses()
            );
            all.then_some(())
        })
        .await;
        assert!(statuses().iter().all(|status| !status.state.is_blind()), "{:#?}", statuses());
    }

    /// A while in which people work as ever, but for what `shop` has lost.
    async fn step(&mut self, step: Duration) {
        self.shop.set_clock(self.house.now() + step).await;
        self.shop.work().await;
        self.house.advance(step);
        self.looked().await;
        self.house.step().await;
    }

    /// Until this alert fires, within so many steps, and no other than those that are known does.
    async fn until(
        &mut self,
        alert: &str,
        (step, within): (Duration, u32),
        known: &mut BTreeMap<String, String>,
    ) -> Value {
        for _ in 0..within {
            self.step(step).await;
            let firing = self.firing().await;
            let strange: Vec<_> =
                firing.iter().filter(|(name, _)| *name != alert && !known.contains_key(*name)).collect();
            assert!(strange.is_empty(), "while {alert} was awaited: {strange:#?}");
            if let Some(said) = firing.get(alert) {
                known.insert(alert.to_owned(), said["summary"].to_string());
                return said.clone();
            }
        }
        let sources = self.house.ask("SELECT name, state, last_error, lacks FROM sources").await;
        panic!("{alert} didn't fire within {within} x {step:?}; {sources:#?}")
    }

    /// Whatever fires, alerts of objectives as well, by name.
    async fn firing(&self) -> BTreeMap<String, Value> {
        let sql = "SELECT alertname, labels['severity'] AS severity, labels['team'] AS team, annotations['summary'] AS summary, \
                   annotations['cause'] AS cause, annotations['runbook_url'] AS runbook FROM alerts WHERE state = 'firing'";
        let name = |row: &Value| row["alertname"].as_str().unwrap_or_default().to_owned();
        self.house.ask(sql).await.into_iter().map(|row| (name(&row), row)).collect()
    }
}

/// The shipped example, with the test's own server in it. Whoever watches the server isn't whoever reads the database, whose clock is
/// ours.
fn smallest(port: u16, database: &str) -> String {
    let shipped = fs::read_to_string(root().join("examples/odoo.toml")).expect("it is part of the tree");
    let (odoo, postgres) = shipped.split_once("[[sources.postgres]]").expect("it has both");
    let postgres = postgres.replace("user = \"plimsoll\"", "user = \"watcher\"");
    let settings = format!("{odoo}[[sources.postgres]]{postgres}[telemetry]\nenabled = false\n");
    for ours in
        ["host = \"db.example.com\"", "database = \"odoo\"", "password_file = \"secrets/odoo-reader\"\n"]
    {
        assert_eq!(settings.matches(ours).count(), 2, "the example no longer says {ours}");
    }
    settings
        .replace("host = \"db.example.com\"", &format!("host = \"127.0.0.1\"\nport = {port}"))
        .replace("database = \"odoo\"", &format!("database = \"{database}\""))
        .replace("password_file = \"secrets/odoo-reader\"\n", "")
}

fn says(said: &Value, severity: &str, team: &str, words: &[&str]) {
    assert_eq!((&said["severity"], &said["team"]), (&json!(severity), &json!(team)), "{said:#}");
    let text = format!("{} {}", said["summary"], said["cause"]);
    for words in words {
        assert!(text.contains(words), "it doesn't say {words:?}: {said:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pointing_at_an_odoo_is_enough_to_hear_of_what_matters_and_of_nothing_else() {
    let mut pointed = Pointed::open().await;
    for _ in 0..15 {
        pointed.step(LONG_STEP).await;
        assert_eq!(pointed.firing().await, BTreeMap::new());
    }
    let counts = "SELECT event_name, count(*) AS n FROM business_events GROUP BY 1 ORDER BY 1";
    let worked = pointed.house.ask(counts).await;
    let happened =
        |name: &str| worked.iter().find(|row| row["event_name"] == name).map(|row| row["n"].clone());
    assert_eq!(happened("odoo.sale.order.confirmed"), Some(json!(45)), "{worked:#?}");
    assert_eq!(happened("odoo.edi.exchange.record.processed"), Some(json!(30)), "{worked:#?}");

    let mut known = BTreeMap::new();
    pointed.shop.imports_stop = true;
    let said = pointed.until("ImportsStopped", (LONG_STEP, 12), &mut known).await;
    says(&said, "page", "sales", &["Imports from Retailer have stopped", "messages wait, the oldest for"]);
    let delayed = pointed
        .house
        .ask("SELECT way, delayed, oldest_s >= 1800 AS old FROM imports_delayed WHERE kind = 'edi'")
        .await;
    assert_eq!(delayed, [json!({"way": "Retailer", "delayed": true, "old": true})]);
    pointed.shop.imports_stop = false;

    let storm = pointed.shop.lock_storm().await;
    let said = pointed.until("OrdersLateOnLocks", (STEP, 6), &mut known).await;
    let words =
        ["orders of warehouse HAM posted late, waiting for locked rows", "UPDATE stock_quant", "odoo-report"];
    says(&said, "page", "sales", &words);
    pointed.shop.calm(storm).await;

    pointed.shop.queue_backlog().await;
    let said = pointed.until("QueueBacklog", (STEP, 5), &mut known).await;
    says(&said, "ticket", "platform", &["Jobs in channel root.export wait for 3", "7 are in the queue"]);

    pointed.shop.cron_dies = true;
    let said = pointed.until("CronMissed", (STEP, 10), &mut known).await;
    says(&said, "ticket", "platform", &["scheduled action Procurement: run scheduler was due at"]);

    pointed.shop.lose_a_number().await;
    let said = pointed.until("SequenceGap", (LONG_STEP, 6), &mut known).await;
    says(&said, "ticket", "finance", &["journal INV of Nordwind GmbH: INV/2026/", "to"]);
}
