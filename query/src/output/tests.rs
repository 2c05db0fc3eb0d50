use serde_json::{Value, json};

use super::*;
use crate::testing::World;

const SQL: &str = "SELECT time, name, duration_ms, attributes, events, parent_span_id FROM spans ORDER BY time DESC LIMIT 1";

async fn answer() -> QueryOutput {
    let world = World::new().await;
    world.morning().await;
    world.sql(SQL).await.expect("answers")
}

#[tokio::test]
async fn json_has_moments_in_utc_maps_as_objects_and_nulls() {
    let json: Value = serde_json::from_slice(&answer().await.to_json().expect("writes")).expect("is JSON");
    let expected = json!([{
        "time": "2027-01-15T07:59:59.000000001Z",
        "name": "POST /orders",
        "duration_ms": 250.0,
        "attributes": {"http.route": "/orders/1", "empty": null},
        "events": [{
            "time_unix_nano": 7, "name": "lock wait", "attributes": {"pid": "42"}, "dropped_attributes_count": null,
        }],
        "parent_span_id": null,
    }]);
    assert_eq!(json, expected);
}

#[tokio::test]
async fn csv_and_tables_have_nested_values_as_json() {
    let answer = answer().await;
    let csv = String::from_utf8(answer.to_csv().expect("writes")).expect("is text");
    assert_eq!(
        csv,
        "time,name,duration_ms,attributes,events,parent_span_id\n\
         2027-01-15T07:59:59.000000001Z,POST /orders,250.0,\
         \"{\"\"empty\"\":null,\"\"http.route\"\":\"\"/orders/1\"\"}\",\
         \"[{\"\"time_unix_nano\"\":7,\"\"name\"\":\"\"lock wait\"\",\"\"attributes\"\":{\"\"pid\"\":\"\"42\"\"},\
         \"\"dropped_attributes_count\"\":null}]\",\n"
    );
    let table = answer.to_text().expect("writes");
    assert!(table.contains("| 2027-01-15T07:59:59.000000001Z | POST /orders | 250.0 "), "{table}");
    assert!(table.contains(r#""http.route":"/orders/1""#), "{table}");
}

#[tokio::test]
async fn an_arrow_stream_reads_back_as_it_was() {
    let answer = answer().await;
    let stream = answer.to_arrow().expect("writes");
    let reader = arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None).expect("is a stream");
    let batches = reader.collect::<Result<Vec<_>, _>>().expect("reads");
    assert_eq!(batches, answer.batches);
}

#[tokio::test]
async fn an_empty_answer_has_its_columns_in_every_form() {
    let world = World::new().await;
    let empty = world.sql("SELECT time, attributes FROM spans").await.expect("answers");
    assert_eq!(empty.to_json().expect("writes"), b"[]");
    assert_eq!(empty.to_csv().expect("writes"), b"time,attributes\n");
    assert!(empty.to_text().expect("writes").contains("| time | attributes |"));
}

#[tokio::test]
async fn a_slice_of_a_big_batch_is_counted_as_what_it_shows() {
    let rows: StringArray = (0..10_000).map(|row| Some(format!("row {row:>100}"))).collect();
    let slice = rows.slice(5_000, 10);
    assert!(sliced_bytes(&slice) < 2_000, "{}", sliced_bytes(&slice));
}
