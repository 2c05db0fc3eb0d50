//! Who knows what must be there: it hands out ids, remembers which were acknowledged and how often each was sent, and
//! lives in a process that is never killed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::harness::Event;

/// The columns of [`Oracle::check`]'s rows, in the table `business_events`.
pub(crate) const COLUMNS: &str = "event_id, warehouse, outcome, amount, duration_ms, process_id";

/// The same of the log record that an event also is.
pub(crate) const COLUMNS_OF_LOGS: &str = "attributes['event.id'] AS event_id, attributes['business.warehouse'] AS warehouse, \
     attributes['business.outcome'] AS outcome, CAST(attributes['business.amount'] AS DOUBLE) AS amount, \
     CAST(attributes['business.duration'] AS DOUBLE) * 1000 AS duration_ms, attributes['business.process_id'] AS process_id";

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    epoch: usize,
    issued: HashMap<String, Issued>,
    acknowledged_requests: usize,
    resent_requests: usize,
}

#[derive(Clone, Copy, Debug)]
struct Issued {
    epoch: usize,
    sends: usize,
    is_acknowledged: bool,
}

/// What was acknowledged at some moment: all of it must be in an answer that was asked for later.
#[derive(Debug)]
pub(crate) struct Promise {
    epoch: usize,
    acknowledged: Vec<String>,
}

impl Promise {
    /// Of ids that were all handed out in `epoch`.
    pub(crate) fn of(epoch: usize, acknowledged: Vec<String>) -> Self {
        Self { epoch, acknowledged }
    }
}

impl Oracle {
    /// Ids are told apart by the epoch in which they were handed out: SQL is asked for one epoch at a time.
    pub(crate) fn begin_epoch(&self) -> usize {
        let mut book = self.book();
        book.epoch += 1;
        book.epoch
    }

    pub(crate) fn issue(&self, client: usize, request: usize, count: usize) -> Vec<String> {
        let mut book = self.book();
        let epoch = book.epoch;
        let ids: Vec<String> =
            (0..count).map(|event| format!("{epoch}/{client}/{request}/{event}")).collect();
        let issued = Issued { epoch, sends: 0, is_acknowledged: false };
        book.issued.extend(ids.iter().map(|id| (id.clone(), issued)));
        ids
    }

    /// The moment before a request leaves.
    pub(crate) fn sending(&self, ids: &[String]) {
        let mut book = self.book();
        let mut again = false;
        for id in ids {
            let issued = book.issued.get_mut(id).expect("only issued ids are sent");
            issued.sends += 1;
            again |= issued.sends > 1;
        }
        book.resent_requests += usize::from(again);
    }

    pub(crate) fn acknowledged(&self, ids: &[String]) {
        let mut book = self.book();
        book.acknowledged_requests += 1;
        for id in ids {
            book.issued.get_mut(id).expect("only issued ids are acknowledged").is_acknowledged = true;
        }
    }

    pub(crate) fn acknowledged_requests(&self) -> usize {
        self.book().acknowledged_requests
    }

    pub(crate) fn resent_requests(&self) -> usize {
        self.book().resent_requests
    }

    pub(crate) fn promise(&self, epoch: usize) -> Promise {
        let book = self.book();
        let kept = book.issued.iter().filter(|(_, issued)| issued.epoch == epoch && issued.is_acknowledged);
        Promise { epoch, acknowledged: kept.map(|(id, _)| id.clone()).collect() }
    }

    /// As `check`, of a table in which a record may be there as often as it was sent: whoever is killed before the answer
    /// has it sent again, and only business events are known by their id.
    pub(crate) fn check_records(&self, promise: &Promise, rows: &[Value]) -> Vec<String> {
        self.faults(promise, rows, |issued| issued.sends)
    }

    /// `rows` are all of the promise's epoch. Empty when every acknowledged id is there, every id was issued, every
    /// payload is what was sent, and nothing is there twice, however often it was sent; a line for each fault otherwise.
    pub(crate) fn check(&self, promise: &Promise, rows: &[Value]) -> Vec<String> {
        self.faults(promise, rows, |_| 1)
    }

