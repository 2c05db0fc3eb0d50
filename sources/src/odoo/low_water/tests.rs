//! Against a naive database: transactions that take ids and end in any order, and every row is read once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Enough of PostgreSQL: a sequence, transaction ids, commits.
#[derive(Debug, Default)]
struct Database {
    next_id: i64,
    next_txid: i64,
    /// Running, with what they have inserted.
    running: BTreeMap<i64, Vec<i64>>,
    visible: BTreeSet<i64>,
    clock: i64,
}

impl Database {
    fn begin(&mut self) -> i64 {
        self.next_txid += 1;
        self.running.insert(self.next_txid, Vec::new());
        self.next_txid
    }

    fn insert(&mut self, txid: i64) {
        self.next_id += 1;
        if let Some(rows) = self.running.get_mut(&txid) {
            rows.push(self.next_id);
        }
    }

    fn commit(&mut self, txid: i64) {
        self.visible.extend(self.running.remove(&txid).unwrap_or_default());
    }

    fn sight(&mut self) -> Sight {
        self.clock += 5;
        Sight {
            xmin: self.running.keys().next().copied().unwrap_or(self.next_txid + 1),
            xmax: self.next_txid + 1,
            at: Timestamp::from_secs(self.clock),
            highest: self.visible.last().copied().unwrap_or(0),
        }
    }

    /// One look: what a reader's statement would give.
    fn look(&mut self, mark: &mut LowWater, read: &mut Vec<i64>) -> Advance {
        let Range { low, upper, seen } = mark.range();
        let rows: Vec<i64> =
            self.visible.range(low + 1..=upper).filter(|id| !seen.contains(id)).copied().collect();
        let sight = self.sight();
        read.extend(&rows);
        mark.advance(&sight, rows)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Insert(usize),
    Commit(usize),
    Rollback(usize),
    Look,
    /// A kill between the door and the cursor's file: what was read is read again, and known by its `event.id`.
    LookAndForget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Begin),
        5 => (0..8_usize).prop_map(Step::Insert),
        3 => (0..8_usize).prop_map(Step::Commit),
        1 => (0..8_usize).prop_map(Step::Rollback),
        4 => Just(Step::Look),
        1 => Just(Step::LookAndForget),
    ]
}

proptest! {
    #[test]
    fn every_row_is_read_once_whatever_the_order_of_commits(steps in prop::collection::vec(step(), 1..200)) {
        let mut database = Database::default();
        let mut mark = LowWater::behind(0, Timestamp::from_secs(0));
        let (mut read, mut forgotten) = (Vec::new(), Vec::new());
        for step in steps {
            let nth = |database: &Database, n: usize| database.running.keys().nth(n).copied();
            match step {
                Step::Begin => { database.begin(); }
                Step::Insert(n) => if let Some(txid) = nth(&database, n) { database.insert(txid) },
                Step::Commit(n) => if let Some(txid) = nth(&database, n) { database.commit(txid) },
                Step::Rollback(n) => if let Some(txid) = nth(&database, n) { database.running.remove(&txid); },
                Step::Look => { database.look(&mut mark, &mut read); }
                Step::LookAndForget => { database.look(&mut mark.clone(), &mut forgotten); }
            }
        }
        for txid in database.running.keys().copied().collect::<Vec<_>>() {
            database.commit(txid);
        }
        database.look(&mut mark, &mut read);
        read.sort_unstable();
        prop_assert_eq!(read, database.visible.iter().copied().collect::<Vec<_>>());
        prop_assert!(forgotten.iter().all(|id| database.visible.contains(id)));
        // With nothing running, the mark comes to the end.
        for _ in 0..3 {
            database.look(&mut mark, &mut Vec::new());
        }
        prop_assert_eq!(mark.low, database.visible.last().copied().unwrap_or(0));
        prop_assert!(mark.seen.is_empty());
    }
}

#[test]
fn a_cursor_survives_its_file() {
    let mut mark = LowWater::behind(3, Timestamp::from_secs(1));
    let sight = Sight { xmin: 5, xmax: 9, at: Timestamp::from_secs(2), highest: 8 };
    mark.advance(&sight, [5, 8]);
    let text = serde_json::to_string(&mark).expect("JSON");
    assert_eq!(serde_json::from_str::<LowWater>(&text).expect("JSON"), mark);
}

#[test]
fn an_idle_transaction_holds_the_mark_and_not_the_rows() {
    let mut database = Database::default();
    let mut mark = LowWater::behind(0, Timestamp::from_secs(0));
    let (idle, mut read) = (database.begin(), Vec::new());
    database.insert(idle);
    for _ in 0..100 {
        let txid = database.begin();
        database.insert(txid);
        database.commit(txid);
        database.look(&mut mark, &mut read);
    }
    assert_eq!(read.len(), 100, "everybody else's rows were read at once");
    assert_eq!(mark.low, 0);
    let now = Timestamp::from_secs(database.clock);
    assert_eq!(mark.waits_since(), Some(Timestamp::from_secs(5)));
    assert_eq!(mark.watermark(now, Duration::from_secs(60)), now - Duration::from_secs(60), "bounded");
    database.commit(idle);
    database.look(&mut mark, &mut read);
    assert_eq!(read.last(), Some(&1), "and its own row when it ended");
}

#[test]
fn a_transaction_that_never_ends_is_given_up_at_last_and_that_is_said() {
    let mut mark = LowWater::behind(0, Timestamp::from_secs(0));
    let (mut at, mut forced) = (0, 0);
    for highest in (STEP..WIDEST * 2).step_by(usize::try_from(STEP).expect("small")) {
        at += 5;
        let sight = Sight { xmin: 5, xmax: 1_000 + at, at: Timestamp::from_secs(at), highest };
        forced += u32::from(mark.advance(&sight, [highest]).forced);
    }
    assert!(forced >= 1);
    assert!(mark.read_to - mark.low <= WIDEST && mark.seen.len() < 100);
}

#[test]
fn a_backlog_is_read_in_steps() {
    let mut mark = LowWater::behind(0, Timestamp::from_secs(0));
    let sight = |at| Sight { xmin: 50, xmax: 50, at: Timestamp::from_secs(at), highest: 25_000 };
    assert!(mark.advance(&sight(5), [1, 9_999]).more);
    assert!(mark.advance(&sight(6), [15_000]).more);
    assert_eq!(mark.range().upper, 30_000);
    assert!(!mark.advance(&sight(7), [25_000]).more);
    assert_eq!(mark.low, 25_000);
}

#[test]
fn a_database_that_was_restored_is_begun_anew_at_its_end() {
    let mut mark = LowWater::behind(100_000, Timestamp::from_secs(0));
    let sight = Sight { xmin: 9, xmax: 9, at: Timestamp::from_secs(5), highest: 40_000 };
    assert!(mark.advance(&sight, []).restored);
    assert_eq!(mark.range().low, 40_000);
    let sight = Sight { xmin: 9, xmax: 9, at: Timestamp::from_secs(9), highest: 39_990 };
    assert!(!mark.advance(&sight, []).restored, "the last rows were deleted, no more");
}
