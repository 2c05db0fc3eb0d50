//! What rules would have done over stored history: the rows of a lake are played into a simulation as they came, each at its
//! `ingest_time`, so that at each simulated moment there is what there was. The evaluator and the router are the server's own.
//! `docs/testing-rules.md` says what is played and what can't be.

mod compare;
mod episodes;
mod history;
mod report;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plimsoll_model::{SourceBook, SourceStatus, Table, Timestamp};

use crate::app::Simulation;
use crate::config::Config;

pub use compare::{Difference, compare};
pub use episodes::{Episode, Told};
pub use history::History;
pub use report::{Report, Zone};

use episodes::Episodes;
use rows::Arrivals;

/// The longest window of a burn tier: rows this old may matter at the first moment.
pub const WARM_UP: Duration = Duration::from_secs(3 * 86_400);
/// Decisions from longer ago are about alerts that ended.
const DECISIONS: Duration = Duration::from_secs(14 * 86_400);
/// State that nobody keeps the past of.
const NOT_KEPT: [&str; 2] = ["sources", "silences"];

/// From when to when, and how far the clock moves between two evaluations.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub since: Timestamp,
    pub until: Timestamp,
    pub step: Duration,
}

/// What came of one set of rules.
#[derive(Clone, Debug)]
pub struct Replayed {
    pub stretch: Stretch,
    pub episodes: Vec<Episode>,
    pub passes: u64,
    pub rows: u64,
    /// Rules that ask what nobody keeps the past of, with the table.
    pub unfaithful: Vec<(String, &'static str)>,
}

/// Nobody states anything about sources of the past.
#[derive(Debug)]
struct NoSources;

impl SourceBook for NoSources {
    fn sources(&self, _: Timestamp) -> Vec<SourceStatus> {
        Vec::new()
    }
}

/// Plays `history` to the rules and the routing of `config`.
pub async fn replay(config: &Config, history: &History, stretch: Stretch) -> anyhow::Result<Replayed> {
    anyhow::ensure!(stretch.since < stretch.until, "nothing lies between --since and --until");
    anyhow::ensure!(!stretch.step.is_zero(), "a step of 0 would never end");
    let needs = needs(config, stretch).await?;
    let mut first = history.state_before(stretch.since, DECISIONS).await?;
    let mut rows = 0;
    for table in &needs.tables {
        let warm_up = history.between(*table, stretch.since - WARM_UP, stretch.since).await?;
        rows += count(&warm_up);
        first.extend(warm_up);
    }
    let mut simulation =
        Box::pin(Simulation::open(config.clone(), &[], stretch.since, Arc::new(NoSources), first)).await?;
    let mut arrivals = Arrivals::new(history, needs.tables.clone(), stretch);
    let mut episodes = Episodes::new(stretch.since);
    let (mut now, mut passes) = (stretch.since, 0);
    while now <= stretch.until {
        episodes.told(&simulation.wait_until(now).await?);
        let arrived = arrivals.until(now).await?;
        rows += count(&arrived);
        simulation.append(arrived).await?;
        let told = simulation.pass().await?;
        episodes.notice(&simulation.instances().await, now);
        episodes.told(&told);
        passes += 1;
        now = now + stretch.step;
    }
    let mut episodes = episodes.finished();
    let told_then = history.told(stretch).await.context("what was sent then can't be read")?;
    for episode in &mut episodes {
        episode.remember(&told_then);
    }
    Ok(Replayed { stretch, episodes, passes, rows, unfaithful: needs.unfaithful })
}

fn count(batches: &[plimsoll_model::SignalBatch]) -> u64 {
    batches.iter().map(|rows| rows.batch.num_rows() as u64).sum()
}

/// What rules read.
struct Needs {
    tables: BTreeSet<Table>,
    unfaithful: Vec<(String, &'static str)>,
}

/// Asked of empty rooms, which also says what is wrong with the files before anything is read.
async fn needs(config: &Config, stretch: Stretch) -> anyhow::Result<Needs> {
    let empty = Simulation::open(config.clone(), &[], stretch.since, Arc::new(NoSources), Vec::new());
    let empty = Box::pin(empty).await?;
    let mut needs = Needs { tables: BTreeSet::new(), unfaithful: Vec::new() };
    for (rule, sql) in empty.queries().await {
        let description = empty.engine().describe(&sql).await;
        needs.tables.extend(description.with_context(|| rule.clone())?.tables);
        let asks = |table: &&'static str| words(&sql).any(|word| word == *table);
        needs
            .unfaithful
            .extend(NOT_KEPT.into_iter().filter(|table| asks(table)).map(|table| (rule.clone(), table)));
    }
    // What the evaluator writes itself; the simulation's own is what its rules read.
    for own in [Table::SliSlices, Table::Decisions] {
        needs.tables.remove(&own);
    }
    Ok(needs)
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests;
