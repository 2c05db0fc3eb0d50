//! What is read once for many objectives.

use std::time::Duration;

use plimsoll_model::Table;
use serde_json::{Value, json};

use crate::house::House;

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
    count_what_the_engine_counts(1).await;
}

/// So many that what is late is read once for all of them as well.
#[tokio::test]
async fn many_that_share_their_reading_count_it_too() {
    count_what_the_engine_counts(3).await;
}

async fn count_what_the_engine_counts(copies: usize) {
    let copy = |at: usize| {
        let slo = move |(name, rest)| {
            format!(
                "slo: {name}{at}\nservice: sales\nobjective: 99\nwindow: 1d\ngroup_by: [warehouse]\nevents: |\n  SELECT time, \
                 warehouse, {rest}\n"
            )
        };
        FOUR.into_iter().map(slo)
    };
    let slos: Vec<String> = (0..copies).flat_map(copy).collect();
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
                "SELECT coalesce(groups['warehouse'], '') AS warehouse, good, total FROM slos WHERE slo = '{name}{}' AND total > 0 \
                 ORDER BY warehouse",
                copies - 1
            );
            let counted = format!(
                "SELECT warehouse, count(*) FILTER (WHERE good) AS good, count(*) AS total FROM (SELECT time, warehouse, {rest}) \
                 AS sli GROUP BY warehouse ORDER BY warehouse"
            );
            assert_eq!(house.text(&shown).await, house.text(&counted).await, "{name}, round {round}");
        }
    }
}
