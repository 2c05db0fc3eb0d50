//! One file on the disk, followed: what was read of it, and what came since.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The beginning of a file tells it from another one that was given the same inode.
const HEAD: u64 = 256;
/// Shorter ones may be the same by chance.
const SMALLEST_HEAD: u64 = 32;

/// What is remembered of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Followed {
    pub(crate) path: PathBuf,
    device: u64,
    inode: u64,
    /// Behind the last whole record.
    pub(crate) offset: u64,
    /// Of as many of the first bytes as there were when it was met.
    head: u64,
    head_bytes: u64,
    /// It can't be found any more since so many looks.
    #[serde(default)]
    pub(crate) gone: u32,
}

/// A file as a pattern finds it now.
#[derive(Debug)]
pub(crate) struct Found {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
}

impl Found {
    /// `None` for what is no plain file, or went away in the meantime.
    pub(crate) fn at(path: PathBuf) -> Option<Self> {
        let metadata = std::fs::metadata(&path).ok()?;
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            path,
        })
    }

    /// It was emptied since.
    pub(crate) fn is_shorter_than(&self, known: &Followed) -> bool {
        self.size < known.offset
    }

    /// What `copytruncate` made of a file before it emptied it: the same beginning under another inode, and at least as
    /// long as what was read. It is read on from there.
    pub(crate) fn continues(&self, known: &Followed) -> io::Result<Option<Followed>> {
        let is_large_enough = self.size >= known.offset.max(known.head_bytes);
        if self.is(known) || known.head_bytes < SMALLEST_HEAD || !is_large_enough {
            return Ok(None);
        }
        let is_copy = head(&self.path, known.head_bytes)? == known.head;
        Ok(is_copy.then(|| Followed {
            path: self.path.clone(),
            device: self.device,
            inode: self.inode,
            gone: 0,
            ..known.clone()
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is(&self, known: &Followed) -> bool {
        (self.device, self.inode) == (known.device, known.inode)
    }

    /// From its beginning, or from its end when it was there before us.
    pub(crate) fn follow(&self, from_end: bool) -> io::Result<Followed> {
        let head_bytes = self.size.min(HEAD);
        Ok(Followed {
            path: self.path.clone(),
            device: self.device,
            inode: self.inode,
            offset: if from_end { last_line_start(&self.path, self.size)? } else { 0 },
            head: head(&self.path, head_bytes)?,
            head_bytes,
            gone: 0,
        })
    }
}

impl Followed {
    /// Takes note of where the file is now; true when it begins anew: it was truncated, or it is another one.
    pub(crate) fn meet(&mut self, found: &Found) -> io::Result<bool> {
        self.path.clone_from(&found.path);
        self.gone = 0;
        let is_another = found.size >= self.head_bytes && head(&found.path, self.head_bytes)? != self.head;
        let begins_anew = found.size < self.offset || is_another;
        if begins_anew {
            self.offset = 0;
        }
        if begins_anew || self.head_bytes < HEAD {
            self.head_bytes = found.size.min(HEAD);
            self.head = head(&found.path, self.head_bytes)?;
        }
        Ok(begins_anew)
    }

    /// What stands behind the offset, at most `limit` bytes of it.
    pub(crate) fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != (self.device, self.inode) {
            // Rotated between looking and opening: the next look finds it by its new name.
            return Ok(Vec::new());
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What an event says about its place: the same after a rename.
    pub(crate) fn identity(&self) -> String {
        format!("{:x}-{:x}", self.device, self.inode)
    }
}

/// A hash of the first bytes.
fn head(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut read = Vec::new();
    File::open(path)?.take(bytes).read_to_end(&mut read)?;
    Ok(read
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// A line that is being written now is read from its beginning.
fn last_line_start(path: &Path, size: u64) -> io::Result<u64> {
    const WINDOW: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let start = size.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(size - start).read_to_end(&mut bytes)?;
    Ok(bytes.iter().rposition(|byte| *byte == b'\n').map_or(start, |place| start + place as u64 + 1))
}
