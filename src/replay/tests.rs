//! A day is lived once, by a server on a clock of ours, and replayed from its lake.

use plimsoll_model::{Clock, ManualClock, batch_from_rows};
use serde_json::json;

use super::*;
use crate::app::App;

const RULES: &str = "\
groups:
  - name: orders
    interval: 1m
    rules:
      - alert: OrdersFail
        for: 2m
        sql: |
          SELECT warehouse, CAST(count(*) AS DOUBLE) AS value FROM business_events
          WHERE outcome = 'failed' AND time > now() - INTERVAL '5 minutes' AND time <= now()
          GROUP BY 1 HAVING count(*) >= 4
        labels: {severity: page}
        annotations: {summary: '{{ $value }} orders fail', runbook_url: https://wiki.example/orders}
---
slo: order-posting
service: sales
objective: 99
window: 7d
group_by: [warehouse]
events: SELECT time, warehouse, outcome = 'ok' AS good FROM business_events
";

const ROUTES: &str = "\
route: {receiver: duty, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 12h}
receivers: [{name: duty, webhook_configs: [{url: 'http://127.0.0.1:9/duty'}]}]
";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("valid")
}

fn config(folder: &std::path::Path, name: &str, rules: &str) -> Config {
    let toml = format!("[rules]\nfiles = [\"{name}.yaml\"]\n[telemetry]\nenabled = false\n");
    std::fs::write(folder.join(format!("{name}.yaml")), rules).expect("written");
    std::fs::write(folder.join("alertmanager.yml"), ROUTES).expect("written");
    std::fs::write(folder.join(format!("{name}.toml")), toml).expect("written");
    Config::read(&folder.join(format!("{name}.toml"))).expect("a good configuration")
}

/// What changed state, as the live run wrote it down: time, fingerprint, outcome.
type Decided = Vec<(String, String, String)>;

async fn decided(history: &History) -> Decided {
    let History::Lake(engine) = history else { panic!("a lake") };
    let sql = "SELECT time, fingerprint, outcome FROM decisions WHERE stage = 'rule' \
               AND outcome IN ('firing', 'resolved') ORDER BY time, fingerprint";
    let answer = engine.sql(sql, &[]).await.expect("answers").to_json().expect("rows");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&answer).expect("an array");
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().expect("text").to_owned();
    rows.iter().map(|row| (text(row, "time"), text(row, "fingerprint"), text(row, "outcome"))).collect()
}

