//! One process per lake: two would give the same sequences twice.

use std::fs::{File, TryLockError};

use crate::LakeError;
use crate::error::at;
use crate::home::Home;

/// Held until dropped; the system lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(home: &Home) -> Result<Self, LakeError> {
        let path = home.own.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LakeError::Other(format!(
                "the data folder {} is open in another plimsoll process: stop it, or set another data_dir",
                home.data_dir.display()
            ))),
            Err(TryLockError::Error(error)) => Err(at(&path)(error)),
        }
    }
}
