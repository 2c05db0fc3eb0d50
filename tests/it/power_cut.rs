//! A power cut at any moment of a run of the real process. `strace` writes down what it asks of its files; from that the
//! disk is rebuilt as a cut may leave it: everything synced, and of the rest what a disk likes to keep. Each rebuild must
//! open, hold what was acknowledged by then, once, as it was sent, and nothing that was never sent.
//!
//! A few dozen cuts here; `PLIMSOLL_CUTS=3000` makes it the long run, of five hundred commits and more.

mod disk;
mod trace;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_collector::OtlpReader;
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, ManualClock, Timestamp};
use plimsoll_query::QueryEngine;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::{Plimsoll, Scrape, Sender, Setup, eventually, now_unix_nanos, pause};
use crate::kill::oracle::{self, Oracle, Promise};
use disk::{Disk, Kept};
use trace::{Call, What};

const CUTS: usize = 40;
const CLIENTS: usize = 3;
const EVENTS_A_REQUEST: usize = 5;
const WITHIN: Duration = Duration::from_secs(1800);

/// What was acknowledged, and when its sender knew.
type Acknowledged = Arc<Mutex<Vec<(u64, Vec<String>)>>>;

/// A run of the process that is over, and all that is known about it.
struct Run {
    plimsoll: Plimsoll,
    lives: usize,
    calls: Vec<Call>,
    oracle: Oracle,
    epoch: usize,
    acknowledged: Vec<(u64, Vec<String>)>,
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs is for whoever starts it to say")]
fn cuts() -> usize {
    std::env::var("PLIMSOLL_CUTS").map_or(CUTS, |cuts| cuts.parse().expect("a number of cuts"))
}

/// The long run is one of five hundred commits, however few cuts are made in it.
fn commits(cuts: usize) -> usize {
    if cuts > CUTS { 510 } else { cuts / 4 }
}

/// `-D` makes the process our child and `strace` its companion, so that killing and asking go to the process. What it
/// writes lies beside the configuration, which is named last.
fn traced(setup: Setup, more: &str) -> Setup {
    let strace = format!(
        "for last; do :; done; exec strace -D -f -ttt -y --seccomp-bpf --strings-in-hex=non-ascii-chars -s 300000000 \
         -o \"${{last%/*}}/strace.$$.out\" -e {} {more} \"$0\" \"$@\"",
        trace::CALLS
    );
    setup.started_by(&["sh", "-c", &strace])
}

async fn send_until(
    stop: CancellationToken,
    endpoint: String,
    client: usize,
    oracle: Oracle,
    done: Acknowledged,
) {
    let mut sender = Sender::to(&endpoint);
    for request in 0_usize.. {
        let ids = oracle.issue(client, request, EVENTS_A_REQUEST);
        loop {
            if stop.is_cancelled() {
                return;
            }
            oracle.sending(&ids);
            if sender.try_send(ids.iter().map(|id| oracle::event_of(id)).collect()).await.is_ok() {
                break;
            }
            pause().await;
        }
        let now = now_unix_nanos() / 1_000;
        done.lock().unwrap_or_else(PoisonError::into_inner).push((now, ids));
        pause().await;
    }
}

/// So many commits to Delta, in lives that each end with `kill -9`: what the killed process had not synced is still
/// in the system's memory, and the next one sees it.
async fn run(commits: usize, lives: usize, more: &str) -> Run {
    // A small log file, so that the log is trimmed all the time.
    let setup = Setup::default()
        .set("lake.flush_age", "50ms")
        .set("lake.log_segment", "8KiB")
        .set("lake.compactions_per_hour", 3600);
    let mut plimsoll = Plimsoll::start_with(traced(setup, more)).await;
    let (oracle, done, stop) = (Oracle::default(), Acknowledged::default(), CancellationToken::new());
    let epoch = oracle.begin_epoch();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (oracle, done) = (oracle.clone(), Arc::clone(&done));
        clients.spawn(send_until(stop.clone(), plimsoll.grpc(), client, oracle, done));
    }
    let mut calls = Vec::new();
    for life in 1..=lives {
        enough_commits(&plimsoll, commits / lives).await;
        plimsoll.kill();
        let so_far = calls.last().map_or(0, |call: &Call| call.ended + 1);
        let more = written_down(&plimsoll).await.into_iter();
        calls.extend(more.map(|call| Call {
            began: call.began + so_far,
            ended: call.ended + so_far,
            ..call
        }));
        if life < lives {
            plimsoll.resume().await;
        }
    }
    stop.cancel();
    clients.join_all().await;
    let acknowledged = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    Run { plimsoll, lives, calls, oracle, epoch, acknowledged }
}

async fn enough_commits(plimsoll: &Plimsoll, commits: usize) {
    eventually("enough is flushed, and something is merged", WITHIN, async || {
        let scrape = Scrape::of(plimsoll).await;
        let merges = scrape.number("plimsoll_lake_compactions_total");
        (scrape.number("plimsoll_lake_flushes_total") + merges >= commits as f64 && merges > 0.0)
            .then_some(())
    })
    .await;
}

async fn written_down(plimsoll: &Plimsoll) -> Vec<Call> {
    let file = plimsoll.path(&format!("strace.{}.out", plimsoll.pid()));
    let trace = eventually("strace has written all of it down", WITHIN, async || {
        let trace = std::fs::read_to_string(&file).expect("it writes");
        trace.trim_end().ends_with("+++ killed by SIGKILL +++").then_some(trace)
    })
    .await;
    let data = plimsoll.path("data");
    let [log, lake] = [data.join("wal"), data.join("lake")];
    trace::read(&trace, &|path| path == data || path.starts_with(&log) || path.starts_with(&lake))
}