/// Orders from eight to noon, one every ten seconds, of which those of a bad half hour fail. Every seventh comes late.
async fn live(config: &Config) -> (Timestamp, Timestamp) {
    let (start, end) = (at("2026-11-20T08:00:00Z"), at("2026-11-20T12:00:00Z"));
    let clock = ManualClock::at(start);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    // Receivers take everything.
    let config = config.clone().simulated(&config.data_dir(), &[]);
    let app = Box::pin(App::open(config, shared)).await.expect("the rooms open");
    let (mut waiting, mut number) = (Vec::<(Timestamp, serde_json::Value)>::new(), 0);
    while clock.now() < end {
        for tick in 0..6_u64 {
            number += 1;
            let time = clock.now() + Duration::from_secs(10 * tick);
            let is_bad = time >= at("2026-11-20T10:00:00Z") && time < at("2026-11-20T10:30:00Z");
            let visible = time + Duration::from_secs(if number % 7 == 0 { 150 } else { 1 });
            let row = json!({
                "time": time.nanos(), "ingest_time": visible.nanos(), "event_name": "odoo.sale.order.confirmed",
                "event_id": format!("e{number}"), "warehouse": if number % 2 == 0 { "ROT" } else { "UTR" },
                "outcome": if is_bad && number % 2 == 0 { "failed" } else { "ok" }, "service_name": "odoo",
            });
            waiting.push((visible, row));
        }
        clock.advance(Duration::from_secs(60));
        let (come, later) = waiting.into_iter().partition(|(visible, _)| *visible <= clock.now());
        waiting = later;
        let rows: Vec<serde_json::Value> = come.into_iter().map(|(_, row)| row).collect();
        let table = Table::BusinessEvents;
        let batch = batch_from_rows(&table.schema(), &rows).expect("fits");
        app.append_for_tests(vec![plimsoll_model::SignalBatch { table, batch }]).await;
        app.step().await.expect("a pass");
    }
    (start, end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_decides_what_the_live_run_decided_and_a_change_of_the_rules_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let running = config(folder.path(), "running", RULES);
    let (start, end) = Box::pin(live(&running)).await;

    let history = Box::pin(History::of_lake(&running)).await.expect("the lake opens");
    let truth = decided(&history).await;
    assert!(truth.len() >= 4, "the day was not bad enough: {truth:?}");
    let step = Duration::from_secs(60);
    // From the middle of the morning on: what was before is known as slices and decisions.
    for since in [start, at("2026-11-20T09:30:00Z")] {
        let stretch = Stretch { since, until: end, step };
        let replayed = Box::pin(replay(&running, &history, stretch)).await.expect("replays");
        let mut again = Decided::new();
        for episode in &replayed.episodes {
            let print = episode.labels.fingerprint().to_string();
            let said = |time: Timestamp| time.to_rfc3339().replace(".000Z", "Z");
            again.extend(episode.firing.map(|time| (said(time), print.clone(), "firing".to_owned())));
            again.extend(episode.resolved.map(|time| (said(time), print.clone(), "resolved".to_owned())));
            let told = |told: &[Told]| told.iter().map(|told| told.receiver.clone()).collect::<Vec<_>>();
            assert_eq!(
                told(&episode.told),
                episode.firing.iter().map(|_| "duty").collect::<Vec<_>>(),
                "{episode:?}"
            );
        }
        again.sort();
        assert_eq!(again, truth, "since {since}");
        let page =
            replayed.episodes.iter().find(|it| it.labels.get("alertname") == "OrdersFail").expect("it paged");
        assert_eq!(page.told_then.len(), page.told.len(), "{page:?}");
    }

    let stretch = Stretch { since: start, until: end, step };
    let run = Box::pin(replay(&running, &history, stretch)).await.expect("replays");
    assert_eq!(compare(&run.episodes, &run.episodes, step), []);
    let new = config(
        folder.path(),
        "new",
        &RULES.replace("for: 2m", "for: 6m").replace("slo: order-posting", "slo: renamed"),
    );
    let new = Box::pin(replay(&new, &history, stretch)).await.expect("replays");
    let differences = compare(&run.episodes, &new.episodes, step);
    let later = differences.iter().find_map(|difference| match difference {
        Difference::Later { alert, seconds } => Some((alert.labels.get("alertname"), *seconds)),
        _ => None,
    });
    assert_eq!(later, Some(("OrdersFail", 240)), "{differences:#?}");
    let count = |is: fn(&Difference) -> bool| differences.iter().filter(|difference| is(difference)).count();
    assert!(count(|it| matches!(it, Difference::Added { .. })) > 0, "{differences:#?}");
    assert_eq!(
        count(|it| matches!(it, Difference::Removed { .. })),
        count(|it| matches!(it, Difference::Added { .. }))
    );

    let zone = Zone(chrono_tz::Tz::UTC);
    let report = Report { run, new: Some((new, differences)), zone, took: Duration::from_secs(3) };
    let text = report.to_text();
    for part in [
        "Replayed 2026-11-20T08:00:00.000Z",
        "would have paged",
        "after onset",
        "0 of them at night",
        "then, duty at",
        "> 4 min later: page",
    ] {
        assert!(text.contains(part), "{part}\n--\n{text}");
    }
    assert_eq!(report.to_json()["step_seconds"], 60.0);
}
