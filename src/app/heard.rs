//! Who sends, in a simulation: what the collector would know of the rows that are played. It judges nobody's rhythm, so that
//! a sender lives as long as it sends anything at all, and is blind to rules only where a test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use plimsoll_model::{
    Signal, SignalBatch, SourceBook, SourceKind, SourceState, SourceStatus, Table, Timestamp,
};

/// By `service.name` and signal. What is stated besides comes first.
#[derive(Debug)]
pub(super) struct Heard {
    stated: Arc<dyn SourceBook>,
    senders: Mutex<BTreeMap<(String, Signal), SourceStatus>>,
}

impl Heard {
    pub(super) fn beside(stated: Arc<dyn SourceBook>) -> Arc<Self> {
        Arc::new(Self { stated, senders: Mutex::default() })
    }

    pub(super) fn notice(&self, rows: &SignalBatch, now: Timestamp) {
        let Some((signal, (_, latest))) = signal_of(rows.table).zip(rows.time_range()) else { return };
        let names = rows.batch.column_by_name("service_name").and_then(|names| names.as_string_opt::<i32>());
        let names: BTreeSet<&str> = names.into_iter().flat_map(|names| names.iter().flatten()).collect();
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            let sender =
                senders.entry((name.to_owned(), signal)).or_insert_with(|| sender(name, signal, now));
            sender.watermark = sender.watermark.max(Some(latest));
            sender.last_success = Some(now);
        }
    }
}

impl SourceBook for Heard {
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
        let mut sources = self.stated.sources(now);
        sources.extend(self.senders.lock().unwrap_or_else(PoisonError::into_inner).values().cloned());
        sources
    }
}

fn sender(name: &str, signal: Signal, now: Timestamp) -> SourceStatus {
    SourceStatus {
        name: name.to_owned(),
        kind: SourceKind::Otlp,
        signal: signal.name(),
        state: SourceState::Ok,
        since: now,
        watermark: None,
        last_success: None,
        expected_every: None,
        items: 0,
        errors: 0,
        last_error: None,
        lacks: Vec::new(),
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
