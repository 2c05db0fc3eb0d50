//! A look at a Delta log before anybody opens it. An emptied newest commit would open as a shorter table, a torn one not
//! at all; both are moved aside, and their rows come again from our log, which is trimmed only behind durable commits.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::durable_store::create_folders;

/// Moves unreadable files at the end of the log into `_quarantine/`; returns how many.
pub(crate) fn mend(table_folder: &Path) -> io::Result<u64> {
    let log = table_folder.join("_delta_log");
    if !log.is_dir() {
        return Ok(0);
    }
    let mut moved = 0;
    while let Some(newest) = newest(&log, ".json")?
        && !is_whole_commit(&fs::read(&newest)?)
    {
        quarantine(table_folder, &newest)?;
        moved += 1;
    }
    while let Some(newest) = newest(&log, ".checkpoint.parquet")?
        && !is_whole_parquet(&fs::read(&newest)?)
    {
        quarantine(table_folder, &newest)?;
        moved += 1;
    }
    // Only a hint where to begin reading: without it readers list the folder.
    let hint = log.join("_last_checkpoint");
    if hint.is_file() && (moved > 0 || !is_json(&fs::read(&hint)?)) {
        fs::remove_file(&hint)?;
        File::open(&log)?.sync_all()?;
    }
    Ok(moved)
}

/// Names begin with twenty digits of the version, so the last by name is the newest.
fn newest(log: &Path, ending: &str) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for file in fs::read_dir(log)? {
        let file = file?;
        let name = file.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(ending));
        if version.is_some_and(|version| version.len() == 20 && version.bytes().all(|b| b.is_ascii_digit())) {
            newest = newest.max(Some(file.path()));
        }
    }
    Ok(newest)
}

fn is_whole_commit(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(is_json)
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_ok()
}

fn is_whole_parquet(bytes: &[u8]) -> bool {
    bytes.len() > 12 && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")
}

fn quarantine(table_folder: &Path, file: &Path) -> io::Result<()> {
    let folder = table_folder.join("_quarantine");
    create_folders(&folder)?;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let kept = free_name(&folder.join(name));
    fs::rename(file, &kept)?;
    tracing::error!(commit = %file.display(), kept = %kept.display(), "a damaged Delta commit is moved aside, its rows come again from the log");
    File::open(&folder)?.sync_all()?;
    File::open(table_folder.join("_delta_log"))?.sync_all()
}

fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| path.with_added_extension(number.to_string());
    (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(newest: &[u8], is_kept: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("_delta_log");
        fs::create_dir(&log).expect("new");
        fs::write(log.join("00000000000000000000.json"), "{\"protocol\":{}}\n{\"metaData\":{}}\n")
            .expect("room");
        let commit = log.join("00000000000000000001.json");
        fs::write(&commit, newest).expect("room");

        let moved = mend(folder.path()).expect("readable");
        assert_eq!((moved, commit.exists()), (u64::from(!is_kept), is_kept));
        assert!(log.join("00000000000000000000.json").exists());
        assert_eq!(folder.path().join("_quarantine/00000000000000000001.json.1").exists(), !is_kept);
    }

    #[test]
    fn an_empty_or_torn_newest_commit_is_moved_aside() {
        let whole = b"{\"commitInfo\":{}}\n{\"add\":{\"path\":\"x\"}}\n";
        check(whole, true);
        check(&whole[..whole.len() - 1], true);
        check(b"", false);
        check(&whole[..20], false);
        check(&[0; 300], false);
    }
}
