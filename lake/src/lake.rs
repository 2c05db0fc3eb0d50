//! The lake as the other rooms hold it: one cheap handle, behind it the log writer, the state and the Delta tables.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_model::{Clock, Original, ReadOriginal, RowsOutline, SignalBatch, Table};
use plimsoll_wal::Sequence;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::delta::DeltaFolder;
use crate::durable_store::sync_folders;
use crate::error::at;
use crate::event_ids::EventIds;
use crate::home::Home;
use crate::hot::Arrived;
use crate::late::{LateRows, Record};
use crate::lock::FolderLock;
use crate::maintain::{FlushPolicy, keep_up, maintain, probe_log};
use crate::quarantine::Quarantine;
use crate::record::{RecordReader, Trust};
use crate::replay::{HeldThrough, Replay};
use crate::rows::{admissible, all_slimmed, memory_bytes};
use crate::schemas::Schemas;
use crate::state::Shared;
use crate::tables::Tables;
use crate::upkeep::Upkeep;
use crate::writer::{Command, LogWriter};
use crate::{
    Arrivals, Config, Erased, LakeError, LakeStats, Needle, Seams, TableSnapshot, data_file, erase, record,
};

/// A file for every other append would be all names and no contents.
const LEAST_SEGMENT_BYTES: u64 = 4 << 10;

/// A flush takes no more than this many times the rows that make it due: what comes meanwhile waits for it.
const FLUSHES_AT_ONCE: usize = 5;

#[derive(Clone, Debug)]
pub struct Lake {
    inner: Arc<Inner>,
    /// How long an append may wait for room in the buffer.
    patience: Duration,
}

/// Fields are dropped in this order: the writer ends before the folder is free.
#[derive(Debug)]
struct Inner {
    writer: LogWriter,
    tables: Arc<Tables>,
    originals: Arc<dyn ReadOriginal>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    policy: FlushPolicy,
    upkeep: Mutex<Upkeep>,
    home: Home,
    _lock: FolderLock,
}

