//! A second copy of each commit, with its checksum. The newest commit is the only place that names the newest files, and a
//! bit that flips in it may still be JSON: the copy tells, and puts it right.
//!
//! Copies lie in `_commits/`, which readers of Delta pass over. They are not synced: one that a power cut tears is none,
//! and the commit itself was synced before it got its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable_store::create_folders;

const FOLDER: &str = "_commits";

/// `name` is that of the file in the Delta log, `bytes` what it holds.
pub(crate) fn keep(table_folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = table_folder.join(FOLDER);
    create_folders(&folder)?;
    let mut copy = checksum(bytes).to_vec();
    copy.extend_from_slice(bytes);
    fs::write(folder.join(name), copy)
}

/// The copies that are whole: names in the Delta log and what the files must hold.
pub(crate) fn all(table_folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let folder = table_folder.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut copies = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let (name, copy) = (file.file_name(), fs::read(file.path())?);
        if let (Some(name), Some((sum, bytes))) = (name.to_str(), copy.split_first_chunk())
            && *sum == checksum(bytes)
        {
            copies.push((name.to_owned(), bytes.to_vec()));
        }
    }
    copies.sort();
    Ok(copies)
}

pub(crate) fn path(table_folder: &Path, name: &str) -> PathBuf {
    table_folder.join(FOLDER).join(name)
}

/// Of the bytes, in the order of the machine's network: `crc32` says the same.
pub(crate) fn checksum(bytes: &[u8]) -> [u8; 4] {
    crc32fast::hash(bytes).to_be_bytes()
}
