//! Log records that gave fewer rows than were acknowledged, a file each: kept for a person, counted, never in the way
//! of the records behind them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use plimsoll_wal::Sequence;

use crate::LakeError;
use crate::durable_store::create_folders;
use crate::error::at;

/// Beyond these a record is no longer copied: a disk that is full of evidence helps nobody.
pub(crate) const FOLDER: &str = "quarantine";
const MAX_FILES: usize = 1000;
const MAX_BYTES: u64 = 1 << 30;

#[derive(Clone, Debug)]
pub(crate) struct Quarantine {
    folder: PathBuf,
}

impl Quarantine {
    pub(crate) fn below(own: &Path) -> Self {
        Self { folder: own.join(FOLDER) }
    }

    /// True when it returns `Ok`: the record is durably in a file of its own, or the error log says that it is not.
    pub(crate) fn keep(&self, sequence: Sequence, record: &[u8], reason: &str) -> Result<(), LakeError> {
        let path = self.folder.join(format!("{:020}.record", sequence.0));
        let (kept, sequence, bytes) = (path.display(), sequence.0, record.len());
        if self.has_room_for(record).map_err(at(&self.folder))? {
            tracing::error!(reason, sequence, bytes, %kept, "a log record is kept aside");
            return self.write(&path, record).map_err(at(&path));
        }
        let folder = self.folder.display();
        tracing::error!(reason, sequence, bytes, %folder, "a log record is lost: the quarantine is full, look into it and empty it");
        Ok(())
    }

    fn has_room_for(&self, record: &[u8]) -> io::Result<bool> {
        create_folders(&self.folder)?;
        let (mut files, mut bytes) = (1, record.len() as u64);
        for file in fs::read_dir(&self.folder)? {
            files += 1;
            bytes += file?.metadata()?.len();
        }
        Ok(files <= MAX_FILES && bytes <= MAX_BYTES)
    }

    /// The same record comes again at each start until the log is trimmed: one file is enough.
    fn write(&self, path: &Path, record: &[u8]) -> io::Result<()> {
        if fs::read(path).is_ok_and(|kept| kept == record) {
            return Ok(());
        }
        let mut file = File::create(path)?;
        file.write_all(record)?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quarantine_is_bounded() {
        let data_dir = tempfile::tempdir().expect("a folder");
        let quarantine = Quarantine::below(data_dir.path());
        quarantine.keep(Sequence(1), b"one", "for a test").expect("room");
        for other in 2..MAX_FILES {
            fs::write(quarantine.folder.join(other.to_string()), b"").expect("room");
        }
        quarantine.keep(Sequence(2), b"the last", "for a test").expect("room");
        quarantine.keep(Sequence(3), b"too many", "for a test").expect("told, not an error");
        assert_eq!(fs::read_dir(&quarantine.folder).expect("there").count(), MAX_FILES);
        let kept = fs::read(quarantine.folder.join("00000000000000000001.record")).expect("kept");
        assert_eq!(kept, b"one");
    }
}
