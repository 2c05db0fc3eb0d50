//! Each function beside a computation that only a test can afford.

use plimsoll_model::Table;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::{NOW, World};

/// Readings of two counters, told in any order: `a` resets twice, `b` never.
async fn counters() -> World {
    let world = World::new().await;
    let (a, b) = ([5.0, 8.0, 2.0, 2.0, 9.0, 1.0], [10.0, 10.0, 12.5, 20.0, 20.0, 30.0]);
    let mut rows = Vec::new();
    for (series, values) in [("a", a), ("b", b)] {
        rows.extend(values.iter().enumerate().map(|(minute, value)| {
            let time = NOW.nanos() + minute as i64 * 60_000_000_000;
            json!({"time": time, "ingest_time": time, "name": "orders", "service_name": series, "value": value})
        }));
    }
    rows.reverse();
    rows.swap(1, 7);
    world.append(Table::Metrics, &rows).await;
    world
}

#[tokio::test]
async fn a_counter_grows_by_its_steps_and_by_all_of_what_follows_a_reset() {
    let world = counters().await;
    let sql = "SELECT service_name, increase(time, value) AS grown, rate(time, value) AS rate FROM metrics \
               GROUP BY service_name ORDER BY 1";
    let expected = json!([
        {"service_name": "a", "grown": 3.0 + 2.0 + 7.0 + 1.0, "rate": 13.0 / 300.0},
        {"service_name": "b", "grown": 20.0, "rate": 20.0 / 300.0},
    ]);
    assert_eq!(world.json(sql).await, expected);
    let one =
        "SELECT increase(time, value) AS grown, rate(time, value) AS rate FROM metrics WHERE value = 12.5";
    assert_eq!(world.json(one).await, json!([{"grown": 0.0, "rate": null}]));
    let none = "SELECT increase(time, value) AS grown FROM metrics WHERE value = 77";
    assert_eq!(world.json(none).await, json!([{"grown": null}]));
    let error = world.sql("SELECT rate(value, time) FROM metrics").await.expect_err("the wrong way round");
    assert!(error.to_string().contains("rate() takes the time and the value"), "{error}");
}

fn histogram(series: &str, minute: i64, counts: &[i64]) -> Value {
    let time = NOW.nanos() + minute * 60_000_000_000;
    json!({"time": time, "ingest_time": time, "name": "wait", "service_name": series,
           "bucket_bounds": [0.1, 0.5, 1.0], "bucket_counts": counts})
}

#[tokio::test]
async fn a_quantile_lies_where_its_rank_falls_in_the_buckets() {
    let world = World::new().await;
    let rows = [
        histogram("a", 0, &[2, 2, 0, 0]),
        histogram("b", 0, &[0, 2, 2, 0]),
        histogram("c", 0, &[0, 0, 0, 4]),
    ];
    world.append(Table::Metrics, &rows).await;
    let quantile = async |q: f64, only: &str| {
        let sql = format!(
            "SELECT histogram_quantile({q}, bucket_bounds, bucket_counts) AS q FROM metrics \
             WHERE service_name IN ({only})"
        );
        world.json(&sql).await[0]["q"].clone()
    };
    // Of eight, the fourth is the half of the four between 0.1 and 0.5.
    assert_eq!(quantile(0.5, "'a', 'b'").await, json!(0.1 + 0.4 * 0.5));
    assert_eq!(quantile(0.125, "'a', 'b'").await, json!(0.05), "from 0 up to the first bound");
    assert_eq!(quantile(1.0, "'a', 'b'").await, json!(1.0));
    assert_eq!(quantile(0.95, "'c'").await, json!(1.0), "above the last bound nobody knows how far");
    assert_eq!(quantile(0.95, "'d'").await, Value::Null);
    let error = world.sql("SELECT histogram_quantile(95, bucket_bounds, bucket_counts) FROM metrics").await;
    assert!(error.expect_err("no quantile").to_string().contains("from 0 to 1"));
}

#[tokio::test]
async fn what_a_cumulative_histogram_grew_by_is_a_histogram_again() {
    let world = World::new().await;
    let rows = [
        histogram("a", 0, &[1, 1, 0, 0]),
        histogram("a", 1, &[1, 5, 2, 0]),
        histogram("a", 2, &[0, 1, 0, 0]),
        histogram("b", 0, &[3, 3, 3, 3]),
    ];
    world.append(Table::Metrics, &rows).await;
    let sql = "SELECT service_name, histogram_increase(time, bucket_counts) AS grown FROM metrics \
               GROUP BY service_name ORDER BY 1";
    let expected =
        json!([{"service_name": "a", "grown": [0, 5, 2, 0]}, {"service_name": "b", "grown": [0, 0, 0, 0]}]);
    assert_eq!(world.json(sql).await, expected);
    let p50 = "SELECT histogram_quantile(0.5, bounds, grown) AS p50 FROM (
                   SELECT min(bucket_bounds) AS bounds, histogram_increase(time, bucket_counts) AS grown
                   FROM metrics GROUP BY service_name) AS series";
    assert_eq!(world.json(p50).await, json!([{"p50": 0.1 + 0.4 * 3.5 / 5.0}]));
}

#[tokio::test]
async fn a_share_is_of_the_rows_that_know_and_moments_are_near_both_ways() {
    let world = World::new().await;
    world.morning().await;
    let sql =
        "SELECT share(outcome = 'failed') AS failed, share(carrier = 'DHL') AS unknown FROM business_events";
    assert_eq!(world.json(sql).await, json!([{"failed": 0.2, "unknown": null}]));
    let near = "SELECT count(*) AS n FROM business_events a JOIN business_events b ON a.event_name = b.event_name \
                AND within(a.time, b.time, INTERVAL '1500 milliseconds')";
    assert_eq!(world.json(near).await, json!([{"n": 5 + 2 * 4}]));
    let month = "SELECT within(time, time, INTERVAL '1 month') FROM business_events";
    assert!(world.sql(month).await.expect_err("a month").to_string().contains("months differ"));
    let plan = world.json(&format!("EXPLAIN {near}")).await.to_string();
    assert!(plan.contains("HashJoin") && !plan.contains("NestedLoop"), "{plan}");
}

/// A window would split what a partition holds: partial states must add up to the same.
#[test]
fn however_readings_are_split_and_shuffled_they_grow_by_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let strategy = proptest::collection::vec((0..1_000_i64, 0..100_u8), 1..60);
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(readings in strategy)| {
        let mut by_time: Vec<(i64, f64)> = readings.iter().map(|(time, value)| (*time, f64::from(*value))).collect();
        by_time.sort_by(|left, right| left.partial_cmp(right).expect("numbers"));
        let mut naive = 0.0;
        for at in 1..by_time.len() {
            let (before, after) = (by_time[at - 1].1, by_time[at].1);
            naive += if after < before { after } else { after - before };
        }
        let found = runtime.block_on(async {
            let world = World::new().await;
            for part in readings.chunks(7) {
                let rows = part.iter().map(|(time, value)| {
                    let time = NOW.nanos() + time * 1_000_000_000;
                    json!({"time": time, "ingest_time": time, "name": "n", "value": f64::from(*value)})
                });
                world.append(Table::Metrics, &rows.collect::<Vec<_>>()).await;
            }
            world.json("SELECT increase(time, value) AS grown FROM metrics").await[0]["grown"].as_f64()
        });
        prop_assert!(found.is_some_and(|found| (found - naive).abs() < 1e-6), "{found:?} {naive}");
    });
}
