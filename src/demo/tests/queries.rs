//! Every statement that we tell people to run does run: those on the screen, those of the story, those of the runbooks.

use std::sync::Arc;

use plimsoll_lake::Lake;
use plimsoll_model::{Clock, ManualClock, RowsOnly};
use plimsoll_query::QueryEngine;

use crate::demo::{console, screen};

const RUNBOOKS: [&str; 2] = [
    include_str!("../../../examples/runbooks/order-posting.md"),
    include_str!("../../../examples/runbooks/stock-locks.md"),
];

async fn engine(folder: &tempfile::TempDir) -> QueryEngine {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(super::opens()));
    let config =
        plimsoll_lake::Config { data_dir: folder.path().to_owned(), ..plimsoll_lake::Config::default() };
    let lake =
        Lake::open(config, Arc::clone(&clock), Arc::new(RowsOnly)).await.expect("an empty folder is a lake");
    let slos = plimsoll_rules::SloTable::default();
    let config = plimsoll_query::Config {
        spill_dir: folder.path().join("spill"),
        ..plimsoll_query::Config::default()
    };
    QueryEngine::new(config, lake, vec![Arc::new(slos)], clock).expect("an engine")
}

/// The `sql` blocks that ask us; what asks PostgreSQL itself is not ours to try.
fn statements(runbook: &str) -> Vec<&str> {
    let blocks = runbook.split("```sql\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.filter(|sql| !sql.contains("pg_")).collect()
}

#[tokio::test]
async fn what_people_are_told_to_run_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = engine(&folder).await;
    let on_screen = screen::QUERIES.iter().map(|(_, sql)| *sql);
    let of_story = [console::LAST_TWO_MINUTES, console::BUDGET];
    let of_runbooks: Vec<&str> = RUNBOOKS.iter().flat_map(|runbook| statements(runbook)).collect();
    assert_eq!(of_runbooks.len(), 4, "the runbooks' statements are found");
    for sql in on_screen.chain(of_story).chain(of_runbooks) {
        if let Err(error) = engine.sql(sql, &[]).await {
            panic!("{error}\n{sql}");
        }
    }
}
