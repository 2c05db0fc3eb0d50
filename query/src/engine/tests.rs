use std::time::{Duration, Instant};

use plimsoll_model::Table;
use serde_json::{Value, json};

use super::*;
use crate::testing::{NOW, World};

/// Questions whose answers must not depend on where the rows are.
const QUESTIONS: [&str; 12] = [
    "SELECT * FROM spans ORDER BY time",
    "SELECT * FROM business_events ORDER BY time",
    "SELECT * FROM metrics",
    "SELECT count(*) FROM spans",
    "SELECT arrow_typeof(time), arrow_typeof(attributes), arrow_typeof(events) FROM spans LIMIT 1",
    "SELECT attributes['http.route'] AS route FROM spans WHERE attributes['http.route'] = '/orders/3'",
    "SELECT time FROM spans WHERE time > now() - interval '3 seconds' ORDER BY time DESC LIMIT 2",
    "SELECT warehouse, count(*) AS n, sum(amount) FROM business_events GROUP BY 1 ORDER BY 1",
    "SELECT b.warehouse, s.duration_ms FROM business_events b JOIN spans s USING (trace_id) ORDER BY 2",
    "SELECT a.name FROM spans a JOIN spans b ON a.time = b.time AND a.trace_id = b.trace_id",
    "SELECT s.name, u.e['name'] AS event FROM (SELECT name, unnest(events) AS e FROM spans) u, spans s ORDER BY 1 LIMIT 3",
    "SELECT bucket_counts[1] + bucket_counts[2] AS fast, bucket_bounds FROM metrics",
];

async fn answers(world: &World) -> Vec<Value> {
    let mut answers = Vec::new();
    for question in QUESTIONS {
        answers.push(world.json(question).await);
    }
    answers
}

#[tokio::test]
async fn rows_in_memory_and_rows_in_files_give_the_same_answers() {
    let world = World::new().await;
    world.morning().await;
    let hot = answers(&world).await;
    world.lake.flush().await.expect("flushes");
    assert!(world.lake.snapshot(Table::Spans).hot.is_empty(), "everything is in files");
    let cold = answers(&world).await;
    for ((question, hot), cold) in QUESTIONS.iter().zip(hot).zip(cold) {
        assert_eq!(hot, cold, "{question}");
    }
}

#[tokio::test]
async fn a_half_flushed_table_is_one_table() {
    let world = World::new().await;
    world.morning().await;
    world.lake.flush().await.expect("flushes");
    world.morning().await;
    let counts = world.json("SELECT count(*) AS n, count(DISTINCT time) AS times FROM spans").await;
    assert_eq!(counts, json!([{"n": 10, "times": 5}]));
    let last = world.json("SELECT time FROM spans ORDER BY time DESC LIMIT 2").await;
    assert_eq!(
        last,
        json!([{"time": "2027-01-15T07:59:59.000000001Z"}, {"time": "2027-01-15T07:59:59.000000001Z"}])
    );
    let routes =
        world.json("SELECT DISTINCT attributes['http.route'] AS r FROM spans WHERE duration_ms > 1000").await;
    assert_eq!(routes, json!([{"r": "/orders/5"}]));
}

#[tokio::test]
async fn files_outside_of_the_time_range_are_not_opened() {
    let world = World::new().await;
    for hour in 0..3 {
        let time = NOW.nanos() - hour * 3_600_000_000_000;
        world
            .append(Table::Logs, &[json!({"time": time, "ingest_time": time, "body": format!("{hour}")})])
            .await;
        world.lake.flush().await.expect("flushes");
    }
    let sql = "SELECT body FROM logs WHERE time >= now() - interval '90 minutes' AND time < now() - interval '30 minutes'";
    assert_eq!(world.json(sql).await, json!([{"body": "1"}]));
    let plan = world.json(&format!("EXPLAIN {sql}")).await.to_string();
    assert_eq!(plan.matches(".parquet").count(), 1, "{plan}");
    // What is left is told to the reader in the files' own terms.
    assert!(plan.contains("predicate=time@0 >="), "{plan}");
    assert_eq!(world.json("SELECT body FROM logs WHERE time > now()").await, json!([]));
}

