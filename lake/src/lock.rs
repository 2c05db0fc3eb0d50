//! One process per lake: two would give the same sequences twice.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::LakeError;
use crate::error::at;

/// Held until dropped; the system lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(data_dir: &Path) -> Result<Self, LakeError> {
        let path = data_dir.join("lake").join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LakeError::Other(format!(
                "the data folder {} is open in another plimsoll process: stop it, or set another data_dir",
                data_dir.display()
            ))),
            Err(TryLockError::Error(error)) => Err(at(&path)(error)),
        }
    }
}
