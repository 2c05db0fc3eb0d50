//! A Delta log looked over before anybody opens it, and kept short. An emptied newest commit would open as a shorter table,
//! one with a flipped bit as another, a torn one not at all. What has a whole copy is put right; anything else is moved
//! aside, and its rows come again from our log if that still has them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;

use crate::commit_copy;
use crate::durable_store::{create_folders, write_durably};

/// Commits between two checkpoints. Two checkpoints are kept, so a log holds at most twice as many.
pub(crate) const CHECKPOINT_EVERY: u64 = 100;
/// Files that one clean-up deletes at most.
const MOST_CLEANED: usize = 1000;
/// Commits that get a copy when an older version of this program wrote them.
const MOST_COPIED: usize = 256;

const COMMIT: &str = ".json";
const CHECKPOINT: &str = ".checkpoint.parquet";
/// Beside the commits' copies: four bytes, the checksum of a checkpoint.
const CHECKPOINT_SUM: &str = ".checkpoint.sum";

/// What `mend` found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    /// Moved into `_quarantine/`.
    pub(crate) quarantined: u64,
    /// Written anew from their copies.
    pub(crate) restored: u64,
}

pub(crate) fn mend(table_folder: &Path) -> io::Result<Mended> {
    let log = table_folder.join("_delta_log");
    let mut mended = Mended::default();
    if !log.is_dir() {
        return Ok(mended);
    }
    remove_staged(&log)?;
    mended.restored = restore(table_folder)?;
    mended.quarantined = quarantine_checkpoints(table_folder)? + quarantine_commits(table_folder)?;
    copy_missing(table_folder)?;
    // A process that was killed may have left a commit whose name only the system's memory holds, and on it our log is
    // trimmed.
    File::open(&log)?.sync_all()?;
    let hint = log.join("_last_checkpoint");
    // Only a hint where to begin reading: without it readers list the folder.
    if hint.is_file() && (mended != Mended::default() || !is_hint(table_folder, &fs::read(&hint)?)?) {
        fs::remove_file(&hint)?;
        File::open(&log)?.sync_all()?;
    }
    Ok(mended)
}

/// What `mend` would put right or move aside, in sentences.
pub(crate) fn inspect(table_folder: &Path) -> io::Result<Vec<String>> {
    let log = table_folder.join("_delta_log");
    let mut findings = Vec::new();
    if !log.is_dir() {
        return Ok(findings);
    }
    let copies: BTreeMap<_, _> = commit_copy::all(table_folder)?.into_iter().collect();
    for (name, bytes) in copies.iter().filter(|(name, _)| version_of(name, COMMIT).is_some()) {
        let path = log.join(name);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            findings
                .push(format!("{}: damaged, its copy is whole: the next start restores it", path.display()));
        }
    }
    for (version, path) in files(table_folder, COMMIT)? {
        if !copies.contains_key(&format!("{version:020}{COMMIT}")) && !is_whole_commit(&fs::read(&path)?) {
            findings.push(format!("{}: damaged, and there is no copy", path.display()));
        }
    }
    for (version, path) in files(table_folder, CHECKPOINT)? {
        if !is_whole_checkpoint(&path, copies.get(&format!("{version:020}{CHECKPOINT_SUM}")))? {
            findings.push(format!("{}: damaged, readers fall back to an older one", path.display()));
        }
    }
    let hint = log.join("_last_checkpoint");
    if hint.is_file() && !is_hint(table_folder, &fs::read(&hint)?)? {
        findings.push(format!("{}: torn, the next start removes it", hint.display()));
    }
    Ok(findings)
}

