//! We observe ourselves with the same product: our own spans come in through our own OTLP port, our numbers can be
//! scraped.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::harness::{Event, Plimsoll, Sender, Setup, eventually, root};

const SEEN_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn our_own_spans_are_rows_like_any_other() {
    let setup = Setup::default().set("telemetry.enabled", true).set("telemetry.interval", "1s");
    let plimsoll = Plimsoll::start_with(setup).await;
    let named =
        "SELECT count(*) AS n FROM spans WHERE service_name = 'plimsoll' AND name <> '' AND duration_ms >= 0";
    eventually("our own spans arrive", SEEN_WITHIN, async || {
        (plimsoll.number(named).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_about_ourselves_can_be_scraped() {
    let plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "1")]).await;
    let answer = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("an answer");
    assert!(answer.status().is_success());
    let text = answer.text().await.expect("text");
    let samples = text.lines().filter(|line| line.starts_with("plimsoll_") && !line.starts_with('#')).count();
    assert!(samples > 10, "{text}");
    assert!(text.contains("plimsoll_collector_"), "{text}");
}

/// A metric's kind and its labels.
type Known = BTreeMap<String, (String, Vec<String>)>;

/// The rows of the table in docs/operating.md.
fn documented() -> Known {
    let text = fs::read_to_string(root().join("docs/operating.md")).expect("it is part of the tree");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, meaning, _] = cells.as_slice() else { return None };
        let name = name.strip_prefix("`plimsoll_")?.strip_suffix('`')?;
        assert!(meaning.len() > 10, "{name} has a meaning");
        let mut labels: Vec<String> =
            labels.split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        labels.sort();
        Some((format!("plimsoll_{name}"), ((*kind).to_owned(), labels)))
    });
    rows.collect()
}

fn shown(text: &str) -> Known {
    let mut known = Known::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            known.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
        } else if let Some((name, labels)) = line.split_once('{')
            && let Some((_, known)) = known.get_mut(name)
        {
            let names = labels.split("=\"").map(|part| part.rsplit(['{', ',']).next().unwrap_or_default());
            let mut names: Vec<String> =
                names.filter(|name| !name.contains(['"', '}'])).map(str::to_owned).collect();
            names.sort();
            *known = names;
        }
    }
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_metrics_and_a_running_server_agree() {
    // A source that can't be reached counts all the same.
    let source: toml::Value =
        toml::toml! { name = "absent" host = "127.0.0.1" port = 1 database = "odoo" }.into();
    let plimsoll = Plimsoll::start_with(Setup::default().set("sources.odoo", vec![source])).await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "1")]).await;
    let answer = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("an answer");
    let (documented, shown) = (documented(), shown(&answer.text().await.expect("text")));
    assert!(shown.len() > 40, "{shown:?}");
    assert_eq!(documented.keys().collect::<Vec<_>>(), shown.keys().collect::<Vec<_>>());
    assert_eq!(documented, shown);
}
