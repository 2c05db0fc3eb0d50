//! Objectives on the way from one event to another, against a naive recount: whatever comes late, twice, again or never,
//! and in whatever order it is told.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{BusinessClock, Table, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::fixture::{House, at};

const SLO: &str = "\
slo: shipped
service: warehouse
objective: 90
window: 28d
group_by: [warehouse]
process:
  from: odoo.sale.order.confirmed
  to: odoo.stock.picking.done
  cancelled_by: odoo.sale.order.cancelled
  DEADLINE
";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Confirmed,
    Done,
    Cancelled,
}

/// Seconds after eight: when it happened, and when we were told.
#[derive(Clone, Copy, Debug)]
struct Told {
    case: u8,
    step: Step,
    happened: i64,
    told: i64,
    /// After it happened; only for those that begin.
    due_after: Option<i64>,
}

const HORIZON: i64 = 1_200;

impl Told {
    fn row(self, number: usize) -> Value {
        let nanos = |seconds: i64| at("08:00:00").nanos() + seconds * 1_000_000_000;
        let event_name = match self.step {
            Step::Confirmed => "odoo.sale.order.confirmed",
            Step::Done => "odoo.stock.picking.done",
            Step::Cancelled => "odoo.sale.order.cancelled",
        };
        json!({
            "time": nanos(self.happened), "ingest_time": nanos(self.told), "event_name": event_name,
            "event_id": number.to_string(), "process_id": format!("S{:05}", self.case), "outcome": "ok",
            "warehouse": if self.case.is_multiple_of(2) { "WH1" } else { "WH2" }, "service_name": "odoo", "amount": 100.0,
            "due": self.due_after.map(|after| nanos(self.happened + after)),
        })
    }
}

/// Good and total of a warehouse at `now`, from all that was told: case by case, with nothing but loops.
fn recount(events: &[Told], deadline: impl Fn(&Told) -> Option<i64>, warehouse: u8, now: i64) -> (u64, u64) {
    let (mut good, mut total) = (0, 0);
    for begin in events.iter().filter(|it| it.step == Step::Confirmed && it.case % 2 == warehouse) {
        let Some(deadline) = deadline(begin).map(|deadline| deadline.max(begin.happened)) else { continue };
        let first = |step| {
            let later = events.iter().filter(|it| it.case == begin.case && it.step == step);
            later.map(|it| it.happened).filter(|happened| *happened >= begin.happened).min()
        };
        let ended = first(Step::Done);
        let decided = ended.filter(|ended| *ended <= deadline).unwrap_or(deadline);
        let is_called_off = first(Step::Cancelled)
            .is_some_and(|cancelled| cancelled < ended.unwrap_or(deadline).min(deadline));
        if is_called_off || decided > now {
            continue;
        }
        total += 1;
        good += u64::from(ended.is_some_and(|ended| ended <= deadline));
    }
    (good, total)
}

fn steps() -> impl Strategy<Value = Vec<Told>> {
    let step = prop_oneof![4 => Just(Step::Confirmed), 4 => Just(Step::Done), 1 => Just(Step::Cancelled)];
    let delay = prop_oneof![3 => Just(0_i64), 1 => 0..HORIZON];
    let due = prop_oneof![1 => Just(None), 4 => (-60..400_i64).prop_map(Some)];
    let told = (0..6_u8, step, 0..HORIZON, delay, due);
    let told = told.prop_map(|(case, step, happened, delay, due_after)| {
        let due_after = due_after.filter(|_| step == Step::Confirmed);
        Told { case, step, happened, told: happened + delay, due_after }
    });
    proptest::collection::vec(told, 1..40)
}

async fn shown(house: &House) -> Vec<(u64, u64)> {
    let rows = house.json("SELECT good, total FROM slos ORDER BY groups['warehouse']").await;
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap_or_default();
    let rows = rows.as_array().expect("rows").iter().map(|row| (number(row, "good"), number(row, "total")));
    rows.filter(|(_, total)| *total > 0).collect()
}