impl Lake {
    /// Opens or creates the lake and replays what the log holds beyond the newest commits. `originals` reads what
    /// `append_original` wrote; `RowsOnly` is right where nobody calls that.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        originals: Arc<dyn ReadOriginal>,
    ) -> Result<Self, LakeError> {
        Self::open_with(config, clock, originals, Seams::default()).await
    }

    pub async fn open_with(
        config: Config,
        clock: Arc<dyn Clock>,
        originals: Arc<dyn ReadOriginal>,
        seams: Seams,
    ) -> Result<Self, LakeError> {
        let home = Home::create(&config)?;
        let lock = FolderLock::take(&home)?;
        let shared = Arc::new(Shared::new(Arc::clone(&clock), config.buffer_limit_bytes));
        let (folders, held) = open_tables(&home.tables, &shared).await?;

        let replayed = Arc::clone(&shared);
        let replay_home = home.clone();
        let mut event_ids = EventIds::new(&config);
        let segment_bytes = config.log_segment_bytes.max(LEAST_SEGMENT_BYTES);
        let reader = Arc::clone(&originals);
        let replay = move || {
            event_ids.learn(&replayed.snapshot(Table::BusinessEvents).cold);
            let reader = RecordReader { schemas: Schemas::open(&replay_home.own)?, originals: reader };
            let quarantine = Quarantine::below(&replay_home.own);
            let (event_ids_of, shared) = (&mut event_ids, replayed.as_ref());
            let replay = Replay { reader, quarantine, held, segment_bytes, event_ids: event_ids_of, shared };
            let wal = replay.run(&replay_home.log, seams.log_disk)?;
            Ok::<_, LakeError>((wal, event_ids))
        };
        let replayed = tokio::task::spawn_blocking(replay).await;
        let (wal, event_ids) = replayed.map_err(|error| LakeError::Other(error.to_string()))??;
        let writer = LogWriter::spawn(wal, event_ids, Arc::clone(&shared)).map_err(at(&home.log))?;
        let tables = Arc::new(Tables {
            shared: Arc::clone(&shared),
            clock: Arc::clone(&clock),
            steps: seams.flush_steps,
            most_rows: config.flush_rows.saturating_mul(FLUSHES_AT_ONCE),
            quarantine: Quarantine::below(&home.own),
            folders,
        });
        let policy = FlushPolicy::of(&config);
        let upkeep = Mutex::new(Upkeep::new(config.upkeep, clock.now()));
        let inner = Inner { writer, tables, originals, shared, clock, policy, upkeep, home, _lock: lock };
        Ok(Self { inner: Arc::new(inner), patience: Duration::ZERO })
    }

    /// The same lake for somebody whose appends wait for a flush, this long at most, before a full buffer refuses them.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// True when it returns: every row is fsynced and visible to the next `snapshot`. All or nothing.
    pub async fn append(&self, batches: Vec<SignalBatch>) -> Result<(), LakeError> {
        self.append_recorded(batches, record::of_rows).await
    }

    /// As `append`, with the original in the log instead of its rows. `batches` are what the reader that this lake was
    /// opened with makes of `original`: after a crash they come back by asking it again.
    pub async fn append_original(
        &self,
        original: Original,
        batches: Vec<SignalBatch>,
    ) -> Result<(), LakeError> {
        let of_original = |batches: &[SignalBatch]| {
            let tables: Vec<_> = batches.iter().map(|rows| (rows.table, rows.batch.num_rows())).collect();
            record::of_original(&original, &tables)
        };
        self.append_recorded(batches, of_original).await
    }

    /// As `append_original`, with rows that are made when somebody asks for them, a query or the flush: `outline` says what
    /// the reader will make of `original`, which it has checked. Not for business events: those are looked at one by one.
    pub async fn append_outlined(&self, original: Original, outline: RowsOutline) -> Result<(), LakeError> {
        let admission = self.inner.shared.admit(outline.bytes, self.patience).await?;
        let record = Bytes::from(record::of_outlined(&original, &outline)?);
        let held = Record::Held(record.clone(), Trust::Checked);
        let rows = LateRows::of(outline, held, Arc::clone(&self.inner.originals));
        self.inner.writer.append(record, Arrived::Late(rows), admission).await
    }

    /// Encoding and compressing happen here, in as many tasks as there are, not in the one thread that writes.
    async fn append_recorded(
        &self,
        batches: Vec<SignalBatch>,
        record: impl FnOnce(&[SignalBatch]) -> Result<Vec<u8>, LakeError>,
    ) -> Result<(), LakeError> {
        let batches = all_slimmed(admissible(batches)?);
        if batches.is_empty() {
            return Ok(());
        }
        let bytes = batches.iter().map(|rows| memory_bytes(&rows.batch)).sum();
        let admission = self.inner.shared.admit(bytes, self.patience).await?;
        let record = record(&batches)?;
        self.inner.writer.append(record.into(), Arrived::Made(batches), admission).await
    }

    #[must_use]
    pub fn snapshot(&self, table: Table) -> TableSnapshot {
        self.inner.shared.snapshot(table)
    }

    #[must_use]
    pub fn arrivals(&self, table: Table, since: Sequence) -> Arrivals {
        self.inner.shared.arrivals(table, since)
    }

    #[must_use]
    pub fn stats(&self) -> LakeStats {
        let (waiting_appends, waiting_bytes, is_log_stopped) = self.inner.writer.queue();
        LakeStats { waiting_appends, waiting_bytes, is_log_stopped, ..self.inner.shared.stats() }
    }

    /// Looks whether a log that failed can be written again.
    pub(crate) async fn probe_log(&self) -> Result<(), LakeError> {
        self.inner.writer.send(Command::Probe).await
    }

    /// Writes what is buffered to Delta, whatever its size and age.
    pub async fn flush(&self) -> Result<(), LakeError> {
        self.flush_tables(Table::ALL.to_vec()).await
    }

    /// Runs flushes by size and age, and whatever keeps the tables small and whole, until `stop`; then flushes once more.
    pub async fn maintain(&self, stop: CancellationToken) {
        let Inner { policy, shared, clock, .. } = self.inner.as_ref();
        let flushes = maintain(self, *policy, shared, clock.as_ref(), stop.clone());
        let upkeep = keep_up(self, clock.as_ref(), &stop);
        tokio::join!(flushes, upkeep, probe_log(self, clock.as_ref(), &stop));
    }

    /// One pass of upkeep: at most one merge, and whatever else is due. What `maintain` does after each pause.
    pub async fn keep_house(&self, stop: &CancellationToken) -> Result<(), LakeError> {
        let inner = Arc::clone(&self.inner);
        let stop = stop.clone();
        let pass = async move {
            let passed = inner.upkeep.lock().await.pass(&inner.tables, &stop).await;
            if passed.is_err() && !stop.is_cancelled() {
                inner.shared.count(|stats| stats.upkeep.failures += 1);
            }
            passed
        };
        tokio::spawn(pass).await.map_err(|error| LakeError::Other(format!("a pass ended: {error}")))?
    }

    pub(crate) async fn upkeep_pause(&self) -> Duration {
        self.inner.upkeep.lock().await.config.pause()
    }

    /// Merges until nothing is left that is worth it, without regard to the budget.
    pub async fn compact(&self, stop: &CancellationToken) -> Result<(), LakeError> {
        let Inner { upkeep, tables, .. } = self.inner.as_ref();
        let mut upkeep = upkeep.lock().await;
        while upkeep.compact_one(tables, stop).await? {}
        for table in Table::ALL {
            tables.checkpoint(table).await?;
        }
        Ok(())
    }

    /// Lets go of what was kept long enough, and deletes files that nothing has referred to for `grace`. Zero deletes them
    /// at once: for whoever knows that nobody reads an older version.
    pub async fn vacuum(&self, grace: Duration) -> Result<(), LakeError> {
        let Inner { upkeep, tables, .. } = self.inner.as_ref();
        let mut upkeep = upkeep.lock().await;
        for table in Table::ALL {
            while upkeep.retire(tables, table).await? > 0 {}
            upkeep.vacuum(tables, table, grace).await?;
        }
        Ok(())
    }

    /// Rewrites everything that holds the rows of one person, old versions and the log included, and reads it all again to
    /// say what is left. For the last one who holds the lake: nobody may append meanwhile.
    pub async fn erase(self, needle: &Needle) -> Result<Erased, LakeError> {
        self.flush().await?;
        let inner = Arc::into_inner(self.inner);
        let busy = || LakeError::Other("the lake is still in use by somebody else".into());
        let Inner { writer, tables, home, _lock, .. } = inner.ok_or_else(busy)?;
        let mut erased = tables.erase(needle).await?;
        // Ends its thread, and with it the last hold on the log.
        drop(writer);
        let needle = needle.clone();
        let prove = move || {
            erase::forget_log(&home.log)?;
            erase::prove(&home, &needle, &mut erased).map(|()| erased)
        };
        tokio::task::spawn_blocking(prove).await.map_err(|error| LakeError::Other(error.to_string()))?
    }

    /// As a task of its own: who stops waiting for it does not stop it halfway.
    pub(crate) async fn flush_tables(&self, tables: Vec<Table>) -> Result<(), LakeError> {
        let inner = Arc::clone(&self.inner);
        let flush = async move { inner.tables.flush(&tables, &inner.writer).await };
        tokio::spawn(flush).await.map_err(|error| LakeError::Other(format!("a flush ended: {error}")))?
    }
}

async fn open_tables(
    tables: &Path,
    shared: &Shared,
) -> Result<(Vec<Mutex<DeltaFolder>>, HeldThrough), LakeError> {
    let mut folders = Vec::with_capacity(Table::ALL.len());
    let mut through = HeldThrough::default();
    for table in Table::ALL {
        let (folder, mended) = Box::pin(DeltaFolder::open(tables.join(table.name()), table)).await?;
        let held = folder.held().await?;
        through[table as usize] = held.through;
        let (files, damaged) = data_file::sound(held.files);
        shared.restored(table, held.through, files);
        shared.count(|stats| {
            stats.quarantined += mended.quarantined;
            stats.upkeep.restored_commits += mended.restored;
            stats.upkeep.damaged_files += damaged.files;
            stats.upkeep.damaged_rows += damaged.rows;
        });
        folders.push(Mutex::new(folder));
    }
    sync_folders(tables.ancestors().take(3)).map_err(at(tables))?;
    Ok((folders, through))
}
