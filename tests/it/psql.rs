//! PostgreSQL's own client as a reader.

use crate::harness::{Event, Plimsoll, Sender, output};

/// A running Plimsoll with one failed order in it, which is a log record and a business event.
async fn with_an_order() -> Plimsoll {
    let plimsoll = Plimsoll::start().await;
    let event = Event::new("odoo.sale.order.confirmed", "prod/sale.order/4711/confirmed")
        .text("business.warehouse", "HAM")
        .text("business.outcome", "failed")
        .number("business.amount", 1249.5);
    Sender::to(&plimsoll.grpc()).send(vec![event]).await;
    plimsoll
}

/// What psql printed for this statement, without header and frame.
async fn ask(plimsoll: &Plimsoll, statement: &str) -> String {
    let output = output(plimsoll.psql(&["-A", "-t", "-c", statement])).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statement}: {errors}");
    String::from_utf8(output.stdout).expect("psql prints UTF-8").trim().to_owned()
}

/// What psql complained of; the statement must have failed.
async fn refusal(plimsoll: &Plimsoll, statement: &str) -> String {
    let output = output(plimsoll.psql(&["-A", "-t", "-c", statement])).await;
    assert!(!output.status.success(), "{statement} must be refused");
    String::from_utf8(output.stderr).expect("psql prints UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_lists_the_tables_and_their_columns() {
    let plimsoll = Plimsoll::start().await;
    let tables = ask(&plimsoll, "\\d").await;
    for table in ["spans", "logs", "metrics", "business_events", "decisions", "slos", "alerts", "incidents"] {
        assert!(
            tables.lines().any(|line| line.split('|').any(|cell| cell == table)),
            "no {table} in\n{tables}"
        );
    }
    let columns = ask(&plimsoll, "\\d spans").await;
    for column in ["time|timestamp", "trace_id|", "duration_ms|double precision", "http_route|"] {
        assert!(columns.lines().any(|line| line.starts_with(column)), "no {column} in\n{columns}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_joins_business_events_with_logs() {
    let plimsoll = with_an_order().await;
    let joined = "SELECT e.event_id, e.warehouse, e.outcome, e.amount, l.service_name \
                  FROM business_events e JOIN logs l ON l.time = e.time AND l.event_name = e.event_name";
    let row = ask(&plimsoll, joined).await;
    assert_eq!(row, "prod/sale.order/4711/confirmed|HAM|failed|1249.5|odoo");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_reads_maps_and_moments_as_text_a_person_can_use() {
    let plimsoll = with_an_order().await;
    let statement = "SELECT attributes['business.warehouse'], time > now() - INTERVAL '1 hour' FROM logs";
    assert_eq!(ask(&plimsoll, statement).await, "HAM|t");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_can_begin_and_show_as_drivers_do() {
    let plimsoll = with_an_order().await;
    let statements = "BEGIN; SELECT count(*) FROM business_events; COMMIT;";
    let answer = ask(&plimsoll, statements).await;
    assert!(answer.lines().any(|line| line == "1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_written_through_the_wire() {
    let plimsoll = with_an_order().await;
    for statement in [
        "INSERT INTO logs (body) VALUES ('forged')",
        "UPDATE business_events SET outcome = 'ok'",
        "DELETE FROM business_events",
        "DROP TABLE business_events",
        "CREATE TABLE mine AS SELECT * FROM logs",
        "TRUNCATE business_events",
    ] {
        let complaint = refusal(&plimsoll, statement).await;
        assert!(complaint.contains("ERROR:"), "{statement}: {complaint}");
    }
    assert_eq!(ask(&plimsoll, "SELECT outcome FROM business_events").await, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_can_be_reached_through_the_wire() {
    let plimsoll = with_an_order().await;
    let secret = plimsoll.path("secret.csv");
    std::fs::write(&secret, "word\nplimsoll\n").expect("writable");
    let target = plimsoll.path("copied.csv");
    for statement in [
        format!("SELECT * FROM '{}'", secret.display()),
        format!("SELECT * FROM \"{}\"", secret.display()),
        format!("CREATE EXTERNAL TABLE secret STORED AS CSV LOCATION '{}'", secret.display()),
        format!("COPY logs TO '{}'", target.display()),
        format!("COPY (SELECT * FROM logs) TO '{}' STORED AS CSV", target.display()),
        format!("COPY logs FROM '{}'", secret.display()),
    ] {
        let complaint = refusal(&plimsoll, &statement).await;
        assert!(complaint.contains("ERROR:"), "{statement}: {complaint}");
        assert!(!target.exists(), "{statement} wrote a file");
    }
}
