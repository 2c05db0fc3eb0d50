//! What became of each request: a byte for each, so that afterwards every one of them can be looked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;

use plimsoll_model::Timestamp;
use serde_json::json;

use super::bodies::Body;
use super::ids::{Run, index};
use super::signal::Signal;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Not sent, or refused for good: nothing of it may be there.
    #[default]
    Absent,
    /// Every item must be there, once.
    Acknowledged,
    /// Some items were rejected; the others must be there.
    Partly,
    /// An answer was lost before it was acknowledged: every item must be there, and may be there again.
    Repeated,
    /// Given up on after a lost answer: it may be there, or not.
    Unknown,
}

/// Event times of a block of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
}

#[derive(Debug)]
pub(super) struct Outcomes {
    requests: Vec<Outcome>,
    rejected: BTreeMap<u64, u64>,
    /// One for each [`Outcomes::block`] of requests.
    windows: Vec<Option<Window>>,
    requests_per_block: u64,
    acknowledged: Option<Acknowledged>,
}

impl Outcomes {
    pub(super) fn new(requests_per_block: u64, acknowledged: Option<Acknowledged>) -> Self {
        Self {
            requests: Vec::new(),
            rejected: BTreeMap::new(),
            windows: Vec::new(),
            requests_per_block,
            acknowledged,
        }
    }

    /// Remembered before the first byte is sent.
    pub(super) fn sending(&mut self, request: u64, body: &Body) {
        let block = index(request / self.requests_per_block);
        if self.windows.len() <= block {
            self.windows.resize(block + 1, None);
        }
        let window =
            self.windows[block].get_or_insert(Window { earliest: body.earliest, latest: body.latest });
        window.earliest = window.earliest.min(body.earliest);
        window.latest = window.latest.max(body.latest);
    }

    /// Written to the file of acknowledgements before it returns.
    pub(super) fn settle(
        &mut self,
        request: u64,
        signal: Signal,
        items: u64,
        outcome: Outcome,
        rejected: u64,
    ) -> std::io::Result<()> {
        let place = index(request);
        if self.requests.len() <= place {
            self.requests.resize(place + 1, Outcome::Absent);
        }
        self.requests[place] = outcome;
        if rejected > 0 {
            self.rejected.insert(request, rejected);
        }
        let acknowledged = matches!(outcome, Outcome::Acknowledged | Outcome::Partly | Outcome::Repeated);
        match &mut self.acknowledged {
            Some(file) if acknowledged => file.write(request, signal, items - rejected),
            _ => Ok(()),
        }
    }

    pub(super) fn of(&self, request: u64) -> Outcome {
        self.requests.get(index(request)).copied().unwrap_or_default()
    }

    pub(super) fn rejected_of(&self, request: u64) -> u64 {
        self.rejected.get(&request).copied().unwrap_or_default()
    }

    /// Blocks of requests that something was sent of, with their event times.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (std::ops::Range<u64>, Window)> {
        let numbered = self.windows.iter().zip(0_u64..);
        numbered.filter_map(|(window, block)| {
            let first = block * self.requests_per_block;
            window.map(|window| (first..first + self.requests_per_block, window))
        })
    }
}

/// A file of acknowledged requests, a line of JSON each: for an oracle that outlives whatever is being tested.
#[derive(Debug)]
pub(super) struct Acknowledged {
    file: File,
    run: Run,
}

impl Acknowledged {
    pub(super) fn new(file: File, run: Run) -> Self {
        Self { file, run }
    }

    fn write(&mut self, request: u64, signal: Signal, items: u64) -> std::io::Result<()> {
        let (table, _) = signal.found_in();
        let line = json!({
            "scope_name": self.run.scope_name(), "scope_version": request.to_string(),
            "table": table, "items": items,
        });
        // One write: a reader never sees half a line.
        self.file.write_all(format!("{line}\n").as_bytes())
    }
}