/// Files that were never given their name.
fn remove_staged(log: &Path) -> io::Result<()> {
    for file in fs::read_dir(log)? {
        let file = file?;
        if file.file_name().to_string_lossy().contains('#') && file.file_type()?.is_file() {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

fn restore(table_folder: &Path) -> io::Result<u64> {
    let mut restored = 0;
    for (name, bytes) in commit_copy::all(table_folder)? {
        if version_of(&name, COMMIT).is_none() {
            continue;
        }
        let path = table_folder.join("_delta_log").join(&name);
        match fs::read(&path) {
            Ok(found) if found == bytes => continue,
            Ok(_) => quarantine(table_folder, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        write_durably(&path, &bytes)?;
        tracing::error!(commit = %path.display(), "a damaged Delta commit was written anew from its copy");
        restored += 1;
    }
    Ok(restored)
}

/// An older checkpoint, or the commits since the beginning, say the same.
fn quarantine_checkpoints(table_folder: &Path) -> io::Result<u64> {
    let sums: BTreeMap<_, _> = commit_copy::all(table_folder)?.into_iter().collect();
    let mut moved = 0;
    for (version, path) in files(table_folder, CHECKPOINT)? {
        let sum = sums.get(&format!("{version:020}{CHECKPOINT_SUM}"));
        if !is_whole_checkpoint(&path, sum)? {
            quarantine(table_folder, &path)?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The first commit that can't be read, and all that build on it.
fn quarantine_commits(table_folder: &Path) -> io::Result<u64> {
    let base = newest_checkpoint(table_folder)?;
    let mut moved = 0;
    let mut before: Option<u64> = None;
    for (version, path) in files(table_folder, COMMIT)? {
        // What lies before a checkpoint is read by nobody.
        if base.is_some_and(|base| version <= base) {
            continue;
        }
        let follows = before.is_none_or(|before| version == before + 1);
        if moved > 0 || !follows || !is_whole_commit(&fs::read(&path)?) {
            quarantine(table_folder, &path)?;
            moved += 1;
        }
        before = Some(version);
    }
    Ok(moved)
}

fn copy_missing(table_folder: &Path) -> io::Result<()> {
    for (_, path) in files(table_folder, COMMIT)?.into_iter().rev().take(MOST_COPIED) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !commit_copy::path(table_folder, &name).is_file() {
            commit_copy::keep(table_folder, &name, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// The newest commit, of which a sync failed: the system may have dropped what it could not write, and syncing it once more
/// would not tell. So it is written once more.
pub(crate) fn write_again(table_folder: &Path, version: u64) -> io::Result<()> {
    let path = table_folder.join("_delta_log").join(format!("{version:020}{COMMIT}"));
    let bytes = fs::read(&path)?;
    write_durably(&path, &bytes)?;
    was_written(&path, &bytes)
}

/// Called with everything that the store has durably written.
pub(crate) fn was_written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match path.parent() {
        Some(log) if log.ends_with("_delta_log") && version_of(&name, COMMIT).is_some() => {
            commit_copy::keep(log.parent().unwrap_or(log), &name, bytes)
        }
        _ => Ok(()),
    }
}

/// Notes what a new checkpoint must hold.
pub(crate) fn seal_checkpoint(table_folder: &Path, version: u64) -> io::Result<()> {
    let path = table_folder.join("_delta_log").join(format!("{version:020}{CHECKPOINT}"));
    let sum = commit_copy::checksum(&fs::read(path)?);
    commit_copy::keep(table_folder, &format!("{version:020}{CHECKPOINT_SUM}"), &sum)
}

pub(crate) fn newest_checkpoint(table_folder: &Path) -> io::Result<Option<u64>> {
    Ok(files(table_folder, CHECKPOINT)?.last_key_value().map(|(version, _)| *version))
}

/// Deletes what lies before the checkpoint before the newest: should the newest be damaged, the one before it and the
/// commits since then still say everything. Returns how many files went.
pub(crate) fn clean(table_folder: &Path) -> io::Result<u64> {
    let checkpoints = files(table_folder, CHECKPOINT)?;
    let Some((keep_from, _)) = checkpoints.iter().rev().nth(1) else { return Ok(0) };
    let mut old = Vec::new();
    // A copy goes before its commit, or a crash in between would bring the commit back.
    for (name, _) in commit_copy::all(table_folder)? {
        let version = version_of(&name, COMMIT).or_else(|| version_of(&name, CHECKPOINT_SUM));
        if version.is_some_and(|version| version < *keep_from) {
            old.push(commit_copy::path(table_folder, &name));
        }
    }
    for ending in [COMMIT, CHECKPOINT] {
        old.extend(files(table_folder, ending)?.range(..keep_from).map(|(_, path)| path.clone()));
    }
    old.truncate(MOST_CLEANED);
    for path in &old {
        fs::remove_file(path)?;
    }
    File::open(table_folder.join("_delta_log"))?.sync_all()?;
    Ok(old.len() as u64)
}

/// The files of the log with this ending, by version.
fn files(table_folder: &Path, ending: &str) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut files = BTreeMap::new();
    for file in fs::read_dir(table_folder.join("_delta_log"))? {
        let file = file?;
        if let Some(version) = file.file_name().to_str().and_then(|name| version_of(name, ending)) {
            files.insert(version, file.path());
        }
    }
    Ok(files)
}

/// Names begin with twenty digits of the version.
fn version_of(name: &str, ending: &str) -> Option<u64> {
    let version = name.strip_suffix(ending)?;
    let is_version = version.len() == 20 && version.bytes().all(|byte| byte.is_ascii_digit());
    is_version.then(|| version.parse().ok()).flatten()
}

fn is_whole_commit(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| object(line).is_some())
}

/// Names a checkpoint that is there.
fn is_hint(table_folder: &Path, bytes: &[u8]) -> io::Result<bool> {
    let version = object(bytes).and_then(|hint| hint.get("version")?.as_u64());
    let checkpoints = files(table_folder, CHECKPOINT)?;
    Ok(version.is_some_and(|version| checkpoints.contains_key(&version)))
}

fn object(bytes: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_slice(bytes).ok()
}

fn is_whole_checkpoint(path: &Path, sum: Option<&Vec<u8>>) -> io::Result<bool> {
    if let Some(sum) = sum {
        return Ok(*sum == commit_copy::checksum(&fs::read(path)?));
    }
    Ok(ParquetMetaDataReader::new().parse_and_finish(&File::open(path)?).is_ok())
}

fn quarantine(table_folder: &Path, file: &Path) -> io::Result<()> {
    let folder = table_folder.join("_quarantine");
    create_folders(&folder)?;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let kept = free_name(&folder.join(name));
    fs::rename(file, &kept)?;
    tracing::error!(file = %file.display(), kept = %kept.display(), "a damaged file of a Delta log is moved aside");
    File::open(&folder)?.sync_all()?;
    File::open(table_folder.join("_delta_log"))?.sync_all()
}

fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| path.with_added_extension(number.to_string());
    (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests;