#[tokio::test]
async fn a_promoted_column_helps_a_filter_on_the_map_and_never_changes_its_answer() {
    let world = World::new().await;
    let row = |name: &str, column: Option<&str>, attributes: Value| {
        json!({"time": NOW.nanos(), "ingest_time": 0, "trace_id": "t", "span_id": "s", "name": name,
            "http_request_method": column, "attributes": attributes})
    };
    let rows = [
        row("current", Some("GET"), json!({"http.request.method": "GET"})),
        row("old spelling", Some("GET"), json!({"http.method": "GET"})),
        row("older than the column", None, json!({"http.request.method": "GET"})),
        row("another", Some("PUT"), json!({"http.request.method": "PUT"})),
        row("none", None, json!({"db.system.name": "postgresql"})),
    ];
    world.append(Table::Spans, &rows).await;
    let names = |filter: &str| {
        format!("SELECT name FROM spans WHERE attributes['http.request.method'] {filter} ORDER BY name")
    };
    let filters = ["= 'GET'", "LIKE 'G%'", "IN ('GET')", "< 'H'", "<> 'PUT'", "IS NULL", "NOT IN ('GET')"];
    let mut hot = Vec::new();
    for filter in filters {
        hot.push(world.json(&names(filter)).await);
    }
    assert_eq!(hot[0], json!([{"name": "current"}, {"name": "older than the column"}]));

    world.lake.flush().await.expect("flushes");
    for (filter, hot) in filters.iter().zip(hot) {
        assert_eq!(world.json(&names(filter)).await, hot, "{filter}");
    }
    let plan = world.json(&format!("EXPLAIN {}", names("= 'GET'"))).await.to_string();
    assert!(plan.contains("predicate=http_request_method@") && plan.contains("IS NULL"), "{plan}");
}

#[tokio::test]
async fn now_is_the_clocks_for_people_and_the_evaluations_for_rules() {
    let world = World::new().await;
    let sql = "SELECT now() AS n, current_timestamp AS t, current_date AS d, now() - interval '1 hour' < $1 AS late";
    let output = world.engine.sql(sql, &[Param::Time(NOW)]).await.expect("answers");
    let expected =
        json!([{"n": "2027-01-15T08:00:00Z", "t": "2027-01-15T08:00:00Z", "d": "2027-01-15", "late": true}]);
    assert_eq!(serde_json::from_slice::<Value>(&output.to_json().expect("writes")).expect("JSON"), expected);

    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.json("SELECT now() AS n").await, json!([{"n": "2027-01-15T08:01:00Z"}]));
    let then = Timestamp::from_secs(1_000);
    let output = world.engine.evaluate("SELECT now() AS n", &[], then).await.expect("answers");
    assert_eq!(output.to_json().expect("writes"), br#"[{"n":"1970-01-01T00:16:40Z"}]"#);
}

#[tokio::test]
async fn parameters_are_values_and_never_text() {
    let world = World::new().await;
    world.morning().await;
    let hostile = Param::Text("WH1' OR 'a' = 'a".to_owned());
    let sql = "SELECT count(*) AS n FROM business_events WHERE warehouse = $1 AND amount > $2 AND time <= $3";
    for (warehouse, expected) in [(hostile, 0), (Param::Text("WH1".to_owned()), 3)] {
        let params = [warehouse, Param::Int(1), Param::Time(NOW)];
        let output = world.engine.sql(sql, &params).await.expect("answers");
        assert_eq!(output.to_json().expect("writes"), format!("[{{\"n\":{expected}}}]").into_bytes());
    }
    let missing = world.engine.sql("SELECT $2", &[Param::Int(1)]).await.expect_err("one is missing");
    assert!(matches!(missing, QueryError::Invalid { .. }), "{missing:?}");
}

