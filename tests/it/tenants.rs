//! Several tenants in one process: what one of them sends, nobody else sees, pays for or can guess.

mod door;
mod estate;
mod quota;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{HttpSink, eventually};
use estate::{ACME, Estate, HOUSE, NORDWIND, Party};

const PARTIES: [Party; 3] = [HOUSE, ACME, NORDWIND];
const TOLD_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Tables in which each party's own mark must be.
const MARKED: [&str; 6] = ["spans", "logs", "metrics", "business_events", "alerts", "incidents"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_tenant_is_seen_by_another() {
    let sink = HttpSink::start().await;
    let mut estate = Estate::start(&sink.url("/hook"), "").await;
    for party in PARTIES {
        estate.send_everything(party).await;
    }
    let told = messages_of_all(&sink).await;
    for message in &told {
        let marks: Vec<_> = PARTIES.into_iter().filter(|party| message.contains(party.mark)).collect();
        assert_eq!(marks.len(), 1, "a message is one tenant's: {message}");
    }
    for party in PARTIES {
        assert_alone(party, &estate.tables(party).await);
        let sources = estate.sql(party, "SELECT DISTINCT tenant, source FROM ingest_ledger").await;
        assert_eq!(sources, json!([{"tenant": party.tenant, "source": party.mark}]));
    }

    // The same from files, after the log was replayed, and by every other face.
    estate.plimsoll.kill();
    estate.plimsoll.resume().await;
    for party in PARTIES {
        assert_alone(party, &estate.tables(party).await);
        for view in ["slos", "incidents", "alerts", "notifications"] {
            assert_clean(party, &estate.view(party, view).await);
        }
        assert_clean(party, &estate.psql(party, "SELECT * FROM spans").await);
        assert_clean(party, &estate.psql(party, "\\d").await);
        let plan = estate.sql(party, "EXPLAIN SELECT name FROM spans WHERE name <> ''").await;
        assert_clean(party, &plan.to_string());
        for broken in [
            "SELECT",
            "SELECT nothing FROM spans",
            "SELECT * FROM acme.public.spans",
            "SELECT * FROM nordwind",
        ] {
            assert_clean(party, &estate.ask(party.tenant, party.query_token(), broken).await.1.to_string());
        }
    }
    estate.plimsoll.stop().await;
    assert_files_apart(&estate.plimsoll.path("data/lake"));
}

/// Waits until each party's page has left, and takes all of them.
async fn messages_of_all(sink: &HttpSink) -> Vec<String> {
    eventually("everybody is told", TOLD_WITHIN, async || {
        let bodies: Vec<String> =
            sink.received("/hook").iter().map(|received| received.body.to_string()).collect();
        PARTIES.iter().all(|party| bodies.iter().any(|body| body.contains(party.mark))).then_some(bodies)
    })
    .await
}

/// Its own mark is in every table where it belongs, and no other's in any.
fn assert_alone(party: Party, tables: &[(String, String)]) {
    for (table, rows) in tables {
        assert_clean(party, rows);
        if MARKED.contains(&table.as_str()) {
            assert!(rows.contains(party.mark), "{}: nothing of its own in {table}: {rows}", party.tenant);
        }
    }
    let names: BTreeSet<_> = tables.iter().map(|(table, _)| table.as_str()).collect();
    assert!(MARKED.iter().all(|table| names.contains(table)), "{names:?}");
}

#[track_caller]
fn assert_clean(party: Party, text: &str) {
    for other in PARTIES.into_iter().filter(|other| other.tenant != party.tenant) {
        assert!(!text.contains(other.mark), "{} sees {}: {text}", party.tenant, other.mark);
        // "default" is a word that means other things as well.
        let shows_name = other.tenant != HOUSE.tenant && text.contains(&format!("lake/{}/", other.tenant));
        assert!(!shows_name, "{} sees a file of {}: {text}", party.tenant, other.tenant);
    }
}

/// All that a tenant owns is in its folder, and nothing in there is of another.
fn assert_files_apart(lake: &Path) {
    for party in [ACME, NORDWIND] {
        let files = files_below(&lake.join(party.tenant));
        for part in ["wal", "spans", "schemas", "lock"] {
            let has_part = files.iter().any(|file| file.starts_with(lake.join(party.tenant).join(part)));
            assert!(has_part, "{}: no {part} among {files:?}", party.tenant);
        }
        for file in files {
            let bytes = fs::read(&file).expect("readable");
            for other in PARTIES.into_iter().filter(|other| other.tenant != party.tenant) {
                let mark = other.mark.as_bytes();
                assert!(
                    !bytes.windows(mark.len()).any(|window| window == mark),
                    "{} in {}",
                    other.mark,
                    file.display()
                );
            }
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// What a search for others' marks would be worth if it found nothing anywhere.
#[test]
fn a_leak_would_be_seen() {
    let leaked = json!([{"service_name": NORDWIND.mark}]).to_string();
    assert!(std::panic::catch_unwind(|| assert_clean(ACME, &leaked)).is_err());
    let rows: Value = json!([{"service_name": ACME.mark}]);
    assert_clean(ACME, &rows.to_string());
}
