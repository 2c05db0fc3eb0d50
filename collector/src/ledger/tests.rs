//! The ledger balances whatever happens, and every minute is written once.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use plimsoll_model::ManualClock;
use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn ledger() -> (ManualClock, IngestLedger) {
    let clock = ManualClock::at(START);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    (clock, IngestLedger::new(TenantName::default(), shared))
}

fn tally(source: &str, received: u64, refused: u64) -> Tally {
    let refused = vec![(ItemReason::InvalidTraceId, refused)];
    Tally { source: source.to_owned(), bytes: 10 * received, received, refused, latest: None }
}

fn sum(rows: &RecordBatch, column: &str) -> i64 {
    rows[column].as_primitive::<Int64Type>().values().iter().sum()
}

fn sums(rows: &RecordBatch) -> [i64; 4] {
    ["received", "stored", "refused", "in_flight"].map(|column| sum(rows, column))
}

#[test]
fn items_are_in_flight_until_they_are_stored_or_given_up() {
    let (_, ledger) = ledger();
    let first = ledger.received(Signal::Traces, &[tally("odoo", 10, 3)]);
    let second = ledger.received(Signal::Logs, &[tally("odoo", 5, 0), tally("traefik", 2, 0)]);
    assert_eq!(sums(&ledger.rows().expect("rows")), [17, 0, 3, 14]);
    first.stored();
    assert_eq!(sums(&ledger.rows().expect("rows")), [17, 7, 3, 7]);
    drop(second);
    let rows = ledger.rows().expect("rows");
    assert_eq!(sums(&rows), [17, 7, 10, 0]);
    assert_eq!(rows.num_rows(), 3, "a line for each source and signal");
    assert_eq!(sum(&rows, "bytes"), 170);
}

#[test]
fn a_minute_is_written_when_it_is_over_and_settled_and_only_once() {
    let (clock, ledger) = ledger();
    ledger.received(Signal::Traces, &[tally("odoo", 1, 0)]).stored();
    assert!(ledger.settled(false).is_empty(), "it is not over");
    clock.advance(MINUTE);
    let late = ledger.received(Signal::Traces, &[tally("odoo", 2, 0)]);
    clock.advance(MINUTE);
    ledger.received(Signal::Traces, &[tally("odoo", 4, 0)]).stored();
    clock.advance(MINUTE);

    let settled = ledger.settled(false);
    assert_eq!(settled.len(), 1, "the second minute is not settled, and the third waits for it");
    ledger.written(settled[0].minute);
    assert!(ledger.settled(false).is_empty());
    late.stored();
    let settled: Vec<_> = ledger.settled(false).iter().map(|minute| sum(&minute.rows, "stored")).collect();
    assert_eq!(settled, [2, 4]);
    assert_eq!(sums(&ledger.rows().expect("rows")), [7, 7, 0, 0], "written ones stay for a while");
}

#[test]
fn no_minute_is_opened_again_after_it_was_written() {
    let (_, ledger) = ledger();
    let this_minute = START.floor_to(MINUTE);
    // By an earlier process, or before the clock was set back.
    ledger.written(this_minute);
    ledger.received(Signal::Traces, &[tally("odoo", 2, 0)]).stored();
    assert!(ledger.settled(false).is_empty());
    let at_the_end = ledger.settled(true);
    assert_eq!(at_the_end.len(), 1);
    assert_eq!(at_the_end[0].minute, this_minute + MINUTE);
}

#[test]
fn sources_without_number_and_names_without_end_stay_bounded() {
    let (_, ledger) = ledger();
    for n in 0..MAX_SOURCES + 50 {
        ledger.received(Signal::Logs, &[tally(&format!("ü{n}").repeat(100), 1, 0)]).stored();
    }
    let rows = ledger.rows().expect("rows");
    assert_eq!(rows.num_rows(), MAX_SOURCES + 1);
    assert_eq!(sums(&rows)[0], i64::try_from(MAX_SOURCES + 50).expect("small"));
    let longest = rows["source"].as_string::<i32>().iter().flatten().map(str::len).max();
    assert!(longest <= Some(MAX_NAME_BYTES), "{longest:?}");
}

proptest! {
    /// Whatever order requests come, end and minutes pass in: each moment balances, and nothing is counted twice or lost.
    #[test]
    fn it_balances_at_every_moment(steps in prop::collection::vec((0..5_u8, 0..20_u64, 0..20_u64), 1..60)) {
        let (clock, ledger) = ledger();
        let mut in_flight = Vec::new();
        let (mut received, mut written) = (0, 0);
        for (step, items, refused) in steps {
            match step {
                0 | 1 => {
                    let items = items + refused;
                    received += i64::try_from(items).expect("small");
                    in_flight.push(ledger.received(Signal::Metrics, &[tally("odoo", items, refused)]));
                }
                2 => if let Some(request) = in_flight.pop() { request.stored() },
                3 => drop(in_flight.pop()),
                _ => clock.advance(MINUTE / 2),
            }
            let rows = ledger.rows().expect("rows");
            for line in 0..rows.num_rows() {
                let [received, stored, refused, waiting] = sums(&rows.slice(line, 1));
                prop_assert_eq!(received, stored + refused + waiting);
            }
            for minute in ledger.settled(false) {
                written += sum(&minute.rows, "received");
                ledger.written(minute.minute);
            }
        }
        drop(in_flight);
        written += ledger.settled(true).iter().map(|minute| sum(&minute.rows, "received")).sum::<i64>();
        prop_assert_eq!(written, received);
    }
}

#[test]
fn an_outage_of_days_keeps_the_sums_and_not_every_minute() {
    let (clock, ledger) = ledger();
    let long_ago = ledger.received(Signal::Logs, &[tally("odoo", 7, 0)]);
    for _ in 0..3_000 {
        clock.advance(MINUTE);
        ledger.received(Signal::Logs, &[tally("odoo", 5, 1), tally("traefik", 2, 0)]).stored();
    }
    clock.advance(MINUTE);
    let minutes = ledger.settled(true);
    assert!(minutes.len() <= MAX_UNWRITTEN + KEPT_MINUTES as usize, "{} minutes", minutes.len());
    let total = |column| minutes.iter().map(|minute| sum(&minute.rows, column)).sum::<i64>();
    assert_eq!((total("received"), total("stored"), total("refused")), (21_007, 18_000, 3_000));
    assert_eq!(total("in_flight"), 7, "what is still in flight keeps its minute");
    drop(long_ago);
}
