//! The thread that owns the log: it gathers what waits, syncs once, makes it visible, and answers everybody. No delay is
//! added on purpose: while one sync runs, the next group gathers by itself, encoded and compressed by its senders. A
//! moment in which nothing waits goes into making the next sync cheaper.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use bytes::Bytes;
use plimsoll_wal::{Sequence, Wal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::LakeError;
use crate::event_ids::EventIds;
use crate::hot::Arrived;
use crate::room::Admission;
use crate::state::Shared;

/// Appends that may wait, and the kilobytes of their records; more wait in their senders.
const WAITING: usize = 256;
const WAITING_KIB: u32 = 32 << 10;
/// A group does not gather beyond this: where twice the bytes begin to take twice the time (see `wal/benches`).
const GROUP_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) record: Bytes,
    pub(crate) arrived: Arrived,
    pub(crate) admission: Admission,
    pub(crate) answer: oneshot::Sender<Result<(), LakeError>>,
    /// Given back when the record is in its group.
    pub(crate) waiting: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(crate) enum Command {
    Append(Append),
    /// Rows through here are durable elsewhere.
    Truncate(Sequence),
    /// Look whether a log that failed can be written again: without this, only a sender who comes back would find out.
    Probe,
}

/// Dropping it ends the thread, after everything that was sent.
#[derive(Debug)]
pub(crate) struct LogWriter {
    commands: Option<mpsc::Sender<Command>>,
    waiting: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    pub(crate) fn spawn(wal: Wal, event_ids: EventIds, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (commands, receiver) = mpsc::channel(WAITING);
        let worker = Worker { wal, event_ids, shared, receiver, is_failing: false };
        let thread = Builder::new().name("plimsoll-wal".into()).spawn(move || worker.run())?;
        let waiting = Arc::new(Semaphore::new(WAITING_KIB as usize));
        Ok(Self { commands: Some(commands), waiting, thread: Some(thread) })
    }

    /// Returns when the record is durable and visible, or refused.
    pub(crate) async fn append(
        &self,
        record: Bytes,
        arrived: Arrived,
        admission: Admission,
    ) -> Result<(), LakeError> {
        // One that is larger than all the room waits until it is alone.
        let kib = u32::try_from(record.len() >> 10).unwrap_or(WAITING_KIB).clamp(1, WAITING_KIB);
        let waiting = Arc::clone(&self.waiting).acquire_many_owned(kib).await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Append(Append { record, arrived, admission, answer, waiting })).await?;
        answered.await.map_err(|_| stopped())?
    }

    /// Appends and the bytes of their records that wait, and whether anybody is left to take them.
    pub(crate) fn queue(&self) -> (usize, usize, bool) {
        let capacity = self.commands.as_ref().map_or(0, mpsc::Sender::capacity);
        let free_kib = self.waiting.available_permits();
        let is_stopped = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        (WAITING - capacity, (WAITING_KIB as usize - free_kib) << 10, is_stopped)
    }

    pub(crate) async fn send(&self, command: Command) -> Result<(), LakeError> {
        let commands = self.commands.as_ref().expect("taken only on drop");
        commands.send(command).await.map_err(|_| stopped())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.commands = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the log writer had panicked");
        }
    }
}

pub(crate) fn stopped() -> LakeError {
    LakeError::Unavailable("the log writer has stopped; restart plimsoll".into())
}

struct Worker {
    wal: Wal,
    event_ids: EventIds,
    shared: Arc<Shared>,
    receiver: mpsc::Receiver<Command>,
    is_failing: bool,
}

impl Worker {
    fn run(mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            let mut group = Vec::new();
            let mut bytes = self.take(first, &mut group);
            while bytes < GROUP_BYTES
                && let Ok(command) = self.receiver.try_recv()
            {
                bytes += self.take(command, &mut group);
            }
            self.shared.log_is_busy();
            self.commit(group);
            if self.receiver.is_empty() {
                self.wal.prepare();
            }
        }
    }

    /// Appends join the group, everything else is done at once. Returns the bytes that joined.
    fn take(&mut self, command: Command, group: &mut Vec<Append>) -> usize {
        match command {
            Command::Append(append) => {
                let bytes = append.record.len();
                group.push(append);
                bytes
            }
            Command::Truncate(sequence) => {
                self.trim(sequence, group.is_empty());
                0
            }
            Command::Probe => {
                if self.is_failing && self.wal.probe().is_ok() {
                    self.recovered(0);
                }
                0
            }
        }
    }

    /// With everything in files and nobody waiting, the log gives back the room that it keeps for more.
    fn trim(&mut self, through: Sequence, is_idle: bool) {
        let mut trimmed = self.wal.truncate_through(through);
        if trimmed.is_ok() && is_idle && self.receiver.is_empty() {
            trimmed = self.wal.rest(through);
        }
        if let Err(error) = trimmed {
            tracing::warn!(%error, "could not trim the log, trying again after the next flush");
        }
    }

    fn commit(&mut self, group: Vec<Append>) {
        let mut durable = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        let mut bytes = 0;
        for append in group {
            let appended = self.wal.append(&append.record);
            drop(append.waiting);
            match appended {
                Ok(sequence) => {
                    bytes += append.record.len() as u64;
                    durable.push((sequence, append.arrived, append.admission));
                    answers.push(append.answer);
                }
                Err(error) => answer(append.answer, Err(error.into())),
            }
        }
        if durable.is_empty() {
            return;
        }
        match self.wal.sync() {
            Ok(()) => {
                self.recovered(bytes);
                self.drop_duplicate_events(&mut durable);
                self.shared.publish(durable);
                answers.into_iter().for_each(|sender| answer(sender, Ok(())));
            }
            Err(error) => {
                self.failed(&error);
                drop(durable);
                let reason = error.to_string();
                answers
                    .into_iter()
                    .for_each(|sender| answer(sender, Err(LakeError::Unavailable(reason.clone()))));
            }
        }
    }

    /// In the order of the log, and only now that the group is in it: a replay comes to the same.
    fn drop_duplicate_events(&mut self, group: &mut [(Sequence, Arrived, Admission)]) {
        let keep_first = |arrived: &mut Arrived| match arrived {
            Arrived::Made(batches) => self.event_ids.keep_first(batches),
            // Of telemetry only: no event is among them.
            Arrived::Late(_) => 0,
        };
        let duplicates: u64 = group.iter_mut().map(|(_, arrived, _)| arrived).map(keep_first).sum();
        if duplicates > 0 {
            self.shared.count(|stats| stats.duplicate_events += duplicates);
        }
    }

    fn failed(&mut self, error: &plimsoll_wal::WalError) {
        self.shared.count(|stats| {
            stats.log_failures += 1;
            stats.is_log_failing = true;
            stats.log_busy_since = None;
        });
        if !self.is_failing {
            tracing::error!(%error, "the log can't be written, appends are refused until it can");
        }
        self.is_failing = true;
    }

    fn recovered(&mut self, bytes: u64) {
        self.shared.count(|stats| {
            stats.log_bytes += bytes;
            stats.is_log_failing = false;
        });
        if self.is_failing {
            tracing::info!("the log can be written again");
        }
        self.is_failing = false;
    }
}

/// Who no longer waits for an answer does not get one.
fn answer(sender: oneshot::Sender<Result<(), LakeError>>, outcome: Result<(), LakeError>) {
    drop(sender.send(outcome));
}
