//! What SQL answers about the requests of a case.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::case::{Case, Expect};
use super::shipment::Shipment;
use crate::harness::Plimsoll;
use crate::senders::is_same;

/// One line for each request whose rows are not as the case says.
pub(super) async fn differences(plimsoll: &Plimsoll, case: &Case, shipments: &[Shipment]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, rows) in expected_rows(case) {
        let columns: Vec<&String> = rows.first().map(|row| row.keys().collect()).unwrap_or_default();
        let stored = ask(plimsoll, &table, &columns, shipments, "").await;
        found.extend(compare(&table, &columns, &rows, &stored, shipments));
    }
    for (table, totals) in &case.totals {
        let columns: Vec<&String> = totals.keys().collect();
        let stored = ask(plimsoll, table, &columns, shipments, "GROUP BY service_name").await;
        found.extend(compare(table, &columns, std::slice::from_ref(totals), &stored, shipments));
    }
    found
}

/// Of what was refused nothing may be there, whether the case says so or not.
fn expected_rows(case: &Case) -> BTreeMap<String, Vec<Map<String, Value>>> {
    let mut rows = case.rows.clone();
    if matches!(case.expect, Expect::Refused { .. }) {
        rows.entry(case.signal.table().to_owned()).or_default();
    }
    rows
}

type Stored = BTreeMap<String, Vec<Vec<Value>>>;

async fn ask(
    plimsoll: &Plimsoll,
    table: &str,
    columns: &[&String],
    shipments: &[Shipment],
    grouping: &str,
) -> Stored {
    let named: String =
        columns.iter().enumerate().map(|(index, expression)| format!(", {expression} AS c{index}")).collect();
    let services: Vec<String> = shipments.iter().map(|shipment| format!("'{}'", shipment.service)).collect();
    let services = services.join(", ");
    let statement = format!(
        "SELECT service_name AS service{named} FROM {table} WHERE service_name IN ({services}) {grouping}"
    );
    let mut stored = Stored::new();
    for row in plimsoll.sql(&statement).await {
        let service = row["service"].as_str().expect("every row has a service").to_owned();
        let values = (0..columns.len()).map(|index| row[format!("c{index}")].clone()).collect();
        stored.entry(service).or_default().push(values);
    }
    stored
}

fn compare(
    table: &str,
    columns: &[&String],
    expected: &[Map<String, Value>],
    stored: &Stored,
    shipments: &[Shipment],
) -> Vec<String> {
    let mut found = Vec::new();
    for shipment in shipments {
        let mut left = stored.get(&shipment.service).cloned().unwrap_or_default();
        let before = found.len();
        for row in expected {
            let wanted: Vec<Value> =
                columns.iter().map(|column| filled_in(&row[*column], shipment)).collect();
            match left.iter().position(|values| values.iter().zip(&wanted).all(|(a, b)| is_same(a, b))) {
                Some(index) => drop(left.swap_remove(index)),
                None => found.push(missing(table, columns, &wanted, &left, &shipment.service)),
            }
        }
        if !left.is_empty() && found.len() == before {
            found.push(format!("{}: {table} has more: {left:?}", shipment.service));
        }
    }
    found
}

fn missing(table: &str, columns: &[&String], wanted: &[Value], left: &[Vec<Value>], service: &str) -> String {
    let Some(candidate) = left.first() else {
        return format!("{service}: {table} has no row for {wanted:?}");
    };
    let differing = columns.iter().zip(wanted.iter().zip(candidate)).filter(|(_, (a, b))| !is_same(a, b));
    let told: Vec<String> =
        differing.map(|(column, (wanted, found))| format!("{column} is {found}, not {wanted}")).collect();
    format!("{service}: in {table} {}", told.join("; "))
}

fn filled_in(value: &Value, shipment: &Shipment) -> Value {
    serde_json::from_str(&shipment.fill_in(&value.to_string())).expect("names are plain text")
}
