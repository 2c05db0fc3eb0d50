//! A crash-safe log of opaque records: what `sync` has returned for is replayed after any crash, in order, once.
//!
//! The folder holds segments named after the sequence of their first entry, twenty digits and `.wal`, so that names
//! sort like sequences. Sequences begin at 1 and are consecutive within a segment. Numbers are little-endian.
//!
//! | part | offset | bytes | what |
//! | --- | --- | --- | --- |
//! | header | 0 | 8 | magic `PLIMSWAL` |
//! | | 8 | 4 | version, 1 |
//! | | 12 | 8 | start sequence, as in the name |
//! | | 20 | 4 | crc32 of the 20 bytes before |
//! | entry | 0 | 4 | length of the payload |
//! | | 4 | 4 | crc32 of sequence and payload |
//! | | 8 | 8 | sequence |
//! | | 16 | length | payload |
//!
//! What holds, always:
//!
//! 1. An entry is durable once `sync` has returned: the file is synced, and the folder too when the file is new.
//! 2. A file is appended to by one process life only, and never again after a failed write or fsync: the kernel may
//!    have dropped the pages it could not write. The next `sync` begins another segment.
//! 3. A segment's start sequence overrules older segments: their entries from there on are void. So a sequence whose
//!    `sync` failed is given again, and what the broken file may hold of it is void. Until that next segment exists
//!    the bytes are taken back as far as the disk lets us.
//! 4. A declared length is checked against what the file holds before anything is done with it.
//! 5. The newest segment file is never deleted, so that sequences go on where they ended.
//! 6. Damage is stepped over where the declared length leads to the intact next entry. What cannot be read is kept
//!    aside as `*.quarantine`, loudly; only the short torn end that a crash leaves is cut without keeping it.

mod disk;
mod entry;
mod log;
mod segment;

pub use disk::{Disk, LocalDisk};
pub use entry::MAX_PAYLOAD_BYTES;
pub use log::{Options, Wal, WalError};

/// The place of an entry in the log. The first is 1; 0 stands before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