async fn agrees(
    slo: &str,
    events: &[Told],
    deadline: impl Fn(&Told) -> Option<i64> + Copy,
) -> Result<(), String> {
    let house = House::open("08:00:00").await;
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", slo)])).await;
    let mut untold: Vec<(usize, Told)> = events.iter().copied().enumerate().collect();
    let mut told = Vec::new();
    for now in (0..2 * HORIZON).step_by(157) {
        let (due, later): (Vec<_>, Vec<_>) = untold.into_iter().partition(|(_, it)| it.told <= now);
        untold = later;
        if !due.is_empty() {
            let rows: Vec<Value> = due.iter().map(|(number, it)| it.row(*number)).collect();
            house.append(Table::BusinessEvents, &rows).await;
            told.extend(due.iter().map(|(_, it)| *it));
        }
        house.clock.advance((at("08:00:00") + Duration::from_secs(now.unsigned_abs())).since(house.now()));
        house.tick(&mut evaluator).await;
        let counts = [0, 1].map(|warehouse| recount(&told, deadline, warehouse, now));
        let expected: Vec<_> = counts.into_iter().filter(|(_, total)| *total > 0).collect();
        let found = shown(&house).await;
        if found != expected {
            return Err(format!("after {now} s: {found:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

fn check(deadline_key: &str, deadline: impl Fn(&Told) -> Option<i64> + Copy) {
    let slo = SLO.replace("DEADLINE", deadline_key);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&steps(), |events| {
            let agreed = runtime.block_on(agrees(&slo, &events, deadline));
            agreed.map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_time_limit_counts_as_a_naive_recount_does() {
    check("within: 200s", |begin| Some(begin.happened + 200));
}

#[test]
fn a_promised_moment_counts_as_a_naive_recount_does() {
    check("due: true", |begin| begin.due_after.map(|after| begin.happened + after));
}

/// Every half hour a lorry leaves the first warehouse; nobody says when from the second.
#[derive(Debug)]
struct Lorries;

impl BusinessClock for Lorries {
    fn in_calendar(
        &self,
        _calendar: &str,
        _warehouse: Option<&str>,
        _times: &[Timestamp],
    ) -> Option<Vec<bool>> {
        None
    }

    fn next_cut_offs(
        &self,
        warehouse: &str,
        _carrier: Option<&str>,
        times: &[Timestamp],
    ) -> Vec<Option<Timestamp>> {
        let next = |time: &Timestamp| Timestamp::from_secs((time.nanos() / 1_800_000_000_000 + 1) * 1_800);
        times.iter().map(|time| (warehouse == "WH1").then(|| next(time))).collect()
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_case_may_be_due_at_the_next_cut_off() {
    let mut house = House::open("08:29:00").await;
    let lorries: Arc<dyn BusinessClock> = Arc::new(Lorries);
    house.engine = house.engine.with_business_clock(&lorries).expect("an engine");
    let slo = SLO.replace("DEADLINE", "by: cut_off");
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &slo)])).await;
    let steps =
        [told(0, Step::Confirmed, 60, 60), told(2, Step::Confirmed, 90, 90), told(1, Step::Confirmed, 0, 0)];
    let rows: Vec<Value> = steps
        .iter()
        .chain([&told(2, Step::Done, 1_700, 1_700)])
        .map(|it| it.row(usize::from(it.case) * 10 + it.step as usize))
        .collect();
    house.append(Table::BusinessEvents, &rows).await;
    house.tick(&mut evaluator).await;
    assert_eq!(shown(&house).await, [(1, 1)], "the other one may still come");
    house.clock.advance(Duration::from_secs(60));
    house.tick(&mut evaluator).await;
    assert_eq!(shown(&house).await, [(1, 2)], "it missed the lorry of 08:30");
}

fn told(case: u8, step: Step, happened: i64, told: i64) -> Told {
    Told { case, step, happened, told, due_after: None }
}

/// What each of these moments shows, for reading.
#[tokio::test]
async fn an_open_case_is_bad_from_its_deadline_on_and_an_end_told_late_corrects_that() {
    let house = House::open("08:00:00").await;
    let slo = SLO.replace("DEADLINE", "within: 10m");
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &slo)])).await;
    let mut at_second = async |second: u64, events: &[Told]| {
        let rows: Vec<Value> =
            events.iter().map(|it| it.row(usize::from(it.case) * 10 + it.step as usize)).collect();
        if !rows.is_empty() {
            house.append(Table::BusinessEvents, &rows).await;
        }
        house.clock.advance((at("08:00:00") + Duration::from_secs(second)).since(house.now()));
        evaluator.tick(house.now()).await;
        shown(&house).await
    };
    let begins =
        [told(0, Step::Confirmed, 0, 0), told(2, Step::Confirmed, 0, 0), told(4, Step::Confirmed, 0, 0)];
    assert_eq!(at_second(60, &begins).await, [], "open cases are nothing yet");
    assert_eq!(at_second(120, &[told(0, Step::Done, 90, 120)]).await, [(1, 1)], "good when it ends");
    assert_eq!(at_second(599, &[]).await, [(1, 1)]);
    assert_eq!(at_second(600, &[]).await, [(1, 3)], "nothing arrived, and yet two are overdue");
    assert_eq!(at_second(700, &[told(2, Step::Done, 650, 700)]).await, [(1, 3)], "too late stays bad");
    assert_eq!(at_second(800, &[told(4, Step::Done, 590, 800)]).await, [(2, 3)], "in time, and told late");
}

#[tokio::test]
async fn only_what_is_meant_begins_and_ends_a_case() {
    let house = House::open("08:30:00").await;
    let only = "within: 10m\n  from_where: process_id <> 'S00002'\n  to_where: warehouse = 'WH1'";
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &SLO.replace("DEADLINE", only))])).await;
    let cases = (0..4).flat_map(|case| [told(case, Step::Confirmed, 0, 0), told(case, Step::Done, 60, 60)]);
    let rows: Vec<Value> = cases.enumerate().map(|(number, it)| it.row(number)).collect();
    house.append(Table::BusinessEvents, &rows).await;
    house.tick(&mut evaluator).await;
    assert_eq!(shown(&house).await, [(1, 1), (0, 2)], "of WH1 one doesn't begin, of WH2 none ends");
}

#[tokio::test]
async fn what_is_at_stake_is_said_of_overdue_cases() {
    let house = House::open("08:50:00").await;
    let slo = SLO.replace("DEADLINE", "within: 10m");
    let events: Vec<Told> =
        (0..40).map(|case| told(case, Step::Confirmed, i64::from(case) * 60, 0)).collect();
    let rows: Vec<Value> = events.iter().enumerate().map(|(number, it)| it.row(number)).collect();
    house.append(Table::BusinessEvents, &rows).await;
    let mut evaluator = house.evaluator(house.write(&[("slo.yaml", &slo)])).await;
    let alerts = house.tick(&mut evaluator).await;
    let page =
        alerts.iter().find(|alert| alert.labels.get("warehouse") == "WH1").expect("nothing is shipped");
    let said = |name: &str| page.annotations.get(name).map(String::as_str).unwrap_or_default();
    assert!(said("impact_amount").parse::<f64>().is_ok_and(|amount| amount > 0.0), "{:?}", page.annotations);
    assert!(said("example_process_id").starts_with('S'), "{:?}", page.annotations);
    let shown = house.json(said("sql")).await;
    assert!(shown[0]["total"].as_u64().is_some_and(|total| total > 0), "{} gives {shown}", said("sql"));
}
