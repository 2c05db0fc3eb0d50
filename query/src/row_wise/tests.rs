use std::hash::BuildHasher;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::DataType;
use serde_json::{Value, json};

use super::{RowForm, RowWise};
use crate::testing::{NOW, World};
use crate::{Param, QueryOutput};
use plimsoll_model::Timestamp;

async fn both_ways(world: &World, sql: &str) -> (Value, Value) {
    let question =
        world.engine.row_wise(sql).await.expect("planned").unwrap_or_else(|| panic!("row-wise: {sql}"));
    let columns = question.form.columns.clone();
    let params = (Timestamp::MIN, NOW);
    let rows = world.engine.fold_rows(question.table, &columns, params, NOW, Vec::new(), |rows, batch| {
        rows.push(batch);
        Ok(())
    });
    let rows = rows.await.expect("read");
    let answer = |batch: &RecordBatch| {
        let shown = shown(&question, batch);
        let (answer, positions) = question.form.ask(&shown).expect("answers");
        assert_eq!(answer.num_rows(), positions.len());
        assert!(positions.values().iter().all(|position| (*position as usize) < shown.num_rows()));
        answer
    };
    let answers: Vec<_> = rows.iter().map(answer).collect();
    let schema = answers[0].schema();
    let all = concat_batches(&schema, &answers).expect("one schema");
    let output = QueryOutput { schema, batches: vec![all] };
    let shared = serde_json::from_slice(&output.to_json().expect("writes")).expect("JSON");
    (shared, world.json(sql).await)
}

/// The rows that carry the question's tag.
fn shown(question: &RowWise, rows: &RecordBatch) -> RecordBatch {
    let Some((column, text)) = &question.tag else { return rows.clone() };
    let texts = cast(rows.column_by_name(column).expect("read"), &DataType::Utf8).expect("text");
    let is_it = texts.as_string::<i32>().iter().map(|found| Some(found == Some(text.as_str())));
    filter_record_batch(rows, &is_it.collect()).expect("filters")
}

#[tokio::test]
async fn questions_that_differ_in_their_tag_only_have_one_form() {
    let world = World::new().await;
    let of = async |sql: &str| world.engine.row_wise(sql).await.expect("planned").expect("row-wise").form;
    let good = "SELECT time, outcome = 'ok' AND amount < 300 AS good FROM business_events WHERE";
    let one = of(&format!("{good} event_name = 'a'")).await;
    let state = std::hash::RandomState::new();
    let hash = |form: &RowForm| state.hash_one(form);
    for (sql, is_same) in [
        (format!("{good} event_name = 'b'"), true),
        (format!("{good} event_name = 'a' AND warehouse = 'WH1'"), false),
        (format!("{good} event_name <> 'a'"), false),
        (format!("{} event_name = 'a'", good.replace("300", "301")), false),
        (format!("{} event_name = 'a'", good.replace("good", "fine")), false),
    ] {
        let other = of(&sql).await;
        assert_eq!(one == other, is_same, "{sql}");
        assert!(!is_same || hash(&one) == hash(&other), "{sql}");
    }
}

#[tokio::test]
async fn a_row_wise_question_answers_as_the_engine_does() {
    let world = World::new().await;
    world.morning().await;
    for sql in [
        "SELECT time, warehouse, outcome = 'ok' AND amount <= 300 AS good FROM business_events \
         WHERE event_name = 'odoo.sale.order.confirmed'",
        "SELECT time, upper(warehouse) AS place, coalesce(duration_ms, 5) <= 2 AS good FROM business_events \
         WHERE event_name = 'odoo.sale.order.confirmed' AND warehouse IN ('WH1', 'WH3')",
        "SELECT time, attributes['http.route'] AS route, duration_ms < 600 AS good FROM spans WHERE kind IS NULL",
        "SELECT * FROM (SELECT time, amount * 2 AS twice FROM business_events) AS sums WHERE twice > 300",
        "SELECT time, CASE WHEN outcome = 'failed' THEN 1 ELSE 0 END AS bad FROM business_events",
    ] {
        let (mut shared, mut asked) = both_ways(&world, sql).await;
        for rows in [&mut shared, &mut asked] {
            rows.as_array_mut().expect("rows").sort_by_key(ToString::to_string);
        }
        assert_eq!(shared, asked, "{sql}");
        assert_ne!(shared, json!([]), "{sql}");
    }
}

#[tokio::test]
async fn its_tag_is_what_it_asks_to_be_equal() {
    let world = World::new().await;
    let tag =
        async |sql: &str| world.engine.row_wise(sql).await.expect("planned").expect("row-wise").tag.clone();
    let of = |column: &str, value: &str| Some((column.to_owned(), value.to_owned()));
    let events = "SELECT time FROM business_events WHERE";
    assert_eq!(tag(&format!("{events} event_name = 'a' AND amount > 1")).await, of("event_name", "a"));
    assert_eq!(tag(&format!("{events} event_name = 'a' OR amount > 1")).await, None);
}

#[tokio::test]
async fn whatever_looks_beyond_its_row_is_asked_of_the_engine() {
    let world = World::new().await;
    for sql in [
        "SELECT count(*) FROM business_events",
        "SELECT time FROM business_events LIMIT 3",
        "SELECT time FROM business_events ORDER BY time",
        "SELECT DISTINCT warehouse FROM business_events",
        "SELECT time FROM business_events WHERE time > now() - INTERVAL '1 hour'",
        "SELECT time, random() AS r FROM business_events",
        "SELECT a.time FROM business_events a JOIN spans b USING (trace_id)",
        "SELECT time FROM business_events WHERE trace_id IN (SELECT trace_id FROM spans)",
        "SELECT time, row_number() OVER (ORDER BY time) AS n FROM business_events",
        "SELECT time FROM business_events UNION ALL SELECT time FROM spans",
        "SELECT slo FROM slos",
    ] {
        assert!(world.engine.row_wise(sql).await.expect("planned").is_none(), "{sql}");
    }
    assert!(world.engine.row_wise("SELECT nothing FROM business_events").await.is_err());
    let output = world.engine.evaluate("SELECT $1 AS one", &[Param::Int(1)], NOW).await.expect("answers");
    assert_eq!(output.num_rows(), 1);
}
