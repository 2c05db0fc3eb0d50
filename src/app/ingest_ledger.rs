//! Brings the minutes of the ingest ledger into the lake.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_collector::IngestLedger;
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, SignalBatch, Table, Timestamp};
use tokio_util::sync::CancellationToken;

/// How often is looked whether a minute is over and settled.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tells the ledger what an earlier process wrote, so that no minute is there twice.
pub(super) fn resume(ledger: &IngestLedger, lake: &Lake) {
    let snapshot = lake.snapshot(Table::IngestLedger);
    let hot = snapshot.hot.into_iter().filter_map(|batch| newest(Table::IngestLedger, batch));
    if let Some(newest) = snapshot.cold.iter().map(|file| file.max_time).chain(hot).max() {
        ledger.written(newest);
    }
}

pub(super) async fn keep(ledger: IngestLedger, lake: Lake, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        write(&ledger, &lake, false).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(LOOK_EVERY) => {}
        }
    }
}

/// What could not be written is tried again the next time; until then SQL reads it from memory.
pub(super) async fn write(ledger: &IngestLedger, lake: &Lake, all: bool) {
    for minute in ledger.settled(all) {
        let rows = SignalBatch { table: Table::IngestLedger, batch: minute.rows };
        if let Err(error) = lake.append(vec![rows]).await {
            tracing::warn!(%error, "a minute of the ingest ledger waits to be written");
            return;
        }
        ledger.written(minute.minute);
    }
}

fn newest(table: Table, batch: arrow::array::RecordBatch) -> Option<Timestamp> {
    SignalBatch { table, batch }.time_range().map(|(_, newest)| newest)
}
