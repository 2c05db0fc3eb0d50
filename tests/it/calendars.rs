//! The business clock through the product: the file as SQL sees it, what it does to a budget, and who is woken when.

mod house;

use serde_json::{Value, json};

use crate::harness::root;
use house::{House, WITH_THE_PACK, check};

const CALENDARS: &str = "
time_zone: Europe/Berlin
calendars:
  - name: business-hours
    kind: business_hours
    time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '08:00', end_time: '18:00'}]}]
    minus: [holidays]
  - name: holidays
    kind: holiday
    spans: [{start: 2026-12-25, duration: 2d, rrule: FREQ=YEARLY, reason: Christmas}]
  - name: maintenance
    kind: maintenance
    spans: [{start: 2026-11-23 02:00, duration: 2h, rrule: FREQ=WEEKLY, reason: database patches, warehouse: HAM}]
cut_offs:
  - warehouse: HAM
    minus: [holidays]
    times: [{weekdays: ['monday:friday'], time: '17:00'}]
";

#[tokio::test]
async fn calendars_are_a_table_and_two_functions() {
    let files = [("plimsoll.toml", WITH_THE_PACK), ("calendars.yml", CALENDARS)];
    let house = House::open("2026-11-23T08:00:00Z", &files).await;
    let active = "SELECT calendar, kind, warehouse, started, ended, time_zone FROM calendar_windows WHERE is_active ORDER BY calendar";
    assert_eq!(
        Value::from(house.ask(active).await),
        json!([
            {"calendar": "business-hours", "kind": "business_hours", "warehouse": null, "time_zone": "Europe/Berlin",
             "started": "2026-11-23T07:00:00Z", "ended": "2026-11-23T17:00:00Z"},
            {"calendar": "peak-season", "kind": "peak", "warehouse": null, "time_zone": "UTC",
             "started": "2026-11-16T00:00:00Z", "ended": "2026-12-24T00:00:00Z"},
        ]),
        "the file's own hours in place of the pack's, and the pack's season besides"
    );
    let patches = "SELECT count(*) AS n, min(reason) AS reason, min(warehouse) AS warehouse FROM calendar_windows WHERE calendar = 'maintenance'";
    let patches = house.ask(patches).await;
    assert_eq!(
        patches[0],
        json!({"n": 6, "reason": "database patches", "warehouse": "HAM"}),
        "35 days ahead, none before it began"
    );

    let clock = "SELECT in_calendar('business-hours', now()) AS now, in_calendar('business-hours', TIMESTAMP '2026-12-25T10:00:00Z') AS christmas, \
                 in_calendar('maintenance', TIMESTAMP '2026-11-23T01:30:00Z', 'ROT') AS elsewhere, \
                 next_cutoff('HAM', now()) AS today, next_cutoff('HAM', TIMESTAMP '2026-12-24T20:00:00Z') AS after_christmas, \
                 next_cutoff('ROT', now()) AS unknown";
    assert_eq!(
        house.ask(clock).await[0],
        json!({"now": true, "christmas": false, "elsewhere": false, "today": "2026-11-23T16:00:00Z",
               "after_christmas": "2026-12-28T16:00:00Z", "unknown": null})
    );
}

const OBJECTIVE: &str = "
slo: orders
service: sales
objective: 99
window: 28d
group_by: [warehouse]
noun: orders
runbook_url: https://wiki.example/orders
exclude: maintenance
events: |
  SELECT time, warehouse, duration_ms <= 2000 AS good FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'
";

const SLO: &str =
    "SELECT good, total, not_counted, round(budget_left, 4) AS left FROM slos WHERE slo = 'orders'";

#[tokio::test]
async fn maintenance_that_is_declared_afterwards_gives_the_budget_back() {
    let none = CALENDARS.replace("2026-11-23 02:00", "2027-11-23 02:00");
    let files = [("calendars.yml", none.as_str()), ("slos/orders.yaml", OBJECTIVE)];
    let mut house = House::open("2026-11-23T10:00:00Z", &files).await;
    house.minutes(60, 0.5).await;
    house.minutes(10, 9.0).await;
    house.minutes(20, 0.5).await;
    assert_eq!(
        house.ask(SLO).await[0],
        json!({"good": 320, "total": 360, "not_counted": 0, "left": -10.1111})
    );

    let declared = CALENDARS.replace(
        "{start: 2026-11-23 02:00, duration: 2h, rrule: FREQ=WEEKLY,",
        "{start: 2026-11-23T11:00:00Z, duration: 10m,",
    );
    let mut house = house.reopen(&[("calendars.yml", &declared)]).await;
    house.minutes(1, 0.5).await;
    assert_eq!(house.ask(SLO).await[0], json!({"good": 324, "total": 324, "not_counted": 40, "left": 1.0}));
    let raw = "SELECT CAST(sum(total - good) AS BIGINT) AS bad FROM sli_slices WHERE slo = 'orders'";
    assert_eq!(house.ask(raw).await[0]["bad"], 40, "slices are kept as they were counted");
    let joined = "SELECT w.reason, CAST(sum(s.total) AS BIGINT) AS orders FROM sli_slices s JOIN calendar_windows w \
                  ON s.groups['warehouse'] = w.warehouse AND s.slice_start >= w.started AND s.slice_start < w.ended \
                  WHERE w.kind = 'maintenance' GROUP BY w.reason";
    assert_eq!(house.ask(joined).await[0], json!({"reason": "database patches", "orders": 40}));

    let mut house = house.reopen(&[("calendars.yml", &none)]).await;
    house.minutes(1, 0.5).await;
    assert_eq!(
        house.ask(SLO).await[0],
        json!({"good": 328, "total": 368, "not_counted": 0, "left": -9.8696}),
        "and takes it again"
    );
}

