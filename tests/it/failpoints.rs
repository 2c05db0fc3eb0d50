//! Each step between a request and its rows in Delta, failing once, failing for as long as the process lives, slow, or
//! the last thing that the process did. `strace` does it to the real process, at one call on one file.
//!
//! Each point has one of the faults here, another one at the next point; `PLIMSOLL_FAILPOINTS=all` tries all at all, a
//! part of a name in its place all at that point.

use std::fs;
use std::time::Duration;

use crate::harness::{Event, Plimsoll, Sender, Setup, eventually, pause};
use crate::kill::oracle::{self, Oracle};

const REQUESTS: usize = 8;
const EVENTS_A_REQUEST: usize = 5;
/// After so many refusals the fault is taken for one that lasts.
const TRIES: usize = 15;
const WITHIN: Duration = Duration::from_secs(60);

/// Where: a system call on a file below `data`; the number says which of them, for folders that a start syncs too.
const POINTS: [(&str, &str, &str, u32); 25] = [
    ("segment is created", "openat", "wal/00000000000000000001.spare", 1),
    ("segment's header is written", "pwrite64", "wal/00000000000000000001.spare", 1),
    ("segment's header is synced", "fdatasync", "wal/00000000000000000001.spare", 1),
    ("segment is named", "rename", "wal/00000000000000000001.spare", 1),
    ("segment's name is synced", "fsync", "wal", 1),
    ("group is written", "pwrite64", "wal/00000000000000000001.wal", 1),
    ("group is synced", "fdatasync", "wal/00000000000000000001.wal", 1),
    ("data file of events is created", "openat", EVENTS_FILE, 1),
    ("data file of events is written", "write", EVENTS_FILE, 1),
    ("data file of events is synced", "fsync", EVENTS_FILE, 1),
    ("data file's name is synced", "fsync", "lake/default/business_events", 3),
    ("commit is staged", "openat", "lake/default/business_events/_delta_log/00000000000000000001.json#1", 1),
    ("commit is written", "write", "lake/default/business_events/_delta_log/00000000000000000001.json#1", 1),
    ("commit is synced", "fsync", "lake/default/business_events/_delta_log/00000000000000000001.json#1", 1),
    ("commit is named", "linkat", "lake/default/business_events/_delta_log/00000000000000000001.json#1", 1),
    (
        "commit's stage is removed",
        "unlink",
        "lake/default/business_events/_delta_log/00000000000000000001.json#1",
        1,
    ),
    ("commit's name is synced", "fsync", "lake/default/business_events/_delta_log", 2),
    ("commit is copied", "openat", "lake/default/business_events/_commits/00000000000000000001.json", 1),
    ("copy is written", "write", "lake/default/business_events/_commits/00000000000000000001.json", 1),
    ("data file of logs is created", "openat", LOGS_FILE, 1),
    ("data file of logs is synced", "fsync", LOGS_FILE, 1),
    ("second commit is synced", "fsync", "lake/default/logs/_delta_log/00000000000000000002.json#1", 1),
    ("second commit is named", "linkat", "lake/default/logs/_delta_log/00000000000000000002.json#1", 1),
    ("second commit's name is synced", "fsync", "lake/default/logs/_delta_log", 3),
    ("log is trimmed", "unlink,rename", "wal/00000000000000000001.wal", 1),
];
const EVENTS_FILE: &str = "lake/default/business_events/part-00000-00000000000000000001.parquet";
const LOGS_FILE: &str = "lake/default/logs/part-00000-00000000000000000001.parquet";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Once,
    Always,
    Slow,
    Death,
}

const FAULTS: [Fault; 4] = [Fault::Death, Fault::Once, Fault::Always, Fault::Slow];

impl Fault {
    /// EIO, three seconds, SIGKILL; before the call has done anything.
    fn as_strace_says(self, from: u32) -> String {
        match self {
            Self::Once => format!("error=EIO:when={from}"),
            Self::Always => format!("error=EIO:when={from}+"),
            Self::Slow => format!("delay_enter=3000000:when={from}"),
            Self::Death => format!("signal=SIGKILL:when={from}"),
        }
    }
}

/// The points to try every fault at: those whose name has this in it.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is for whoever starts it to say")]
fn wanted() -> Option<String> {
    let wanted = std::env::var("PLIMSOLL_FAILPOINTS").ok()?;
    Some(if wanted == "all" { String::new() } else { wanted })
}

/// With the fault only while a file says so: the process that is started after it has none.
fn armed(call: &str, file: &str, from: u32, fault: Fault) -> Setup {
    // What skips the other calls also skips this signal.
    let quick = if fault == Fault::Death { "" } else { "--seccomp-bpf" };
    let strace = format!(
        "for last; do :; done; here=\"${{last%/*}}\"; if [ -e \"$here/disarmed\" ]; then exec \"$0\" \"$@\"; fi; \
         exec strace -D -f -q {quick} -o \"$here/strace.out\" -P \"$here/data/{file}\" -e trace={call} \
         -e inject={call}:{} \"$0\" \"$@\"",
        fault.as_strace_says(from)
    );
    // Every other group begins another file of the log.
    Setup::default()
        .set("lake.flush_age", "100ms")
        .set("lake.log_segment", "4KiB")
        .started_by(&["sh", "-c", &strace])
}

