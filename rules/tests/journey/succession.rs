//! Rules change while the house is open.

use std::time::Duration;

use arrow::array::AsArray;
use plimsoll_model::Alert;

use crate::house::{House, fires};
use crate::{RULES, SLO};

const ANOTHER: &str = "\
slo: all-orders
service: sales
objective: 99
window: 7d
events: SELECT time, outcome = 'ok' AS good FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'
";

async fn burning() -> House {
    let mut house = House::open(&[("slo.yaml", SLO)]).await;
    house.fill(Duration::from_secs(320 * 60)).await;
    house.steps_until("failed", fires).await;
    house
}

/// Bad events and all events.
async fn counted(house: &House, slo: &str) -> (i64, i64) {
    let sql = format!("SELECT sum(total - good)::bigint, sum(total)::bigint FROM slos WHERE slo = '{slo}'");
    let output = house.engine.sql(&sql, &[]).await.expect("answers");
    let number = |column: usize| {
        output.batches[0].column(column).as_primitive::<arrow::datatypes::Int64Type>().value(0)
    };
    (number(0), number(1))
}

fn of<'a>(alerts: &'a [Alert], slo: &str) -> &'a Alert {
    let found = alerts.iter().filter(|alert| alert.labels.get("slo") == slo).collect::<Vec<_>>();
    let [alert] = found.as_slice() else { panic!("one alert of {slo}: {alerts:#?}") };
    alert
}

#[tokio::test]
async fn what_did_not_change_goes_on_beside_what_is_new() {
    let mut house = burning().await;
    let before = counted(&house, "order-posting").await;
    house.reload(&[("slo.yaml", SLO), ("another.yaml", ANOTHER)]).await;
    let alerts = house.tick().await;
    assert!(!of(&alerts, "order-posting").is_resolved_at(house.now()));
    assert_eq!(counted(&house, "order-posting").await, before);
    assert_eq!(
        counted(&house, "all-orders").await,
        before,
        "a new objective counts what was there before it"
    );
}

/// The target is applied to what was counted: nothing is measured anew, and what fires goes on firing.
#[tokio::test]
async fn an_edited_target_keeps_its_history_and_its_alert() {
    let mut house = burning().await;
    let (before, began) =
        (counted(&house, "order-posting").await, of(&house.tick().await, "order-posting").starts_at);
    house.reload(&[("slo.yaml", &SLO.replace("99.5", "99.6"))]).await;
    let alerts = house.tick().await;
    assert_eq!(counted(&house, "order-posting").await, before);
    let alert = of(&alerts, "order-posting");
    assert!(!alert.is_resolved_at(house.now()), "{alert:#?}");
    assert_eq!(alert.starts_at, began, "an edit is no new beginning");
    assert!(alert.annotations["summary"].contains("(99.6 %)"), "{alert:#?}");

    house.reload(&[("slo.yaml", &SLO.replace("99.5", "80"))]).await;
    let alerts = house.tick().await;
    assert!(of(&alerts, "order-posting").is_resolved_at(house.now()), "{alerts:#?}");
}

/// What is measured changed: it is measured again, over the past too.
#[tokio::test]
async fn another_question_counts_the_past_anew() {
    let mut house = burning().await;
    let (_, before) = counted(&house, "order-posting").await;
    house.reload(&[("slo.yaml", &SLO.replace("<= 2000", "<= 50"))]).await;
    house.tick().await;
    assert_eq!(counted(&house, "order-posting").await, (before, before), "every order took longer");
}

#[tokio::test]
async fn a_rule_that_waits_goes_on_waiting_and_one_that_is_gone_resolves() {
    let mut house = House::open(&[("rules.yaml", RULES)]).await;
    house.run(2, "failed").await;
    let edited = RULES.replace("orders fail in", "orders have failed in");
    house.reload(&[("rules.yaml", &edited)]).await;
    let steps = house.steps_until("failed", fires).await;
    assert!(steps <= 6, "the minute began before the edit: {steps} more steps of ten seconds");
    let alerts = house.run(1, "failed").await;
    assert!(alerts[0].annotations["summary"].contains("have failed"), "{alerts:#?}");

    house.reload(&[("slo.yaml", SLO)]).await;
    let alerts = house.tick().await;
    let [alert] = alerts.as_slice() else { panic!("the resolve of what is gone: {alerts:#?}") };
    assert_eq!((alert.labels.get("alertname"), alert.ends_at), ("OrdersFail", Some(house.now())));

    house.reload(&[("rules.yaml", RULES)]).await;
    let alerts = house.run(8, "failed").await;
    assert!(fires(&alerts, house.now()), "it is watched again: {alerts:#?}");
}