#[tokio::test]
async fn a_description_has_columns_tables_and_the_use_of_now() {
    let world = World::new().await;
    let sql = "SELECT time, outcome = 'ok' AS good FROM business_events WHERE trace_id IN (SELECT trace_id FROM spans)";
    let description = world.engine.describe(sql).await.expect("describes");
    assert_eq!(description.tables, [Table::Spans, Table::BusinessEvents]);
    assert!(!description.reads_now);
    assert_eq!(description.schema.field(1).name(), "good");
    assert_eq!(description.schema.field(1).data_type(), &arrow::datatypes::DataType::Boolean);
    for sql in [
        "SELECT 1 FROM logs WHERE time > now() - interval '1 minute'",
        "SELECT current_date AS d",
        "SELECT 1 AS x WHERE EXISTS (SELECT 1 FROM logs WHERE time > current_timestamp)",
    ] {
        assert!(world.engine.describe(sql).await.expect("describes").reads_now, "{sql}");
    }
}

#[tokio::test]
async fn tables_of_other_rooms_join_with_the_lake() {
    let world = World::new().await;
    world.morning().await;
    let sql = "SELECT s.slo, count(*) AS n FROM slos s CROSS JOIN business_events GROUP BY 1";
    assert_eq!(world.json(sql).await, json!([{"slo": "order-posting", "n": 5}]));
    let tables = world.json("SHOW TABLES").await.to_string();
    assert!(tables.contains("business_events") && tables.contains("slos"), "{tables}");
    let columns = world.json("DESCRIBE slos").await;
    assert_eq!(columns[0]["column_name"], "slo");
}

#[tokio::test]
async fn an_unknown_column_is_named_with_its_place_and_the_candidates() {
    let world = World::new().await;
    let error = world.sql("SELECT\n  objektive FROM slos").await.expect_err("no such column");
    let QueryError::Invalid { message, line, column } = error else { panic!("{error:?}") };
    assert_eq!(message, "unknown column 'objektive': there are objective, slo");
    assert_eq!((line, column), (Some(2), Some(3)));
}

