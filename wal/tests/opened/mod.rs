//! Any bytes as the files of a log: they open or are refused, never panic, and open the second time as the first.

use std::fs;
use std::path::Path;

use plimsoll_wal::{Options, Wal, WalError};

use crate::forgetful::Forgetful;

type Entries = Vec<(u64, Vec<u8>)>;

/// The first byte says where the second segment starts, the next two how many bytes the first one has.
pub(crate) fn check(input: &[u8]) {
    let Some(([start, low, high], bytes)) = input.split_first_chunk() else { return };
    let first = usize::from(u16::from_le_bytes([*low, *high])).min(bytes.len());
    let folder = tempfile::tempdir().expect("a folder");
    let segment = |start: u8| folder.path().join(format!("{start:020}.wal"));
    fs::write(segment(1), &bytes[..first]).expect("room");
    if *start > 1 {
        fs::write(segment(*start), &bytes[first..]).expect("room");
    }

    // A newer version is refused, and that is all that may be.
    let Ok((mut wal, entries)) = open(folder.path()) else { return };
    let sequences: Vec<_> = entries.iter().map(|(sequence, _)| *sequence).collect();
    assert!(sequences.is_sorted_by(|before, next| before < next), "{sequences:?}");

    let next = wal.append(b"appended").expect("small");
    wal.sync().expect("the disk is fine");
    drop(wal);
    let again = open(folder.path()).expect("it has opened before").1;
    let expected: Entries = entries.into_iter().chain([(next.0, b"appended".to_vec())]).collect();
    assert_eq!(again, expected);
}

fn open(folder: &Path) -> Result<(Wal, Entries), WalError> {
    let mut entries = Vec::new();
    let wal =
        Wal::open_on(Box::new(Forgetful), folder, Options { segment_bytes: 4096 }, |sequence, payload| {
            entries.push((sequence.0, payload.to_vec()));
        })?;
    Ok((wal, entries))
}
