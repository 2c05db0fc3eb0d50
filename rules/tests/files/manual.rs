//! The rule writer's manual: every file and every statement in it is loaded and evaluated.

use std::path::Path;

use plimsoll_model::Table;
use serde_json::{Value, json};

use super::fixture::{House, at};

/// Fenced blocks of a language, each with its line.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let (mut blocks, mut open): (Vec<(usize, String)>, bool) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            open = !open && line == format!("```{language}");
            if open {
                blocks.push((number + 1, String::new()));
            }
        } else if let Some((_, block)) = blocks.last_mut().filter(|_| open) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

fn is_rule_file(block: &str) -> bool {
    ["slo:", "apiVersion:", "groups:"].iter().any(|key| block.lines().any(|line| line.starts_with(key)))
}

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn every_file_of_the_manual_loads_and_is_evaluated() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let files: Vec<_> =
        blocks(&manual(), "yaml").into_iter().filter(|(_, text)| is_rule_file(text)).collect();
    assert!(files.len() >= 6, "{}", files.len());
    for (line, text) in files {
        // What other files bring is not there.
        if text.contains("by: cut_off") || text.contains("calendar") {
            continue;
        }
        let mut evaluator = house.evaluator(house.write(&[("manual.yaml", &text)])).await;
        house.tick(&mut evaluator).await;
        let errors: Vec<_> = house.decisions().into_iter().filter(|it| it.outcome == "error").collect();
        assert!(errors.is_empty(), "line {line}: {errors:#?}");
    }
}

#[tokio::test]
async fn every_statement_of_the_manual_is_answered() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let statements = blocks(&manual(), "sql");
    assert!(statements.len() >= 4, "{}", statements.len());
    for (line, sql) in statements {
        let answer = house.engine.sql(&sql, &[]).await;
        answer.unwrap_or_else(|error| panic!("line {line}: {error}"));
    }
}

/// The manual's join as of a moment, beside two loops.
#[tokio::test]
async fn as_of_a_moment_is_the_last_change_before_it() {
    let house = House::open("09:00:00").await;
    let minute = |minute: i64| at("08:00:00").nanos() + minute * 60_000_000_000;
    let service = |number: i64| if number % 3 == 0 { "odoo" } else { "shop" };
    // One change falls on the very moment of an event: it was there by then.
    let changes: Vec<i64> = vec![3, 11, 12, 29, 30, 48];
    let events: Vec<i64> = (1..60).filter(|number| number % 4 != 1).collect();
    let told = |number: &i64| {
        json!({"time": minute(*number), "ingest_time": minute(*number), "service_name": service(*number),
               "change_id": number.to_string(), "version": format!("v{number}"), "started": minute(*number)})
    };
    house.append(Table::ChangeRecords, &changes.iter().map(told).collect::<Vec<_>>()).await;
    let happened = |number: &i64| {
        json!({"time": minute(*number), "ingest_time": minute(*number), "service_name": service(*number),
               "event_name": "odoo.sale.order.confirmed", "event_id": number.to_string(), "outcome": "ok"})
    };
    house.append(Table::BusinessEvents, &events.iter().map(happened).collect::<Vec<_>>()).await;
    let (_, sql) =
        blocks(&manual(), "sql").into_iter().find(|(_, sql)| sql.contains("last_change")).expect("is there");
    let sql =
        format!("SELECT CAST(time AS BIGINT) AS time, last_version FROM ({sql}) AS joined ORDER BY time");
    let expected: Vec<Value> = events
        .iter()
        .map(|event| {
            let before = changes.iter().filter(|it| *it <= event && service(**it) == service(*event)).max();
            json!({"time": minute(*event), "last_version": before.map(|it| format!("v{it}"))})
        })
        .collect();
    assert_eq!(house.json(&sql).await, Value::Array(expected));
}