    fn faults(&self, promise: &Promise, rows: &[Value], most: impl Fn(Issued) -> usize) -> Vec<String> {
        let mut faults = Vec::new();
        let mut stored: HashMap<&str, usize> = HashMap::new();
        for row in rows {
            let id = row["event_id"].as_str().unwrap_or_default();
            *stored.entry(id).or_default() += 1;
            if *row != row_of(id, promise.epoch) {
                faults.push(format!("not what was sent: {row}"));
            }
        }
        let book = self.book();
        for (id, count) in &stored {
            match book.issued.get(*id) {
                None => faults.push(format!("{id:?} was never issued")),
                Some(issued) if *count > most(*issued) => {
                    faults.push(format!("{id} was sent {} times and is there {count} times", issued.sends));
                }
                Some(_) => {}
            }
        }
        let lost = promise.acknowledged.iter().filter(|id| !stored.contains_key(id.as_str()));
        faults.extend(lost.map(|id| format!("{id} was acknowledged and is lost")));
        faults
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything in an event follows from its id.
pub(crate) fn event_of(id: &str) -> Event {
    let row = row_of(id, epoch_of(id));
    let text = |column: &str| row[column].as_str().expect("text").to_owned();
    Event::new("odoo.stock.picking.done", id)
        .text("business.process_id", &text("process_id"))
        .text("business.warehouse", &text("warehouse"))
        .text("business.outcome", &text("outcome"))
        .number("business.amount", row["amount"].as_f64().expect("a number"))
        .number("business.duration", row["duration_ms"].as_f64().expect("a number") / 1000.0)
}

fn row_of(id: &str, epoch: usize) -> Value {
    let mut crc = flate2::Crc::new();
    crc.update(id.as_bytes());
    let hash = crc.sum();
    let warehouse = ["HAM", "MUC", "BER"][hash as usize % 3];
    json!({
        "event_id": id,
        "warehouse": warehouse,
        "outcome": if hash.is_multiple_of(7) { "failed" } else { "ok" },
        "amount": f64::from(hash % 1_000_000) / 4.0,
        "duration_ms": f64::from(hash % 1_000) * 125.0,
        "process_id": format!("epoch-{epoch}"),
    })
}

fn epoch_of(id: &str) -> usize {
    id.split('/').next().and_then(|epoch| epoch.parse().ok()).expect("an id begins with its epoch")
}

#[test]
fn each_kind_of_fault_is_found() {
    let oracle = Oracle::default();
    let epoch = oracle.begin_epoch();
    let ids = oracle.issue(0, 0, 2);
    oracle.sending(&ids);
    let unanswered = oracle.promise(epoch);
    oracle.acknowledged(&ids);
    let promise = oracle.promise(epoch);
    let row = |id: &str| row_of(id, epoch);
    let faults = |rows: &[Value]| oracle.check(&promise, rows).len();

    assert_eq!(faults(&[row(&ids[0]), row(&ids[1])]), 0);
    assert!(oracle.check(&unanswered, &[]).is_empty(), "what nobody was told of may be missing");
    assert_eq!(faults(&[row(&ids[0])]), 1, "lost");
    assert_eq!(faults(&[row(&ids[0]), row(&ids[1]), row(&ids[1])]), 1, "twice");
    oracle.sending(&ids);
    assert_eq!(oracle.check_records(&promise, &[row(&ids[0]), row(&ids[1]), row(&ids[1])]).len(), 0);
    let thrice = [row(&ids[0]), row(&ids[1]), row(&ids[1]), row(&ids[1])];
    assert_eq!(oracle.check_records(&promise, &thrice).len(), 1, "more often than it was sent");
    assert_eq!(faults(&[row(&ids[0]), row(&ids[1]), row("1/9/9/9")]), 1, "never issued");
    let mut other = row(&ids[1]);
    other["amount"] = json!(0.125);
    assert_eq!(faults(&[row(&ids[0]), other]), 1, "another payload");
}
