//! The rooms of one tenant on a clock that is moved by hand: the same evaluator, router and outbox as a server has, over a
//! lake in a temporary folder, and receivers that nothing leaves to. Tests of rules and replays both run in it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plimsoll_alerting::Delivery;
use plimsoll_collector::Collector;
use plimsoll_model::{Clock, ManualClock, SignalBatch, SourceBook, Timestamp};
use plimsoll_query::QueryEngine;
use plimsoll_rules::instance::Instance;
use tempfile::TempDir;

use super::heard::Heard;
use super::rooms::Rooms;
use super::{open_lake, sender};
use crate::config::Config;

/// Rows in memory after which they are made files: a replay may be longer than the memory.
const FLUSH_ROWS: usize = 200_000;

#[derive(Debug)]
pub(crate) struct Simulation {
    clock: ManualClock,
    rooms: Rooms,
    /// Who sends, as the collector would know it.
    heard: Arc<Heard>,
    /// When a group of alerts wants to speak next.
    next_dispatch: Option<Timestamp>,
    _folder: TempDir,
}

impl Simulation {
    /// Rooms at `start`. `config` is any server's; its data, its tenants and its sources stay untouched. Of its rules only those
    /// that `only` names are there; all, if it names none. The rows of `first` are there before anything is evaluated: slices
    /// and decisions among them are taken up as a server takes up its own at a start.
    pub(crate) async fn open(
        config: Config,
        only: &[String],
        start: Timestamp,
        book: Arc<dyn SourceBook>,
        first: Vec<SignalBatch>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let config = config.simulated(folder.path(), only);
        let clock = ManualClock::at(start);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let tenant = config.tenants().first().cloned().context("there is always a default tenant")?;
        let lake = open_lake(&config, &tenant, &shared).await?;
        let heard = Heard::beside(book);
        first.iter().for_each(|rows| heard.notice(rows, start));
        lake.append(first).await.context("the first rows can't be taken in")?;
        let senders = vec![sender(&tenant, lake.clone())];
        let collector = Collector::new(config.collector(), senders, Arc::clone(&shared));
        let rooms =
            Rooms::open(&config, &tenant, lake, &collector, Arc::<Heard>::clone(&heard), None, &shared)
                .await?;
        Ok(Self { clock, rooms, heard, next_dispatch: None, _folder: folder })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn engine(&self) -> &QueryEngine {
        &self.rooms.database.engine
    }

    /// Rows that arrive now.
    pub(crate) async fn append(&self, batches: Vec<SignalBatch>) -> anyhow::Result<()> {
        if batches.is_empty() {
            return Ok(());
        }
        batches.iter().for_each(|rows| self.heard.notice(rows, self.now()));
        self.rooms.lake.append(batches).await.context("rows can't be taken in")?;
        if self.rooms.lake.stats().buffered_rows > FLUSH_ROWS {
            self.rooms.lake.flush().await?;
        }
        Ok(())
    }

    /// Time passes until `moment`; groups of alerts that are due meanwhile speak in time.
    pub(crate) async fn wait_until(&mut self, moment: Timestamp) -> anyhow::Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        while let Some(due) = self.next_dispatch.filter(|due| *due < moment) {
            let due = due.max(self.now() + Duration::from_millis(1));
            self.move_to(due);
            self.next_dispatch = self.rooms.receive_and_dispatch(None).await?;
            deliveries.extend(self.rooms.deliver_now().await?);
        }
        self.move_to(moment);
        Ok(deliveries)
    }

    /// One pass of everything, now.
    pub(crate) async fn pass(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let alerts = self.rooms.evaluator.lock().await.tick(self.now()).await;
        self.next_dispatch = self.rooms.receive_and_dispatch(Some(alerts)).await?;
        self.rooms.deliver_now().await
    }

    /// What is asked: the rule's id and its statement.
    pub(crate) async fn queries(&self) -> Vec<(String, String)> {
        self.rooms.evaluator.lock().await.queries().collect()
    }

    /// Every alert that is pending, firing or was resolved a moment ago.
    pub(crate) async fn instances(&self) -> Vec<Instance> {
        self.rooms.evaluator.lock().await.instances().cloned().collect()
    }

    fn move_to(&self, moment: Timestamp) {
        self.clock.advance(moment.since(self.now()));
    }
}
