//! A place to run statements: threads, memory, spill space and a number of turns that no other lane can take.
//!
//! People and rules have a lane each, so that a flood of console queries starves no rule, and a loop that doesn't yield
//! blocks neither ingest nor alerting: a lane's threads are nobody else's.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{METADATA_CACHE_BYTES, WAITING_STATEMENTS};
use crate::objects::LakeFiles;
use crate::{Config, QueryError};

/// The longest chain of terms that the fence lets pass needs about a tenth of this in a debug build.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// How DataFusion begins the names of its folders.
const SPILL_PREFIX: &str = "datafusion-";

#[derive(Debug)]
pub(crate) struct Lane {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    environment: Arc<RuntimeEnv>,
    turns: Arc<Semaphore>,
    waiting: Semaphore,
    turn_count: usize,
    refused: AtomicU64,
    timeout: Duration,
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStats {
    pub name: &'static str,
    /// Statements that have their turn.
    pub running: usize,
    /// Statements that wait for it.
    pub waiting: usize,
    /// Because too many waited.
    pub refused: u64,
}

impl Lane {
    pub(crate) fn new(name: &str, turns: usize, config: &Config) -> Result<Self, QueryError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(parallelism())
            .thread_stack_size(STACK_BYTES)
            .thread_name(name)
            .enable_all()
            .build()
            .map_err(|error| QueryError::Internal(format!("can't start threads for {name}: {error}")))?;
        Ok(Self {
            runtime: Some(runtime),
            environment: environment(config)?,
            turns: Arc::new(Semaphore::new(turns)),
            waiting: Semaphore::new(turns + WAITING_STATEMENTS),
            turn_count: turns,
            refused: AtomicU64::new(0),
            timeout: config.timeout,
        })
    }

    pub(crate) fn environment(&self) -> Arc<RuntimeEnv> {
        Arc::clone(&self.environment)
    }

    pub(crate) fn stats(&self, name: &'static str) -> LaneStats {
        let running = self.turn_count - self.turns.available_permits();
        let inside = self.turn_count + WAITING_STATEMENTS - self.waiting.available_permits();
        LaneStats {
            name,
            running,
            waiting: inside.saturating_sub(running),
            refused: self.refused.load(Relaxed),
        }
    }

    #[cfg(test)]
    pub(crate) fn free_turns(&self) -> usize {
        self.turns.available_permits()
    }

    /// Runs `work` in this lane's threads when its turn comes. Whoever drops the returned future cancels the work: its
    /// task is aborted, and the token tells it where it can't be.
    pub(crate) async fn run<T, F>(&self, work: impl FnOnce(CancellationToken) -> F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, QueryError>> + Send + 'static,
    {
        let Ok(_place) = self.waiting.try_acquire() else {
            self.refused.fetch_add(1, Relaxed);
            return Err(QueryError::Limit(
                "too many statements are waiting for their turn: try again later".to_owned(),
            ));
        };
        let stop = CancellationToken::new();
        let work = work(stop.clone());
        let _stop_when_dropped = stop.drop_guard();
        match tokio::time::timeout(self.timeout, self.take_turn(work)).await {
            Ok(result) => result,
            Err(_) => Err(QueryError::Limit(format!(
                "stopped after {:?}, the time limit (query.timeout): narrow the time range or aggregate",
                self.timeout
            ))),
        }
    }

    async fn take_turn<T, F>(&self, work: F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, QueryError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the semaphore is never closed");
        let runtime = self.runtime.as_ref().expect("it is there until drop");
        // The turn travels with the work: what a deadline left behind still counts until it is really gone.
        let mut task = AbortOnDrop(runtime.spawn(async move {
            let result = work.await;
            drop(turn);
            result
        }));
        match (&mut task.0).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "a statement brought its task down");
                Err(QueryError::Internal(
                    "the statement failed inside the engine; the log has the reason".to_owned(),
                ))
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Waiting for the threads here would block, and panic, inside of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Removes what a process that was killed left behind. Nothing but the engine's own folders, whatever `dir` is.
pub(crate) fn clear_spill(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SPILL_PREFIX)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "a spill folder of an earlier run can't be removed");
        }
    }
}

fn environment(config: &Config) -> Result<Arc<RuntimeEnv>, QueryError> {
    let consumers_named_in_errors = NonZeroUsize::MIN;
    let pool =
        TrackConsumersPool::new(FairSpillPool::new(config.memory_limit_bytes), consumers_named_in_errors);
    std::fs::create_dir_all(&config.spill_dir).map_err(|error| {
        QueryError::Internal(format!("can't make the spill folder {}: {error}", config.spill_dir.display()))
    })?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![config.spill_dir.clone()]))
        .with_max_temp_directory_size(config.spill_limit_bytes);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(disk)
        .with_metadata_cache_limit(METADATA_CACHE_BYTES)
        .with_object_store_registry(Arc::new(LakeFiles::default()))
        .build_arc()?;
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_engines_own_folders_are_cleared() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["datafusion-left", "somebody-elses"] {
            std::fs::create_dir(dir.path().join(name)).expect("made");
        }
        clear_spill(dir.path());
        assert!(!dir.path().join("datafusion-left").exists());
        assert!(dir.path().join("somebody-elses").exists());
    }
}
