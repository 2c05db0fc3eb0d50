use std::fs;

use super::*;
use crate::segment::header;

const START: Sequence = Sequence(5);
const FORMAT: Format = Format::Two { start: START };

/// One group for each list of payloads.
fn segment(groups: &[&[&[u8]]]) -> Vec<u8> {
    let mut bytes = header(START).to_vec();
    let mut sequence = START;
    for group in groups {
        let synced = Sequence(sequence.0 - 1);
        for payload in *group {
            FORMAT.write(sequence, synced, payload, &mut bytes);
            sequence = sequence.next();
        }
    }
    bytes
}

fn pieces(bytes: &[u8], until: Option<u64>) -> Vec<Piece> {
    let folder = tempfile::tempdir().expect("a folder");
    let segment = Segment::new(folder.path(), START);
    fs::write(&segment.path, bytes).expect("room");
    let (mut reader, _) = SegmentReader::open(&segment, until.map(Sequence)).expect("there");
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next().expect("readable") {
        pieces.push(piece);
    }
    pieces
}

fn entries(sequences: impl IntoIterator<Item = u64>) -> Vec<Piece> {
    sequences.into_iter().map(|sequence| Piece::Entry(Sequence(sequence))).collect()
}

/// Where the second entry's payload begins, when the first has three bytes.
const SECOND: usize = HEADER_BYTES + 24 + 3;

#[test]
fn damage_that_a_later_group_witnesses_is_stepped_over() {
    let groups: &[&[&[u8]]] = &[&[b"one"], &[b"two", b"three"], &[b"four"]];
    let whole = segment(groups);
    for damaged_byte in [SECOND, SECOND + 4, SECOND + 8, SECOND + 16, SECOND + 24] {
        let mut bytes = whole.clone();
        bytes[damaged_byte] ^= 0x40;
        let found = pieces(&bytes, None);
        let (offset, end) = (SECOND as u64, SECOND as u64 + 24 + 3);
        assert_eq!(found[1], Piece::Damage { offset, end, entries: 1 }, "byte {damaged_byte}");
        assert_eq!([&found[..1], &found[2..]].concat(), entries([5, 7, 8]));
    }
}

#[test]
fn the_last_group_counts_as_far_as_it_reached_the_disk() {
    let mut bytes = segment(&[&[b"one"], &[b"two", b"three"]]);
    bytes[SECOND + 24] ^= 1;
    assert_eq!(pieces(&bytes, None), entries([5]), "nobody witnesses that two had been durable");
    assert_eq!(
        pieces(&bytes, Some(8)),
        [entries([5]), vec![Piece::Damage { offset: 51, end: 78, entries: 1 }], entries([7])].concat(),
        "a later segment does"
    );
    assert_eq!(pieces(&bytes, Some(6)), entries([5]), "it says that they are void");
}

#[test]
fn zeros_and_the_files_life_before_are_the_end() {
    let bytes = segment(&[&[b"one"]]);
    let mut ahead = bytes.clone();
    ahead.resize(bytes.len() + (1 << 20) + 17, 0);
    assert_eq!(pieces(&ahead, None), entries([5]));

    let before = Format::Two { start: Sequence(2) };
    let mut reused = bytes;
    for sequence in 2..3000 {
        before.write(Sequence(sequence), Sequence(sequence - 1), b"of a segment before", &mut reused);
    }
    assert_eq!(pieces(&reused, None), entries([5]));
}

#[test]
fn damage_far_from_the_next_entry_is_measured_and_nothing_huge_is_allocated() {
    let mut bytes = segment(&[&[b"one"]]);
    let huge = [&u32::MAX.to_le_bytes()[..], &[0xff; 20]].concat();
    bytes.extend_from_slice(&huge);
    bytes.resize(bytes.len() + 600_000, 0xff);
    let end = bytes.len() as u64;
    FORMAT.write(Sequence(9), Sequence(8), b"late", &mut bytes);
    let damage = Piece::Damage { offset: 51, end, entries: 3 };
    assert_eq!(pieces(&bytes, None), [entries([5]), vec![damage], entries([9])].concat());
}
