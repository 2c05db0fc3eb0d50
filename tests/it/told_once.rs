//! The module in an Odoo and a reader of the same Odoo: what both tell is one fact, in the same words, and one row.
//!
//! The rows are made in PostgreSQL, with Odoo's tables, and handed to the module's stub as they were before each change.

mod story;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use self::story::Story;
use crate::harness::{Plimsoll, Setup, eventually, finish, root, tool};
use crate::sources::{Odoo, Postgres};

const WITHIN: Duration = Duration::from_secs(60);

/// What is the same whoever tells it. How long it took and who waited is the module's to say; what the row was, both say.
const WORDS: &str = "event_name, event_id, outcome, company, warehouse, channel, carrier, customer, amount, currency, process_id, \
    CAST(due AS VARCHAR) AS due, odoo_db, odoo_model, odoo_res_id, attributes['odoo.record.age'] AS age, \
    attributes['odoo.picking.step'] AS step, attributes['odoo.picking.wave'] AS wave, attributes['odoo.move.type'] AS move_type, \
    attributes['odoo.journal'] AS journal, attributes['integration.name'] AS partner, attributes['integration.kind'] AS kind";

fn source(postgres: &Postgres, odoo: &Odoo) -> toml::Value {
    let mut source = toml::Table::new();
    for (key, value) in
        [("name", "odoo"), ("host", "127.0.0.1"), ("interval", "1s"), ("gauges_interval", "10s")]
    {
        source.insert(key.into(), value.into());
    }
    source.insert("port".into(), i64::from(postgres.port).into());
    source.insert("database".into(), odoo.database.clone().into());
    vec![toml::Value::Table(source)].into()
}

/// The module tells the story to `plimsoll`.
async fn told_by_the_module(plimsoll: &Plimsoll, story: &Value) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), story.to_string()).expect("written");
    let mut twin = tool(root().join(".venv/bin/python").to_str().expect("a path in UTF-8"));
    twin.arg(root().join("odoo/tests/twin.py")).arg(plimsoll.otlp_http("")).arg(file.path());
    twin.env("STUB_SERIES", "18.0");
    finish(twin).await;
}

/// By id, what is told in whose words.
async fn facts(plimsoll: &Plimsoll) -> BTreeMap<String, Value> {
    let rows = plimsoll.sql(&format!("SELECT {WORDS} FROM business_events")).await;
    let count = rows.len();
    let id = |row: &Value| row["event_id"].as_str().expect("every event has an id").to_owned();
    let facts: BTreeMap<_, _> = rows.into_iter().map(|row| (id(&row), row)).collect();
    assert_eq!(facts.len(), count, "each once");
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_module_and_the_reader_tell_of_one_odoo_is_one_row_in_the_same_words() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    let story = Story::play(&odoo, &postgres).await;
    odoo.let_in_the_reader(&postgres);
    let reading = || Setup::default().set("sources.odoo", source(&postgres, &odoo));

    let module = Plimsoll::start().await;
    told_by_the_module(&module, &story.told).await;
    let by_module = facts(&module).await;
    assert_eq!(by_module.len(), story.facts, "{by_module:#?}");

    let reader = Plimsoll::start_with(reading()).await;
    let by_reader = eventually("the reader has told it all", WITHIN, async || {
        let facts = facts(&reader).await;
        by_module.keys().all(|id| facts.contains_key(id)).then_some(facts)
    })
    .await;
    for (id, fact) in &by_module {
        assert_eq!(&by_reader[id], fact, "{id}: the reader's words on the left");
    }

    // Whoever comes first: the lake keeps one.
    let both = Plimsoll::start_with(reading()).await;
    told_by_the_module(&both, &story.told).await;
    let told = eventually("both have told it all", WITHIN, async || {
        let facts = facts(&both).await;
        by_reader.keys().all(|id| facts.contains_key(id)).then_some(facts)
    })
    .await;
    assert_eq!(told, by_reader);
    let customers = both
        .sql("SELECT DISTINCT customer FROM business_events WHERE customer IS NOT NULL ORDER BY customer")
        .await;
    assert_eq!(customers, [json!({"customer": "partner-41"})], "orders and invoices of one customer");
}

