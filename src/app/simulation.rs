//! The rooms of one tenant on a clock that is moved by hand: the same evaluator, router and outbox as a server has, over a
//! lake in a temporary folder, and receivers that nothing leaves to. Tests of rules and replays both run in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arrow::array::AsArray;
use plimsoll_alerting::Delivery;
use plimsoll_collector::{Collector, SentSources};
use plimsoll_model::{Clock, ManualClock, Signal, SignalBatch, SourceBook, Table, Timestamp};
use plimsoll_query::QueryEngine;
use plimsoll_rules::instance::Instance;
use tempfile::TempDir;

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
    senders: SentSources,
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
        lake.append(first).await.context("the first rows can't be taken in")?;
        let senders = vec![sender(&tenant, lake.clone())];
        let collector = Collector::new(config.collector(), senders, Arc::clone(&shared));
        let rooms = Rooms::open(&config, &tenant, lake, &collector, book, None, &shared).await?;
        let senders = collector.sources(&tenant.name).context("the collector doesn't know the tenant")?;
        Ok(Self { clock, rooms, senders, next_dispatch: None, _folder: folder })
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
        batches.iter().for_each(|rows| self.notice(rows));
        self.rooms.lake.append(batches).await.context("rows can't be taken in")?;
        if self.rooms.lake.stats().buffered_rows > FLUSH_ROWS {
            self.rooms.lake.flush().await?;
        }
        Ok(())
    }

    /// An objective lives as long as who feeds it sends anything at all.
    fn notice(&self, rows: &SignalBatch) {
        let Some(signal) = signal_of(rows.table) else { return };
        let Some((_, latest)) = rows.time_range() else { return };
        let names = rows.batch.column_by_name("service_name").and_then(|names| names.as_string_opt::<i32>());
        let names: BTreeSet<&str> = names.into_iter().flat_map(|names| names.iter().flatten()).collect();
        for name in names {
            self.senders.remember_sender(name, signal, latest, self.now());
        }
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

    /// Every alert that is pending, firing or was resolved a moment ago.
    pub(crate) async fn instances(&self) -> Vec<Instance> {
        self.rooms.evaluator.lock().await.instances().cloned().collect()
    }

    fn move_to(&self, moment: Timestamp) {
        self.clock.advance(moment.since(self.now()));
    }
}

const fn signal_of(table: Table) -> Option<Signal> {
    match table {
        Table::Spans => Some(Signal::Traces),
        Table::Logs | Table::BusinessEvents | Table::ChangeRecords => Some(Signal::Logs),
        Table::Metrics => Some(Signal::Metrics),
        Table::SliSlices | Table::Decisions | Table::IngestLedger => None,
    }
}
