use super::*;

fn allowed() -> AllowList {
    AllowList::new(vec!["spans".to_owned(), "logs".to_owned()])
}

#[track_caller]
fn passes(sql: &str) {
    if let Err(error) = admit(sql, &allowed()) {
        panic!("{sql}: {error}");
    }
}

#[track_caller]
fn refused(sql: &str, reason: &str) {
    match admit(sql, &allowed()) {
        Err(QueryError::Refused(text)) => assert!(text.contains(reason), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_pass() {
    passes("SELECT 1");
    passes("select count(*) from Spans where attributes['http.route'] = '/orders';");
    passes("SELECT * FROM public.spans s JOIN plimsoll.public.logs USING (trace_id)");
    passes("WITH slow AS (SELECT * FROM spans), twice AS (SELECT * FROM slow) SELECT * FROM twice");
    passes("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n");
    passes("VALUES (1, 'a'), (2, 'b')");
    passes("EXPLAIN SELECT 1");
    passes("SHOW TABLES");
    passes("DESCRIBE spans");
    passes("SELECT * FROM generate_series(1, 10)");
    passes("SELECT * FROM information_schema.columns");
    passes("SELECT s.name, e FROM spans s CROSS JOIN UNNEST(s.events) AS t(e)");
}

#[test]
fn whatever_writes_is_refused() {
    refused("CREATE TABLE x AS SELECT 1", "CREATE is refused");
    refused("CREATE VIEW x AS SELECT 1", "CREATE is refused");
    refused("CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION '/etc'", "CREATE is refused");
    refused("COPY (SELECT 1) TO '/tmp/x.parquet'", "COPY is refused");
    refused("COPY spans TO '/tmp/x.parquet'", "COPY is refused");
    refused("INSERT INTO spans VALUES (1)", "INSERT is refused");
    refused("DELETE FROM spans", "DELETE is refused");
    refused("UPDATE spans SET name = 'x'", "UPDATE is refused");
    refused("DROP TABLE spans", "DROP is refused");
    refused("TRUNCATE spans", "TRUNCATE is refused");
    refused("SET datafusion.execution.batch_size = 1", "SET is refused");
    refused("SHOW ALL", "SHOW is refused");
    refused("PREPARE p AS SELECT 1", "PREPARE is refused");
    refused("RESET datafusion.execution.batch_size", "RESET is refused");
    refused("WITH x AS (SELECT 1) INSERT INTO spans SELECT * FROM x", "INSERT is refused");
    refused("SELECT * INTO copy FROM spans", "SELECT INTO is refused");
    refused("SELECT * FROM spans FOR UPDATE", "FOR UPDATE");
    refused("EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE");
    refused("EXPLAIN COPY (SELECT 1) TO '/tmp/x'", "COPY is refused");
    refused("EXPLAIN EXPLAIN ANALYZE SELECT 1", "EXPLAIN is refused");
    refused("SELECT 1; SELECT 2", "one statement");
}

#[test]
fn files_and_other_functions_in_from_are_refused() {
    for sql in ["SELECT * FROM 'secret.parquet'", "SELECT * FROM \"/etc/passwd\"", "SELECT * FROM a.b.c.d"] {
        assert!(admit(sql, &allowed()).is_err(), "{sql}");
    }
    refused("SELECT * FROM read_parquet('x')", "table function read_parquet()");
    refused("SELECT * FROM range(1, 10)", "table function range()");
    refused("SELECT * FROM TABLE(generate_series(1, 10))", "is refused");
}

#[test]
fn an_unknown_table_is_named_with_its_place_and_the_candidates() {
    let error = admit("SELECT *\n  FROM spanz", &allowed()).expect_err("unknown");
    let QueryError::Invalid { message, line, column } = error else { panic!("{error:?}") };
    assert_eq!(message, "unknown table 'spanz': there are logs, spans");
    assert_eq!((line, column), (Some(2), Some(8)));
}

#[test]
fn a_syntax_error_has_a_place() {
    let error = admit("SELECT (1 +\n) FROM spans", &allowed()).expect_err("no expression");
    assert!(matches!(error, QueryError::Invalid { line: Some(2), .. }), "{error:?}");
    let error = admit("SELECT 'open", &allowed()).expect_err("no end");
    assert!(matches!(error, QueryError::Invalid { line: Some(1), .. }), "{error:?}");
}

#[test]
fn the_catalog_of_postgresql_is_for_the_wire_only() {
    let sql = "SELECT * FROM pg_catalog.pg_class";
    assert!(admit(sql, &allowed()).is_err());
    assert!(admit(sql, &allowed().for_wire()).is_ok());
}

#[test]
fn chains_and_nests_are_counted_before_they_are_parsed() {
    let sum = vec!["1"; 20_000].join("+");
    refused(&format!("SELECT {sum}"), "more than 8000 words");
    let or = vec!["kind = 'a'"; 20_000].join(" OR ");
    refused(&format!("SELECT * FROM spans WHERE {or}"), "bytes");
    let or = vec!["c=1"; 20_000].join(" OR ");
    refused(&format!("SELECT * FROM spans WHERE {or}"), "more than 8000 words");
    let union = vec!["SELECT 1"; 3_000].join(" UNION ALL ");
    refused(&union, "more than 200 SELECTs");
    refused(&format!("SELECT {}1{}", "(".repeat(200), ")".repeat(200)), "more than 50 parentheses");
    // These the parser's own limit stops, and it doesn't always know afterwards why.
    for deep in [
        format!("SELECT {} true", "NOT ".repeat(1_000)),
        format!("SELECT {}1", "- ".repeat(1_000)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(300), " END".repeat(300)),
    ] {
        assert!(admit(&deep, &allowed()).is_err());
    }
}

#[test]
fn ctes_that_double_each_other_are_counted_as_what_they_unfold_to() {
    let mut sql = "WITH c0 AS (SELECT * FROM spans)".to_owned();
    for level in 1..30 {
        let before = level - 1;
        sql += &format!(", c{level} AS (SELECT 1 FROM c{before} a, c{before} b)");
    }
    refused(&format!("{sql} SELECT * FROM c29"), "more than 256 tables");
}
