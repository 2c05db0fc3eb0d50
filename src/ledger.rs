//! The decision ledger: decisions become rows of the `decisions` table without anybody waiting for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_lake::Lake;
use plimsoll_model::{Clock, Decision, DecisionLedger, SignalBatch, Table, batch_from_rows};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Decisions that may wait for the disk. A flood beyond it is counted, not kept: the pager goes first.
const WAITING_LIMIT: usize = 10_000;
/// Rows that go into one append.
const ROWS_PER_APPEND: usize = 1_000;

/// The half that rooms hold.
#[derive(Debug)]
pub(crate) struct Ledger {
    waiting: mpsc::Sender<Decision>,
    dropped: AtomicU64,
}

impl Ledger {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Decision>) {
        let (waiting, written) = mpsc::channel(WAITING_LIMIT);
        (Arc::new(Self { waiting, dropped: AtomicU64::new(0) }), written)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.max_capacity() - self.waiting.capacity()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl DecisionLedger for Ledger {
    fn record(&self, decision: Decision) {
        if self.waiting.try_send(decision).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes decisions until `stop` and nothing waits.
pub(crate) async fn write_decisions(
    waiting: &mut mpsc::Receiver<Decision>,
    lake: Lake,
    clock: Arc<dyn Clock>,
    stop: tokio_util::sync::CancellationToken,
) {
    let mut decisions = Vec::new();
    loop {
        let received = tokio::select! {
            biased;
            count = waiting.recv_many(&mut decisions, ROWS_PER_APPEND) => count,
            () = stop.cancelled() => 0,
        };
        if received == 0 {
            return;
        }
        append(&lake, clock.as_ref(), &decisions).await;
        decisions.clear();
    }
}

/// Writes what waits right now: for tests and for whoever drives time by hand.
pub(crate) async fn append(lake: &Lake, clock: &dyn Clock, decisions: &[Decision]) {
    let now = clock.now();
    let rows: Vec<Value> = decisions.iter().map(|decision| row(decision, now.nanos())).collect();
    let batch = match batch_from_rows(&Table::Decisions.schema(), &rows) {
        Ok(batch) => batch,
        Err(error) => {
            tracing::error!(%error, "decisions could not be turned into rows");
            return;
        }
    };
    let batch = SignalBatch { table: Table::Decisions, batch };
    if let Err(error) = lake.append(vec![batch]).await {
        tracing::error!(%error, decisions = decisions.len(), "decisions could not be written");
    }
}

fn row(decision: &Decision, ingest_time: i64) -> Value {
    json!({
        "time": decision.time.nanos(),
        "ingest_time": ingest_time,
        "stage": decision.stage,
        "fingerprint": decision.fingerprint,
        "incident_id": decision.incident_id,
        "receiver": decision.receiver,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "details": decision.details,
    })
}
