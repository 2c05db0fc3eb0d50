//! A store as the first version wrote it, with a page that was told and one that wasn't: this version goes on from there.

use plimsoll_model::Timestamp;
use rusqlite::Connection;

use super::postgres;
use super::support::{Story, alert};
use crate::store::FIRST_FORMAT;

const ROUTES: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";

/// 2026-11-21T10:00:00Z, when every story begins, less a minute; in nanoseconds.
const THEN: &str = "1795255140000000000";
/// Sales was told; stock was decided and not sent. The words are those of that version.
const ROWS: &str = r#"
INSERT INTO alerts VALUES
    ('SALES', '{"service":"sales"}', '{"summary":"late"}', '', THEN, 1795256000000000000, THEN, 0, NULL, 'INC-1'),
    ('STOCK', '{"service":"stock"}', '{"summary":"late"}', '', THEN, 1795256000000000000, THEN, 0, NULL, 'INC-2');
INSERT INTO groups VALUES
    (1, '{}:{service="sales"}', 'hook', '{"service":"sales"}', 1795255200000000000, 1, 'INC-1'),
    (2, '{}:{service="stock"}', 'hook', '{"service":"stock"}', 1795255200000000000, 1, 'INC-2');
INSERT INTO members VALUES (1, 'SALES'), (2, 'STOCK');
INSERT INTO incidents VALUES
    ('INC-1', '{}:{service="sales"}', 'hook', '{"service":"sales"}', 'triggered', THEN, NULL, 'late'),
    ('INC-2', '{}:{service="stock"}', 'hook', '{"service":"stock"}', 'triggered', THEN, NULL, 'late');
INSERT INTO incident_alerts VALUES ('INC-1', 'SALES'), ('INC-2', 'STOCK');
INSERT INTO notification_log VALUES
    ('{}:{service="sales"}', 'hook', 'webhook[0]', '["SALES"]', '[]', THEN, 'one'),
    ('{}:{service="stock"}', 'hook', 'webhook[0]', '["STOCK"]', '[]', THEN, 'two');
INSERT INTO outbox (id, incident_id, group_key, receiver, integration, is_firing, reason, payload, log_before, outcome,
        created_at, not_before)
    VALUES ('two', 'INC-2', '{}:{service="stock"}', 'hook', 'webhook[0]', 1, 'first notification',
        '{"id":"two","incident_id":"INC-2","group_key":"{}:{service=\"stock\"}","group_labels":{"service":"stock"},'
        || '"receiver":"hook","reason":"first notification","opened_at":THEN,"decided_at":THEN,"alerts":['
        || '{"fingerprint":"STOCK","labels":{"service":"stock"},"annotations":{"summary":"late"},"starts_at":THEN,'
        || '"resolved_at":null,"generator_url":""}]}',
        'null', 'pending', THEN, THEN);
PRAGMA user_version = 1;
"#;

#[tokio::test]
async fn a_store_of_the_first_version_goes_on_where_it_was() {
    if postgres::port().is_some() {
        return;
    }
    let mut story = Story::begin(ROUTES).await;
    story.replace_store(|path| {
        let [sales, stock] = ["service=sales", "service=stock"]
            .map(|labels| alert(labels, Timestamp::from_secs(0), None).fingerprint().to_string());
        let rows = ROWS.replace("THEN", THEN).replace("SALES", &sales).replace("STOCK", &stock);
        let connection = Connection::open(path).expect("opens");
        connection.execute_batch(FIRST_FORMAT).expect("that version's tables");
        connection.execute_batch(&rows).expect("that version's rows");
    });
    story.fire("service=sales").await;
    story.fire("service=stock").await;
    assert_eq!(story.run().await, ["/hook firing 1 first notification"]);
    assert_eq!(story.table("notifications")[0]["id"], "two");
    story.resolve("service=sales").await;
    story.resolve("service=stock").await;
    story.advance(60);
    let ends = ["/hook resolved 1 all alerts resolved", "/hook resolved 1 all alerts resolved"];
    assert_eq!(story.run().await, ends);
    let incidents = story.table("incidents");
    assert_eq!(incidents.len(), 2, "the same ones: {incidents:?}");
    assert!(incidents.iter().all(|incident| incident["state"] == "resolved"));
}
