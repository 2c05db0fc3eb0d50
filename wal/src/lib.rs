//! A crash-safe log of opaque records: what `sync` has returned for is replayed after any crash, in order, once.
//!
//! The folder holds segments named after the sequence of their first entry, twenty digits and `.wal`, so that names
//! sort like sequences. Sequences begin at 1 and are consecutive within a segment. Numbers are little-endian.
//!
//! | part | offset | bytes | what |
//! | --- | --- | --- | --- |
//! | header | 0 | 8 | magic `PLIMSWAL` |
//! | | 8 | 4 | version, 2 |
//! | | 12 | 8 | start sequence, as in the name |
//! | | 20 | 4 | crc32 of the 20 bytes before |
//! | entry | 0 | 4 | length of the payload |
//! | | 4 | 4 | crc32 of start sequence, synced, sequence and payload |
//! | | 8 | 8 | sequence |
//! | | 16 | 8 | synced: through here the log was durable when this was written |
//! | | 24 | length | payload |
//!
//! In version 1, which is still read, an entry has no `synced`, nor does its checksum know the start. Behind the last
//! entry a file may hold zeros, or what was in it before: `*.spare` files are those of trimmed segments, to be written
//! over.
//!
//! What holds, always:
//!
//! 1. An entry is durable once `sync` has returned: the file is synced, and the folder too when the file is new.
//! 2. A file is appended to by one process life only, and never again after a failed write or fsync: the kernel may
//!    have dropped the pages it could not write, and a second fsync would not tell.
//! 3. A segment's start sequence overrules older segments: their entries from there on are void. So a sequence whose
//!    `sync` failed is given again, and what the broken file may hold of it is void: the next segment begins before
//!    the failure is told, or, when the disk does not let it, before anything else is written.
//! 4. A declared length is checked against what the file holds before anything is done with it.
//! 5. The newest segment file is never deleted, so that sequences go on where they ended.
//! 6. Behind damage the next intact entry is looked for. What is damaged is loss, kept aside as `*.quarantine` and
//!    told loudly, when a later entry or segment witnesses that it had been durable; else it is the torn end that a
//!    crash leaves. Of the very last group nobody can witness: there, damage looks like a torn end.

mod disk;
mod entry;
mod files;
mod log;
mod place;
mod reader;
mod replay;
mod segment;

pub use disk::{Disk, LocalDisk};
pub use entry::MAX_PAYLOAD_BYTES;
pub use log::{Options, Wal, WalError};
pub use place::Place;
pub use replay::Entry;

/// The place of an entry in the log. The first is 1; 0 stands before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
