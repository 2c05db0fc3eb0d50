use plimsoll_model::BusinessClock;
use serde_json::json;

use super::*;
use crate::testing::World;

/// Even hours are in the calendar `even`; the cut-off is the next full hour, but not in WH3.
#[derive(Debug)]
struct Hours;

const HOUR: i64 = 3_600_000_000_000;

impl BusinessClock for Hours {
    fn in_calendar(&self, calendar: &str, warehouse: Option<&str>, times: &[Timestamp]) -> Option<Vec<bool>> {
        let even = |time: &Timestamp| time.nanos() / HOUR % 2 == 0 && warehouse != Some("WH3");
        (calendar == "even").then(|| times.iter().map(even).collect())
    }

    fn next_cut_offs(
        &self,
        warehouse: &str,
        carrier: Option<&str>,
        times: &[Timestamp],
    ) -> Vec<Option<Timestamp>> {
        let late = if carrier == Some("DHL") { 2 } else { 1 };
        let next = |time: &Timestamp| Timestamp::from_nanos((time.nanos() / HOUR + late) * HOUR);
        times.iter().map(|time| (warehouse != "WH3").then(|| next(time))).collect()
    }

    fn names(&self) -> Vec<String> {
        vec!["even".to_owned()]
    }
}

#[tokio::test]
async fn sql_asks_the_business_clock() {
    let mut world = World::new().await;
    world.engine =
        world.engine.with_business_clock(&(Arc::new(Hours) as Arc<dyn BusinessClock>)).expect("registers");
    world.morning().await;
    let rows = world
        .json(
            "SELECT w.name, in_calendar('even', t.time) AS even, in_calendar('even', t.time, w.name) AS here, \
             next_cutoff(w.name, t.time) AS next, next_cutoff(w.name, t.time, 'DHL') AS dhl \
             FROM (VALUES ('WH1'), ('WH3'), (NULL)) AS w(name) CROSS JOIN \
             (VALUES (TIMESTAMP '2026-11-21T10:30:00Z'), (TIMESTAMP '2026-11-21T11:00:00Z'), (NULL)) AS t(time) \
             ORDER BY t.time, w.name",
        )
        .await;
    let row = |at: usize| [&rows[at]["even"], &rows[at]["here"], &rows[at]["next"], &rows[at]["dhl"]];
    assert_eq!(
        row(0),
        [&json!(true), &json!(true), &json!("2026-11-21T11:00:00Z"), &json!("2026-11-21T12:00:00Z")]
    );
    assert_eq!(row(1), [&json!(true), &json!(false), &json!(null), &json!(null)], "not in WH3");
    assert_eq!(rows[3]["even"], json!(false), "11:00 is odd");
    assert_eq!(rows[3]["next"], json!("2026-11-21T12:00:00Z"), "the next after it");
    assert!((6..9).all(|at| rows[at]["even"].is_null() && rows[at]["next"].is_null()), "{rows}");

    let in_an_indicator = "SELECT time, in_calendar('even', time) AS good FROM business_events";
    let description = world.engine.describe(in_an_indicator).await.expect("plans");
    assert!(!description.reads_now);
    assert_eq!(description.calendars, ["even"]);
    let of_events = world
        .json("SELECT count(*) AS n FROM business_events WHERE time < next_cutoff(warehouse, time)")
        .await;
    assert_eq!(of_events[0]["n"], json!(5));
    let error = world.sql("SELECT in_calendar('odd', now())").await.expect_err("unknown");
    assert!(error.to_string().contains("there is no calendar 'odd': there are even"), "{error}");
    let error = world.sql("SELECT next_cutoff('WH1')").await.expect_err("one argument");
    assert!(error.to_string().contains("next_cutoff(warehouse, time)"), "{error}");
}
