use std::process::Output;

use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::*;
use crate::testing::World;

struct Served {
    world: World,
    port: u16,
    stop: CancellationToken,
    server: JoinHandle<Result<(), QueryError>>,
}

impl Served {
    async fn new() -> Self {
        Self::over(World::new().await).await
    }

    async fn over(world: World) -> Self {
        world.morning().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let stop = CancellationToken::new();
        let server =
            tokio::spawn(serve_postgres(Databases::open(world.engine.clone()), listener, stop.clone()));
        Self { world, port, stop, server }
    }

    /// What the real client prints, unaligned.
    async fn psql(&self, command: &str) -> Output {
        let mut psql = Command::new("psql");
        psql.args([
            "-X",
            "-A",
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "me",
            "-d",
            "plimsoll",
        ]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-c", command]).kill_on_drop(true);
        psql.output().await.expect("psql (package postgresql-client) is installed")
    }

    #[track_caller]
    fn shown(output: &Output) -> String {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn client(&self) -> Client {
        let address = format!("host=127.0.0.1 port={} user=me dbname=plimsoll", self.port);
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("connects");
        tokio::spawn(connection);
        client
    }
}

async fn code(client: &Client, sql: &str) -> SqlState {
    let error = client.simple_query(sql).await.expect_err(sql);
    error.code().unwrap_or_else(|| panic!("{sql}: {error}")).clone()
}

#[tokio::test]
async fn psql_lists_and_describes_tables() {
    let served = Served::new().await;
    for command in [r"\d", r"\dt"] {
        let shown = Served::shown(&served.psql(command).await);
        for table in ["business_events", "spans", "slos"] {
            assert!(shown.contains(&format!("public|{table}|table")), "{command}: {shown}");
        }
        assert!(!shown.contains("pg_class"), "{shown}");
    }
    let shown = Served::shown(&served.psql(r"\d spans").await);
    assert!(shown.contains("time|timestamp"), "{shown}");
    assert!(shown.contains("duration_ms|double precision"), "{shown}");
}

#[tokio::test]
async fn psql_joins_business_with_technology() {
    let served = Served::new().await;
    let join = "SELECT b.warehouse, s.attributes['http.route'] AS route, s.attributes FROM business_events b \
                JOIN spans s USING (trace_id) WHERE b.outcome = 'failed'";
    let shown = Served::shown(&served.psql(join).await);
    let row = r#"WH1|/orders/3|{"empty":null,"http.route":"/orders/3"}"#;
    assert_eq!(shown, format!("warehouse|route|attributes\n{row}\n(1 row)\n"));
}

#[tokio::test]
async fn psql_shows_where_a_statement_is_wrong() {
    let served = Served::new().await;
    let output = served.psql("SELECT objektive FROM slos").await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("unknown column 'objektive': there are objective, slo"), "{errors}");
    assert!(errors.contains("LINE 1: SELECT objektive FROM slos\n               ^"), "{errors}");
}

#[tokio::test]
async fn a_prepared_statement_takes_parameters() {
    let served = Served::new().await;
    let client = served.client().await;
    let sql = "SELECT count(*) AS n, max(amount) FROM business_events WHERE warehouse = $1 AND amount > $2";
    let statement = client.prepare(sql).await.expect("prepares");
    assert_eq!(statement.columns()[0].name(), "n");
    for _ in 0..2 {
        let row = client.query_one(&statement, &[&"WH1", &200.0_f64]).await.expect("answers");
        assert_eq!((row.get::<_, i64>(0), row.get::<_, f64>(1)), (2, 502.5));
    }
    let rows =
        client.query("SELECT attributes FROM spans ORDER BY time LIMIT 1", &[]).await.expect("answers");
    assert_eq!(rows[0].get::<_, String>(0), r#"{"empty":null,"http.route":"/orders/5"}"#);
}

#[tokio::test]
async fn statements_about_the_session_are_answered_locally() {
    let served = Served::new().await;
    let mut client = served.client().await;
    client
        .batch_execute("SET application_name = 'x'; SET TIME ZONE 'UTC'; BEGIN; SELECT 1; COMMIT")
        .await
        .expect("ok");
    for sql in
        ["SHOW application_name", "SHOW server_version", "SHOW transaction_isolation", "SHOW TIME ZONE"]
    {
        assert_eq!(client.query(sql, &[]).await.expect(sql).len(), 1, "{sql}");
    }
    let transaction = client.transaction().await.expect("begins");
    transaction.query("SELECT count(*) FROM spans", &[]).await.expect("answers");
    transaction.commit().await.expect("commits");
    client.batch_execute("DISCARD ALL; ROLLBACK").await.expect("ok");
    assert_eq!(code(&client, "SHOW no_such_setting").await, SqlState::UNDEFINED_OBJECT);
}

#[tokio::test]
async fn the_fence_stands_before_the_wire_too() {
    let served = Served::new().await;
    let client = served.client().await;
    for sql in [
        "COPY (SELECT 1) TO '/tmp/plimsoll-should-not-be.parquet'",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION '/etc'",
        "DELETE FROM pg_catalog.pg_class",
        "DROP TABLE spans",
        "SELECT 1; SELECT 2",
        "BEGIN; DELETE FROM spans; COMMIT",
        "SELECT * FROM read_csv('/etc/passwd')",
        "EXPLAIN ANALYZE SELECT 1",
    ] {
        assert_eq!(code(&client, sql).await, SqlState::INSUFFICIENT_PRIVILEGE, "{sql}");
        client.batch_execute("ROLLBACK").await.expect("goes on");
    }
    let chain = format!("SELECT {}", vec!["1"; 20_000].join("+"));
    assert_eq!(code(&client, &chain).await, SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(code(&client, "SELECT * FROM '/etc/passwd'").await, SqlState::UNDEFINED_TABLE);
    assert_eq!(code(&client, "SELECT * FROM spanz").await, SqlState::UNDEFINED_TABLE);
    assert_eq!(code(&client, "SELECT x FROM spans").await, SqlState::UNDEFINED_COLUMN);
    assert_eq!(code(&client, "SELEC 1").await, SqlState::SYNTAX_ERROR);
    assert!(client.query("SELECT 1", &[]).await.is_ok(), "the connection lives");
    let prepared = client.prepare("DROP TABLE spans").await.expect_err("refused when prepared");
    assert_eq!(prepared.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
}

const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b, slos \
                       WHERE a.value <> b.value";

#[tokio::test]
async fn a_statement_can_be_cancelled_and_can_have_a_shorter_deadline() {
    let served = Served::new().await;
    let client = served.client().await;
    client.batch_execute("SET statement_timeout = '200ms'").await.expect("set");
    assert_eq!(code(&client, ENDLESS).await, SqlState::QUERY_CANCELED);
    client.batch_execute("SET statement_timeout = 0").await.expect("set");

    let token = client.cancel_token();
    let engine = served.world.engine.clone();
    let cancel = async move {
        while engine.inner().people.free_turns() == crate::config::CONCURRENT_STATEMENTS {
            tokio::task::yield_now().await;
        }
        token.cancel_query(NoTls).await.expect("asks to cancel");
    };
    let (code, ()) = tokio::join!(code(&client, ENDLESS), cancel);
    assert_eq!(code, SqlState::QUERY_CANCELED);
}

#[tokio::test]
async fn the_engines_limits_have_their_codes() {
    let world = World::with(|config| {
        config.timeout = Duration::from_secs(3);
        config.max_rows = 10;
        config.memory_limit_bytes = 4 * 1024 * 1024;
    });
    let served = Served::over(world.await).await;
    let client = served.client().await;
    let hungry = "SELECT array_agg(value) FROM generate_series(1, 5000000), slos";
    assert_eq!(code(&client, hungry).await, SqlState::OUT_OF_MEMORY);
    assert_eq!(
        code(&client, "SELECT * FROM generate_series(1, 11), slos").await,
        SqlState::PROGRAM_LIMIT_EXCEEDED
    );
    assert_eq!(code(&client, ENDLESS).await, SqlState::QUERY_CANCELED);
}

#[tokio::test]
async fn more_clients_than_there_are_places_are_told_so() {
    let served = Served::new().await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        clients.push(served.client().await);
    }
    let address = format!("host=127.0.0.1 port={} user=me", served.port);
    let refused = tokio_postgres::connect(&address, NoTls).await.err().expect("no place is left");
    assert_eq!(refused.code(), Some(&SqlState::TOO_MANY_CONNECTIONS), "{refused}");
}

#[tokio::test]
async fn stopping_ends_the_server_and_its_connections() {
    let served = Served::new().await;
    let client = served.client().await;
    served.stop.cancel();
    served.server.await.expect("no panic").expect("ends well");
    assert!(client.simple_query("SELECT 1").await.is_err());
}
