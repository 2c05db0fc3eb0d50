//! PostgreSQL 13 to 18, of which only the installed one is here: for the others, the server's statistics are views with the columns
//! that each version documents, found before PostgreSQL's own, and a version number to go with them. Statements that ask for what a
//! version hasn't, or not for what it has, are found this way; how such a server behaves is not.

use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, PostgresConfig, Settings};
use tokio_postgres::Client;

use crate::harness::{Postgres, Reader, eventually, server};

const VERSIONS: &[u32] = &[13, 14, 15, 16, 17, 18];

/// A view, where its rows come from, and its columns: `name`, `name=expression` where 15 has none, `name<17` until then, `name>=14` from
/// then on.
struct View {
    name: &'static str,
    since: u32,
    from: &'static str,
    columns: &'static str,
}

/// As documented in the chapters on monitoring statistics, and `pg_locks`, of each version.
const VIEWS: &[View] = &[
    View {
        name: "pg_stat_activity",
        since: 13,
        from: "pg_catalog.pg_stat_activity",
        columns: "datid datname pid leader_pid usesysid usename application_name client_addr client_hostname client_port backend_start \
                  xact_start query_start state_change wait_event_type wait_event state backend_xid backend_xmin query_id>=14 query backend_type",
    },
    View {
        name: "pg_locks",
        since: 13,
        from: "pg_catalog.pg_locks",
        columns: "locktype database relation page tuple virtualxid transactionid classid objid objsubid virtualtransaction pid mode granted \
                  fastpath waitstart>=14",
    },
    View {
        name: "pg_stat_database",
        since: 13,
        from: "pg_catalog.pg_stat_database",
        columns: "datid datname numbackends xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched tup_inserted tup_updated \
                  tup_deleted conflicts temp_files temp_bytes deadlocks checksum_failures checksum_last_failure blk_read_time blk_write_time \
                  session_time>=14 active_time>=14 idle_in_transaction_time>=14 sessions>=14 sessions_abandoned>=14 sessions_fatal>=14 \
                  sessions_killed>=14 parallel_workers_to_launch=0>=18 parallel_workers_launched=0>=18 stats_reset",
    },
    View {
        name: "pg_stat_bgwriter",
        since: 13,
        from: "pg_catalog.pg_stat_bgwriter",
        columns: "checkpoints_timed<17 checkpoints_req<17 checkpoint_write_time<17 checkpoint_sync_time<17 buffers_checkpoint<17 buffers_clean \
                  maxwritten_clean buffers_backend<17 buffers_backend_fsync<17 buffers_alloc stats_reset",
    },
    View {
        name: "pg_stat_checkpointer",
        since: 17,
        from: "pg_catalog.pg_stat_bgwriter",
        columns: "num_timed=checkpoints_timed num_requested=checkpoints_req num_done=checkpoints_timed>=18 restartpoints_timed=0 restartpoints_req=0 \
                  restartpoints_done=0 write_time=checkpoint_write_time sync_time=checkpoint_sync_time buffers_written=buffers_checkpoint \
                  slru_written=0>=18 stats_reset",
    },
    View {
        name: "pg_stat_io",
        since: 16,
        from: "pg_catalog.pg_stat_bgwriter",
        columns: "backend_type='client_backend' object='relation' context='normal' reads=7::bigint read_bytes=57344::numeric>=18 read_time=5::float8 \
                  writes=3::bigint write_bytes=24576::numeric>=18 write_time=4::float8 writebacks=0::bigint writeback_time=0::float8 extends=0::bigint \
                  extend_bytes=0::numeric>=18 extend_time=0::float8 op_bytes=8192::bigint<18 hits=0::bigint evictions=0::bigint reuses=0::bigint \
                  fsyncs=0::bigint fsync_time=0::float8 stats_reset",
    },
    View {
        name: "pg_stat_user_tables",
        since: 13,
        from: "pg_catalog.pg_stat_user_tables",
        columns: "relid schemaname relname seq_scan last_seq_scan=stats>=16 seq_tup_read idx_scan last_idx_scan=stats>=16 idx_tup_fetch n_tup_ins \
                  n_tup_upd n_tup_del n_tup_hot_upd n_tup_newpage_upd=0>=16 n_live_tup n_dead_tup n_mod_since_analyze n_ins_since_vacuum \
                  last_vacuum last_autovacuum last_analyze last_autoanalyze vacuum_count autovacuum_count analyze_count autoanalyze_count \
                  total_vacuum_time=0>=18 total_autovacuum_time=0>=18 total_analyze_time=0>=18 total_autoanalyze_time=0>=18",
    },
    View {
        name: "pg_stat_replication",
        since: 13,
        from: "pg_catalog.pg_stat_replication",
        columns: "pid usesysid usename application_name client_addr client_hostname client_port backend_start backend_xmin state sent_lsn write_lsn \
                  flush_lsn replay_lsn write_lag flush_lag replay_lag sync_priority sync_state reply_time",
    },
];

impl View {
    fn create(&self, version: u32) -> Option<String> {
        let columns: Vec<String> =
            self.columns.split_whitespace().filter_map(|word| column(word, version)).collect();
        (version >= self.since).then(|| {
            format!(
                "CREATE VIEW v{version}.{} AS SELECT {} FROM {}",
                self.name,
                columns.join(", "),
                self.from
            )
        })
    }
}