/// Ends it if it lives, and starts it again without a fault.
async fn start_again(plimsoll: &mut Plimsoll) {
    fs::write(plimsoll.path("disarmed"), "").expect("room");
    if plimsoll.is_alive() {
        plimsoll.kill();
    }
    plimsoll.resume().await;
}

async fn acknowledge(plimsoll: &mut Plimsoll, oracle: &Oracle, ids: &[String]) {
    for tries in 1_usize.. {
        oracle.sending(ids);
        let events: Vec<Event> = ids.iter().map(|id| oracle::event_of(id)).collect();
        match Sender::to(&plimsoll.grpc()).try_send(events).await {
            Ok(()) => break,
            Err(refused) => assert!(tries < 10 * TRIES, "{refused}"),
        }
        if tries == TRIES || !plimsoll.is_alive() {
            start_again(plimsoll).await;
        }
        pause().await;
    }
    oracle.acknowledged(ids);
}

async fn is_flushed(plimsoll: &Plimsoll) -> bool {
    let files = "SELECT count(*) AS n FROM lake_tables WHERE files > 0";
    plimsoll.try_sql(files).await.is_some_and(|rows| rows[0]["n"] == 2)
}

async fn has_fired(plimsoll: &mut Plimsoll, fault: Fault) -> bool {
    let trace = fs::read_to_string(plimsoll.path("strace.out")).unwrap_or_default();
    match fault {
        Fault::Death => !plimsoll.is_alive() || plimsoll.path("disarmed").exists(),
        Fault::Slow => trace.contains("(DELAYED)"),
        Fault::Once | Fault::Always => trace.contains("(INJECTED)"),
    }
}

async fn check((name, call, file, from): (&str, &str, &str, u32), fault: Fault) {
    let what = format!("{name}: {fault:?}");
    let mut plimsoll = Plimsoll::start_with(armed(call, file, from, fault)).await;
    let oracle = Oracle::default();
    let epoch = oracle.begin_epoch();
    for request in 0..REQUESTS {
        let ids = oracle.issue(0, request, EVENTS_A_REQUEST);
        acknowledge(&mut plimsoll, &oracle, &ids).await;
        if request == 0 {
            // Alone in its files, so that they have the names of the points.
            eventually(&format!("{what}: the first flush"), WITHIN, async || {
                let is_over = !plimsoll.is_alive() || has_fired(&mut plimsoll, fault).await;
                (is_over || is_flushed(&plimsoll).await).then_some(())
            })
            .await;
        }
    }
    // Not all of it is flushed yet; what flushes next is reached with more rows.
    let mut more = REQUESTS;
    eventually(&format!("{what}: it happens"), WITHIN, async || {
        if has_fired(&mut plimsoll, fault).await {
            return Some(());
        }
        let ids = oracle.issue(0, more, EVENTS_A_REQUEST);
        more += 1;
        acknowledge(&mut plimsoll, &oracle, &ids).await;
        None
    })
    .await;
    if plimsoll.is_alive() {
        assert_complete(&plimsoll, &oracle, epoch, &what).await;
    }
    for life in ["first", "second"] {
        start_again(&mut plimsoll).await;
        assert_complete(&plimsoll, &oracle, epoch, &format!("{what}, {life} life after it")).await;
        let ids = oracle.issue(1, more, EVENTS_A_REQUEST);
        more += 1;
        acknowledge(&mut plimsoll, &oracle, &ids).await;
    }
}

async fn assert_complete(plimsoll: &Plimsoll, oracle: &Oracle, epoch: usize, what: &str) {
    let promise = oracle.promise(epoch);
    let rows = |table: &str, columns: &str| {
        let sql = format!("SELECT {columns} FROM {table} WHERE event_name = 'odoo.stock.picking.done'");
        async move { plimsoll.sql(&sql).await }
    };
    let events = oracle.check(&promise, &rows("business_events", oracle::COLUMNS).await);
    let records = oracle.check_records(&promise, &rows("logs", oracle::COLUMNS_OF_LOGS).await);
    assert_eq!((events, records), (Vec::new(), Vec::new()), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_loses_or_doubles_anything_however_it_fails() {
    let mut cases = Vec::new();
    let wanted = wanted();
    for (index, point) in POINTS.into_iter().enumerate() {
        let is_chosen = |number: usize| match &wanted {
            Some(name) => point.0.contains(name.as_str()),
            None => number == index % FAULTS.len(),
        };
        let faults = FAULTS.into_iter().enumerate().filter(|(number, _)| is_chosen(*number));
        cases.extend(faults.map(|(_, fault)| (point, fault)));
    }
    assert!(!cases.is_empty(), "no point is named so");
    let lane = async |number: usize| {
        for (point, fault) in cases.iter().skip(number).step_by(3) {
            Box::pin(check(*point, *fault)).await;
        }
    };
    tokio::join!(lane(0), lane(1), lane(2));
}
