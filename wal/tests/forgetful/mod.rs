//! A disk without its slow part: for folders that are looked at and thrown away.

use std::fs::File;
use std::io;
use std::path::Path;

use plimsoll_wal::{Disk, LocalDisk};

#[derive(Debug)]
pub(crate) struct Forgetful;

impl Disk for Forgetful {
    fn create(&self, path: &Path) -> io::Result<File> {
        LocalDisk.create(path)
    }

    fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        LocalDisk.write_at(file, offset, bytes)
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}
