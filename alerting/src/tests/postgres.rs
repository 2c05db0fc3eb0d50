//! A real PostgreSQL below the stories: every one of them is told again on it.

#[path = "../../../sources/tests/it/harness/clock.rs"]
mod clock;
#[expect(dead_code, reason = "the readers' own tests use all of it")]
#[path = "../../../sources/tests/it/harness/postgres.rs"]
mod server;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_postgres::NoTls;

pub(super) use clock::eventually;
pub(super) use server::Postgres;

use crate::{Connecting, Database, DatabaseServer};

/// Set where the stories are told on PostgreSQL.
pub(super) const PORT: &str = "PLIMSOLL_ALERT_STORE_PORT";

/// A server on loopback that trusts everybody.
#[derive(Debug)]
struct Local {
    port: u16,
}

impl DatabaseServer for Local {
    fn connect(&self) -> Connecting {
        let address = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        Box::pin(async move {
            let (client, connection) =
                tokio_postgres::connect(&address, NoTls).await.map_err(|error| error.to_string())?;
            let carried: BoxFuture<'static, ()> = Box::pin(async move {
                connection.await.ok();
            });
            Ok((client, carried))
        })
    }
}

/// A schema on it for whatever lies in this folder.
pub(super) fn database(port: u16, folder: &Path) -> Database {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name in ASCII");
    Database { server: Arc::new(Local { port }), schema: format!("story {name}") }
}

/// In SQLite unless told otherwise.
#[expect(clippy::disallowed_methods, reason = "which database is for whoever starts the tests to say")]
pub(super) fn port() -> Option<u16> {
    std::env::var(PORT).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_story_is_the_same_on_postgresql() {
    if port().is_some() {
        return;
    }
    let server = Postgres::start().await;
    let own = std::env::current_exe().expect("the tests themselves");
    let mut stories = Command::new(&own);
    stories.args(names(&own)).args(["--exact", "--test-threads=4"]).env(PORT, server.port.to_string());
    let told = stories.output().expect("they run");
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}\n{}", String::from_utf8_lossy(&told.stderr));
    let query = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'story %'";
    let schemas: i64 = server.connect("postgres").await.query_one(query, &[]).await.expect("answered").get(0);
    assert!(schemas > 20, "only {schemas} stories used the server: {said}");
}

/// Those of this folder but the ones that have a server of their own.
fn names(own: &Path) -> Vec<String> {
    let list = Command::new(own).args(["--list", "--format=terse"]).output().expect("listed");
    let list = String::from_utf8(list.stdout).expect("text");
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let others = ["tests::kill::", "tests::lease::", "tests::postgres::"];
    let is_story =
        |name: &&str| name.starts_with("tests::") && !others.iter().any(|other| name.starts_with(other));
    names.filter(is_story).map(str::to_owned).collect()
}
