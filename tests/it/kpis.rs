//! `docs/kpis.md`: every question that is asked of an Odoo's tables is answered by signals that somebody sends, and the statements
//! on the page find something.

use std::collections::BTreeSet;
use std::fs;

use crate::catalogue::Catalogue;
use crate::harness::root;
use crate::pack::runbooks::{blocks, witness_of_everything};

fn page() -> String {
    fs::read_to_string(root().join("docs/kpis.md")).expect("it is part of the tree")
}

/// Name, and what stands in backticks behind the question.
fn kpis(page: &str) -> Vec<(String, Vec<String>)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.len() == 3 && !["KPI", "---"].contains(&cells[0].as_str()));
    rows.map(|cells| {
        let signals = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (cells[0].clone(), signals)
    })
    .collect()
}

#[test]
fn every_kpi_is_answered_by_signals_that_a_reader_sends() {
    let catalogue = Catalogue::read();
    let events = catalogue.events.iter().chain(&catalogue.logs).map(|event| (&event.name, &event.from));
    let metrics = catalogue.metrics.iter().map(|metric| (&metric.name, &metric.from));
    let fetched: BTreeSet<&str> = events
        .chain(metrics)
        .filter(|(_, from)| from.iter().any(|sender| ["reader", "postgres"].contains(&&**sender)))
        .map(|(name, _)| name.as_str())
        .collect();
    let attributes: BTreeSet<&str> = catalogue.attributes.iter().map(|attribute| &*attribute.name).collect();
    let page = page();
    let kpis = kpis(&page);
    assert_eq!(kpis.len(), 35, "each of them");
    let names: BTreeSet<&String> = kpis.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), kpis.len(), "each once");
    let mut told = BTreeSet::new();
    for (kpi, signals) in &kpis {
        assert!(!signals.is_empty(), "{kpi} is answered by nothing");
        let unknown: Vec<_> = signals
            .iter()
            .filter(|name| !fetched.contains(&***name) && !attributes.contains(&***name))
            .collect();
        assert!(unknown.is_empty(), "{kpi}: nobody fetches {unknown:?}");
        told.extend(signals.iter().map(String::as_str));
    }
    // The other way round: no level of the reader's is without a question.
    let of_reader = catalogue.metrics.iter().filter(|metric| metric.from == ["reader"]);
    let unasked: Vec<&str> =
        of_reader.map(|metric| &*metric.name).filter(|name| !told.contains(name)).collect();
    assert_eq!(unasked, ["odoo.module.count"], "levels that answer no question");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_the_page_finds_something() {
    let plimsoll = witness_of_everything().await;
    let page = page();
    let statements: Vec<_> = blocks(&page).into_iter().filter(|block| block.language == "sql").collect();
    assert_eq!(statements.len(), 3);
    for block in statements {
        let (status, answer) = plimsoll.ask(&block.text).await;
        let rows = answer.as_array().map_or(0, Vec::len);
        assert!(status.is_success() && rows > 0, "line {}: {status} {answer}", block.line);
        assert!(!answer.to_string().contains("_s\":null"), "line {}: {answer}", block.line);
    }
}