/// The log of an Odoo that has the module, as 18 writes it.
const LOG: &str = "\
2026-11-21 09:00:00,100 4711 INFO o18 odoo.addons.base.models.ir_cron: Job 'Invoices: send' (7) starting 
2026-11-21 09:00:00,400 4711 INFO o18 odoo.addons.base.models.ir_cron: Job 'Invoices: send' (7) done in 0.300s 
2026-11-21 09:00:01,000 4712 INFO o18 odoo.addons.base.models.res_users: Login successful for db:o18 login:someone@example.com from 10.0.0.7 
2026-11-21 09:00:02,000 4712 INFO o18 odoo.addons.base.models.res_users: Login failed for db:o18 login:someone@example.com from 10.0.0.7 
2026-11-21 09:00:03,000 4712 INFO o18 odoo.service.model: SERIALIZATION_FAILURE, 4 tries left, try again in 1.5071 sec... 
2026-11-21 09:00:04,000 4710 ERROR o18 odoo.addons.base.models.ir_cron: Job 'Reorder' (9) timed out 
2026-11-21 09:00:05,000 4712 INFO o18 werkzeug: 10.0.0.7 - - [21/Nov/2026 09:00:05] \"POST /web/dataset/call_kw/sale.order/web_read HTTP/1.1\" 200 - 12 0.010 0.020
";

/// Events by name, and requests, when the log is read with this setting.
async fn with_the_log(module: Option<&str>) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("odoo.log");
    fs::write(&path, LOG).expect("written");
    let mut source = toml::Table::new();
    source.insert("name".into(), "odoo-log".into());
    source.insert("path".into(), path.to_str().expect("a path in UTF-8").into());
    source.insert("from_beginning".into(), true.into());
    module.map(|module| source.insert("module".into(), module.into()));
    let plimsoll =
        Plimsoll::start_with(Setup::default().set("sources.logs", vec![toml::Value::Table(source)])).await;
    let crons = json!([{"id": 7, "name": "Invoices: send"}]);
    let story =
        json!({"database": "o18", "tables": {}, "calls": [], "crons": crons, "logins": ["right", "wrong"]});
    told_by_the_module(&plimsoll, &story).await;
    eventually("every line is a record", WITHIN, async || {
        let lines = "SELECT count(*) AS n FROM logs WHERE attributes['odoo.logger'] IS NOT NULL";
        (plimsoll.number(lines).await == 7).then_some(())
    })
    .await;
    let events = "SELECT event_name, outcome, count(*) AS n FROM business_events WHERE event_name LIKE 'odoo.%' GROUP BY 1, 2 ORDER BY 1, 2";
    let requests = plimsoll.number("SELECT count(*) AS n FROM spans WHERE kind = 'server'").await;
    json!({"events": plimsoll.sql(events).await, "requests": requests})
}

fn row(name: &str, outcome: &str, times: u32) -> Value {
    json!({"event_name": name, "outcome": outcome, "n": times})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_beside_the_module_tells_only_what_the_module_can_not() {
    let once = |requests: u32| {
        json!({"requests": requests, "events": [
            row("odoo.ir.cron.done", "failed", 1), row("odoo.ir.cron.done", "ok", 1), row("odoo.ir.cron.started", "ok", 1),
            row("odoo.res.users.logged_in", "failed", 1), row("odoo.res.users.logged_in", "ok", 1),
            row("odoo.transaction.retried", "ok", 1)]})
    };
    assert_eq!(with_the_log(Some("events-and-spans")).await, once(0));
    assert_eq!(with_the_log(Some("events")).await, once(1));
    // Unsaid, it is taken for absent, and `check` warns of just this.
    let twice = json!({"requests": 1, "events": [
        row("odoo.ir.cron.done", "failed", 1), row("odoo.ir.cron.done", "ok", 2), row("odoo.ir.cron.started", "ok", 2),
        row("odoo.res.users.logged_in", "failed", 2), row("odoo.res.users.logged_in", "ok", 2),
        row("odoo.transaction.retried", "ok", 1)]});
    assert_eq!(with_the_log(None).await, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_warns_of_a_log_that_does_not_say_whether_the_module_tells_the_same() {
    for (more, warns) in [("", true), ("module = \"absent\"", false), ("format = \"plain\"", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plimsoll.toml");
        let settings =
            format!("[[sources.logs]]\nname = \"odoo-log\"\npath = \"/var/log/odoo/*.log\"\n{more}\n");
        fs::write(&file, settings).expect("written");
        let mut check = tool(env!("CARGO_BIN_EXE_plimsoll"));
        let output = crate::harness::output({
            check.args(["check", "--config"]).arg(&file);
            check
        })
        .await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(
            said.contains("sources.logs[0] (name = \"odoo-log\"): module is not said"),
            warns,
            "{said}"
        );
    }
}