impl Run {
    /// Before each sync, when most is uncertain, and right after it, when most was just promised. Where syncs failed, what
    /// came right behind is looked at before all else.
    fn moments(&self, cuts: usize) -> Vec<usize> {
        let is_sync = |what: &What| matches!(what, What::Sync { .. });
        let failed = |what: &What| matches!(what, What::Sync { is_ok: false, .. });
        let mut since_failure = usize::MAX;
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (index, call) in self.calls.iter().enumerate().skip(1) {
            since_failure = if failed(&call.what) { 0 } else { since_failure.saturating_add(1) };
            if is_sync(&call.what) || is_sync(&self.calls[index - 1].what) {
                if since_failure < 20 { near.push(index) } else { far.push(index) }
            }
        }
        let share = |moments: Vec<usize>, most: usize| {
            let step = (moments.len() / most.max(1)).max(1);
            moments.into_iter().step_by(step)
        };
        let half = cuts.min(near.len()) / 2;
        let mut chosen: Vec<_> = share(near, half).chain(share(far, cuts - half)).collect();
        chosen.sort_unstable();
        chosen
    }

    fn promise(&self, moment: usize) -> Promise {
        let now = self.calls[moment].time_micros;
        let by_then = self.acknowledged.iter().filter(|(time, _)| *time <= now);
        Promise::of(self.epoch, by_then.flat_map(|(_, ids)| ids.clone()).collect())
    }

    async fn check(&self, disk: &Disk, moment: usize, kept: Kept, dice: &mut Dice) {
        let what = format!("cut before call {moment} of {}, {kept:?}", self.calls.len());
        let folder = tempfile::tempdir().expect("a folder");
        let contents = disk.after_the_cut(kept, |sides| dice.below(sides));
        contents.put_down(&self.plimsoll.path("data"), folder.path());
        let promise = self.promise(moment);
        for life in ["first", "second"] {
            let (lake, engine) = open(folder.path()).await;
            let stats = lake.stats();
            let damage = (stats.quarantined, stats.lost_log_entries, stats.upkeep.damaged_files);
            assert_eq!(damage, (0, 0, 0), "{what}, {life} life: a power cut is no damage");
            let events =
                self.oracle.check(&promise, &rows(&engine, "business_events", oracle::COLUMNS).await);
            let records = rows(&engine, "logs", oracle::COLUMNS_OF_LOGS).await;
            // What was refused must not come back beside its retry; what a killed process left without an answer may.
            let records = match self.lives {
                1 => self.oracle.check(&promise, &records),
                _ => self.oracle.check_records(&promise, &records),
            };
            for (table, faults) in [("business_events", events), ("logs", records)] {
                let first = faults.first();
                assert!(
                    faults.is_empty(),
                    "{what}, {life} life, {table}: {} faults, {first:?}",
                    faults.len()
                );
            }
            if dice.below(3) > 0 {
                return;
            }
            lake.flush().await.expect("the disk is fine");
        }
    }
}

async fn open(folder: &Path) -> (Lake, QueryEngine) {
    let now = i64::try_from(now_unix_nanos()).expect("before 2262");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_nanos(now)));
    let config = plimsoll_lake::Config { data_dir: folder.to_owned(), ..plimsoll_lake::Config::default() };
    let lake =
        Lake::open(config, Arc::clone(&clock), Arc::new(OtlpReader)).await.expect("every rebuild opens");
    let config =
        plimsoll_query::Config { spill_dir: folder.join("spill"), ..plimsoll_query::Config::default() };
    let engine = QueryEngine::new(config, lake.clone(), Vec::new(), clock).expect("the engine starts");
    (lake, engine)
}

async fn rows(engine: &QueryEngine, table: &str, columns: &str) -> Vec<Value> {
    let sql = format!("SELECT {columns} FROM {table} WHERE event_name = 'odoo.stock.picking.done'");
    let answer = engine.sql(&sql, &[]).await.expect("an answer");
    serde_json::from_slice(&answer.to_json().expect("JSON")).expect("an array of rows")
}

/// Chance that repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

async fn cut_everywhere(run: &Run, cuts: usize) {
    let chosen = run.moments(cuts);
    assert!(chosen.len() >= cuts / 2, "only {} moments", chosen.len());
    let (mut disk, mut applied) = (Disk::default(), 0);
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    for (index, moment) in chosen.into_iter().enumerate() {
        for call in &run.calls[applied..moment] {
            disk.apply(call);
        }
        applied = moment;
        let kept = [Kept::Some, Kept::OnlySynced, Kept::Some, Kept::Names, Kept::Some, Kept::Torn][index % 6];
        run.check(&disk, moment, kept, &mut dice).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_power_cut_leaves_the_lake_holds_what_was_acknowledged_once() {
    let cuts = cuts();
    let run = run(commits(cuts), 3, "").await;
    assert!(run.acknowledged.len() >= cuts / 2, "{} requests were acknowledged", run.acknowledged.len());
    cut_everywhere(&run, cuts).await;
}

/// Every so often the disk says that it could not sync: of what that was about nothing is certain any more, and nobody
/// may count on it because a later sync of the same file went well.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_matter_which_syncs_had_failed_before() {
    let cuts = cuts();
    let fail = "-e inject=fsync:error=EIO:when=70+7 -e inject=fdatasync:error=EIO:when=9+11";
    let run = run(commits(cuts), 1, fail).await;
    let failed = run.calls.iter().filter(|call| matches!(call.what, What::Sync { is_ok: false, .. })).count();
    assert!(failed >= cuts / 10, "{failed} syncs failed");
    cut_everywhere(&run, cuts).await;
}