const NIGHT: &str = "
calendars:
  - name: night-batch
    kind: shift
    spans: [{start: 2026-01-01 22:00, duration: 2h, rrule: FREQ=DAILY}]
";

/// Slow from 22:30 until the batch ends at midnight, which is fine; then slow once more, which is not.
#[tokio::test]
async fn what_is_slow_in_the_night_batch_wakes_nobody_and_the_same_in_the_wave_is_a_page() {
    let lines = "lines:\n  - {while: night-batch, objective: 50, severity: {page: none, ticket: none}}\n";
    let objective = OBJECTIVE.replace("exclude: maintenance\n", lines);
    let files = [("calendars.yml", NIGHT), ("slos/orders.yaml", objective.as_str())];
    let mut house = House::open("2026-11-23T21:00:00Z", &files).await;
    assert_eq!(house.minutes(90, 0.5).await, Vec::<String>::new());
    assert_eq!(house.minutes(60, 9.0).await, Vec::<String>::new());
    let line = house.ask("SELECT line FROM slos WHERE slo = 'orders'").await;
    assert_eq!(line[0]["line"], "night-batch");
    assert_eq!(house.minutes(30, 9.0).await, Vec::<String>::new());
    assert_eq!(house.minutes(90, 0.5).await, Vec::<String>::new(), "nor afterwards, for what was slow in it");
    assert!(house.minutes(30, 9.0).await.contains(&"page".to_owned()));
    let said = "SELECT annotations['description'] AS description FROM alerts \
                WHERE alertname = 'orders' AND labels['severity'] = 'page'";
    let said = house.ask(said).await;
    assert!(
        said[0]["description"].as_str().is_some_and(|text| text.contains("error budget burns")),
        "{said:?}"
    );
}

/// The hours end at 18:00 in Berlin, 17:00 UTC.
#[tokio::test]
async fn only_business_hours_count_and_silence_after_them_is_nobodys_business() {
    let objective = OBJECTIVE.replace("exclude: maintenance", "count_only: business-hours");
    let files = [("calendars.yml", CALENDARS), ("slos/orders.yaml", objective.as_str())];
    let mut house = House::open("2026-11-23T16:40:00Z", &files).await;
    house.minutes(15, 0.5).await;
    house.minutes(5, 9.0).await;
    house.minutes(10, 9.0).await;
    assert_eq!(house.ask(SLO).await[0], json!({"good": 60, "total": 80, "not_counted": 40, "left": -24.0}));

    let blind = "SELECT count(*) AS n FROM alerts WHERE alertname = 'ObjectiveBlind' AND state = 'firing'";
    house.quiet(3).await;
    assert_eq!(house.ask("SELECT state FROM slos WHERE slo = 'orders'").await[0]["state"], "blind");
    assert_eq!(house.ask(blind).await[0]["n"], 0, "at 21:12 nobody needs to see it");
    house.quiet(12).await;
    assert_eq!(house.ask(blind).await[0]["n"], 1, "at 09:14 the next morning somebody does");
}

#[tokio::test]
async fn a_new_period_has_a_budget_of_its_own_and_burn_windows_go_on() {
    let daily = "window: 1d\nstarts: 2026-01-01\ntime_zone: Europe/Berlin\nbudget_alerts: {spent: none}";
    let objective = OBJECTIVE.replace("window: 28d", daily).replace("exclude: maintenance\n", "");
    let mut house = House::open("2026-11-23T21:50:00Z", &[("slos/orders.yaml", &objective)]).await;
    house.minutes(60, 0.5).await;
    house.minutes(8, 9.0).await;
    let slo = "SELECT good, total, budget_left < 0 AS spent, burn_1h > 10 AS burns, \"window\" FROM slos WHERE slo = 'orders'";
    assert_eq!(
        house.ask(slo).await[0],
        json!({"good": 240, "total": 272, "spent": true, "burns": true, "window": "1d"})
    );
    house.minutes(5, 0.5).await;
    let after = house.ask(slo).await;
    assert_eq!(
        after[0],
        json!({"good": 12, "total": 12, "spent": false, "burns": true, "window": "1d"}),
        "since midnight in Berlin"
    );
}

#[tokio::test]
async fn a_mistake_is_found_before_it_wakes_anybody() {
    let errors = check(&[("calendars.yml", &CALENDARS.replace("duration: 2h", "duration: 2 hours"))]).await;
    assert!(errors[0].contains("calendars.yml:13: `2 hours` is not a duration"), "{errors:?}");
    let unknown = OBJECTIVE.replace("exclude: maintenance", "exclude: maintenence");
    let errors = check(&[("calendars.yml", CALENDARS), ("slos/orders.yaml", &unknown)]).await;
    assert!(errors[0].contains("orders.yaml:9: there is no calendar `maintenence`"), "{errors:?}");
    let in_sql = OBJECTIVE.replace("duration_ms <= 2000", "in_calendar('hours', time)");
    let errors = check(&[("calendars.yml", CALENDARS), ("slos/orders.yaml", &in_sql)]).await;
    assert!(errors[0].contains("there is no calendar `hours`: there are business-hours"), "{errors:?}");
}

/// Every block of YAML on the page about calendars, beside the shipped calendars.
#[tokio::test]
async fn what_the_page_about_calendars_shows_is_accepted() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is there");
    let (page, shipped) = (read("docs/calendars.md"), read("examples/calendars.yml"));
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        let files = match block.starts_with("calendars:") {
            true => [("calendars.yml", block), ("slos/none.yaml", "")],
            false => [("calendars.yml", &*shipped), ("slos/shown.yaml", block)],
        };
        assert_eq!(check(&files).await, Vec::<String>::new(), "{block}");
    }
}