fn column(word: &str, version: u32) -> Option<String> {
    let bound = |text: &str| text.parse::<u32>().expect("a version");
    let (definition, is_there) = match (word.split_once(">="), word.split_once('<')) {
        (Some((definition, since)), _) => (definition, version >= bound(since)),
        (_, Some((definition, before))) => (definition, version < bound(before)),
        _ => (word, true),
    };
    let column = match definition.split_once('=') {
        Some((name, "stats")) => format!("NULL::timestamptz AS {name}"),
        Some((name, expression)) => format!("{expression} AS {name}"),
        None => definition.to_owned(),
    };
    is_there.then_some(column)
}

/// A role for which the server is of that version.
async fn pretend(admin: &Client, version: u32) -> String {
    let role = format!("reader_of_{version}");
    let mut script = format!(
        "CREATE SCHEMA v{version}; CREATE ROLE {role} LOGIN; GRANT pg_monitor TO {role}; GRANT USAGE ON SCHEMA v{version} TO {role}; \
         ALTER ROLE {role} SET search_path = v{version}, pg_catalog, public; \
         CREATE FUNCTION v{version}.current_setting(text) RETURNS text STABLE LANGUAGE sql AS $$ SELECT CASE $1 WHEN 'server_version_num' \
           THEN '{version}0004' ELSE pg_catalog.current_setting($1) END $$; "
    );
    for statement in VIEWS.iter().filter_map(|view| view.create(version)) {
        script.push_str(&statement);
        script.push_str("; ");
    }
    script.push_str(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA v{version} TO {role}"));
    admin.batch_execute(&script).await.expect("views as that version has them");
    role
}

fn settings(postgres: &Postgres, user: &str) -> Settings {
    let config = PostgresConfig {
        server: server(postgres, "postgres", user),
        interval: Duration::from_millis(100),
        levels_interval: Duration::from_millis(100),
        queries_interval: Duration::from_millis(300),
    };
    let kind = KindSettings::Postgres(Box::new(config));
    Settings { name: "postgres-main".into(), tenant: TenantName::default(), kind }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_asked_for_what_it_has() {
    let postgres = Postgres::start().await;
    let admin = postgres.connect("postgres").await;
    admin
        .batch_execute("CREATE EXTENSION pg_stat_statements; CREATE TABLE stock_quant (id int PRIMARY KEY); INSERT INTO stock_quant VALUES (1)")
        .await
        .expect("made");
    let (mut first, second) = (postgres.connect("postgres").await, postgres.connect("postgres").await);
    let holding = first.transaction().await.expect("begun");
    holding.batch_execute("UPDATE stock_quant SET id = id").await.expect("held");
    let waiting = tokio::spawn(async move { second.batch_execute("UPDATE stock_quant SET id = id").await });
    for &version in VERSIONS {
        let role = pretend(&admin, version).await;
        let reader = Reader::start(settings(&postgres, &role));
        for (name, since) in [
            ("postgresql.backends", 13),
            ("postgresql.blocked", 13),
            ("postgresql.database.locks", 13),
            ("postgresql.wal.age", 13),
            ("postgresql.table.size", 13),
            ("postgresql.bgwriter.checkpoint.count", 13),
            ("postgresql.query.calls", 13),
            ("postgresql.io.reads", 16),
        ] {
            if version >= since {
                eventually(&format!("{version}: {name}; {:?}", reader.status()), async || {
                    reader.door.points(name).pop()
                })
                .await;
            } else {
                assert!(reader.door.points(name).is_empty(), "{version} can't know {name}");
            }
        }
        let sample = eventually(&format!("{version}: a sample"), async || {
            let samples = reader.door.records();
            samples.into_iter().find(|sample| sample.get("postgresql.wait_event_type") == "Lock")
        })
        .await;
        assert!(!sample.get("postgresql.blocking.pid").is_empty(), "{version}: {sample:?}");
        assert!(
            sample.get("postgresql.lock.wait_ms").parse::<f64>().is_ok_and(|waited| waited >= 0.0),
            "{version}: {sample:?}"
        );
        let status = reader.status();
        assert_eq!((status.state, status.lacks), (SourceState::Ok, Vec::<String>::new()), "{version}");
    }
    holding.commit().await.expect("let go");
    waiting.await.expect("ran").expect("updated");
}

/// A statement that asks for what isn't there is told, or the test above could not fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_a_column_that_is_asked_for_is_told() {
    let postgres = Postgres::start().await;
    let admin = postgres.connect("postgres").await;
    let role = pretend(&admin, 17).await;
    let spoil = "DROP VIEW v17.pg_stat_checkpointer; CREATE VIEW v17.pg_stat_checkpointer AS SELECT now() AS stats_reset, 1 AS num_timed; \
                 GRANT SELECT ON v17.pg_stat_checkpointer TO ";
    admin.batch_execute(&format!("{spoil}{role}")).await.expect("another view");
    let reader = Reader::start(settings(&postgres, &role));
    eventually("the status says so", async || {
        reader
            .status()
            .lacks
            .into_iter()
            .find(|lack| lack.contains("checkpoints") && lack.contains("num_requested"))
    })
    .await;
}