#[tokio::test]
async fn a_statement_ends_at_its_deadline_and_leaves_its_turn_to_others() {
    let world = World::with(|config| config.timeout = Duration::from_secs(2)).await;
    let endless = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a.value <> b.value";
    let recursive = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let started = Instant::now();
    let (one, two, three, four, five) = tokio::join!(
        world.sql(endless),
        world.sql(endless),
        world.sql(endless),
        world.sql(recursive),
        // This one never gets a turn.
        world.sql(endless),
    );
    for error in [one, two, three, four, five] {
        let error = error.expect_err("too slow");
        assert!(matches!(&error, QueryError::Limit(text) if text.contains("query.timeout")), "{error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(world.json("SELECT 1 AS x").await, json!([{"x": 1}]));
}

#[tokio::test]
async fn rules_are_answered_while_people_use_all_of_their_turns() {
    let world = World::with(|config| config.timeout = Duration::from_secs(20)).await;
    let endless = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b WHERE a.value <> b.value";
    let crowd: Vec<_> = (0..6)
        .map(|_| {
            let engine = world.engine.clone();
            tokio::spawn(async move { engine.sql(endless, &[]).await })
        })
        .collect();
    while world.engine.inner.people.free_turns() > 0 {
        tokio::task::yield_now().await;
    }
    for second in 0..3 {
        let output =
            world.engine.evaluate("SELECT 1 AS x", &[], Timestamp::from_secs(second)).await.expect("a rule");
        assert_eq!(output.num_rows(), 1);
    }
    for task in crowd {
        task.abort();
    }
}

#[tokio::test]
async fn rows_and_memory_have_limits_that_name_their_key() {
    let world = World::with(|config| {
        config.max_rows = 1_000;
        config.memory_limit_bytes = 4 * 1024 * 1024;
        config.spill_limit_bytes = 1024 * 1024;
    })
    .await;
    let limits = [
        ("SELECT * FROM generate_series(1, 1001)", "query.max_rows"),
        ("SELECT array_agg(value) FROM generate_series(1, 5000000)", "query.memory_limit"),
        (
            "SELECT a.value FROM generate_series(1, 4000000) a JOIN generate_series(1, 4000000) b USING (value)",
            "query.memory_limit",
        ),
    ];
    for (sql, key) in limits {
        let error = world.sql(sql).await.expect_err(sql);
        assert!(matches!(&error, QueryError::Limit(text) if text.contains(key)), "{sql}: {error:?}");
    }
    assert_eq!(
        world.sql("SELECT * FROM generate_series(1, 1000)").await.expect("just fits").num_rows(),
        1_000
    );
}

#[tokio::test]
async fn what_turns_few_bytes_into_gigabytes_is_stopped_before_it_does() {
    let world = World::new().await;
    for sql in [
        "SELECT repeat('x', 2000000000)",
        "SELECT length(repeat('x', value * 1000000)) FROM generate_series(1, 100)",
        "SELECT repeat(value::text, 2000000000) FROM generate_series(1, 10) WHERE value > 3",
        "SELECT lpad('x', 2000000000), rpad('x', 2000000000)",
        "SELECT replace(repeat('x', 1000000), 'x', repeat('y', 1000000))",
        "SELECT array_repeat(1, 2000000000)",
        "SELECT range(1, 1000000000000)",
        "SELECT * FROM generate_series(1, 1000000000000) LIMIT 1",
    ] {
        let error = world.sql(sql).await.expect_err(sql);
        assert!(matches!(error, QueryError::Invalid { .. }), "{sql}: {error:?}");
    }
    assert_eq!(
        world.json("SELECT repeat('ab', 2) AS r, lpad('7', 3, '0') AS l").await,
        json!([{"r": "abab", "l": "007"}])
    );
    assert_eq!(world.json("SELECT replace('a-b', '-', '+') AS r").await, json!([{"r": "a+b"}]));
}

#[tokio::test]
async fn the_longest_chains_that_pass_the_fence_are_survived() {
    let world = World::new().await;
    let or = vec!["duration_ms = 1"; 1_900].join(" OR ");
    let sum = vec!["duration_ms"; 3_900].join(" + ");
    let union = vec!["SELECT 1"; 200].join(" UNION ALL ");
    let list = vec!["'x'"; 3_900].join(", ");
    for sql in [
        format!("SELECT count(*) FROM spans WHERE {or}"),
        format!("SELECT {sum} FROM spans"),
        union,
        format!("SELECT count(*) FROM spans WHERE name IN ({list})"),
    ] {
        // An answer or an error: the process is there to give it.
        if let Err(error) = world.sql(&sql).await {
            assert!(!matches!(error, QueryError::Internal(_)), "{error:?}");
        }
    }
    let too_long = vec!["duration_ms"; 20_000].join(" + ");
    let refused = world.sql(&format!("SELECT {too_long} FROM spans")).await.expect_err("too long");
    assert!(matches!(refused, QueryError::Refused(_)), "{refused:?}");
    assert_eq!(world.json("SELECT 1 AS x").await, json!([{"x": 1}]));
}

#[tokio::test]
async fn statements_run_side_by_side() {
    let world = World::new().await;
    world.morning().await;
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let engine = world.engine.clone();
            tokio::spawn(async move { engine.sql("SELECT count(*) FROM spans", &[]).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("answers").num_rows(), 1);
    }
}

#[tokio::test]
async fn a_dropped_engine_takes_its_threads_along() {
    let world = World::new().await;
    drop(world);
}
