//! From bytes to records: lines, and for formats whose records have a head, everything up to the next head.

/// A record as it stood in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assembled {
    /// Where its first byte is, from the start of what was given.
    pub(crate) start: u64,
    pub(crate) text: String,
    /// Bytes beyond the limit, which were left out.
    pub(crate) cut: u64,
}

/// What was made of some bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assembly {
    pub(crate) records: Vec<Assembled>,
    /// How many of the bytes are done with; the rest belongs to a record that may still grow.
    pub(crate) consumed: u64,
}

/// Cuts `bytes` into records. A line that `is_head` begins one, others belong to the one before. The last record is given
/// back only when it is `settled`: nothing has been added to the file for a while, or so much that waiting has no end.
pub(crate) fn assemble(
    bytes: &[u8],
    limit: usize,
    settled: bool,
    is_head: impl Fn(&str) -> bool,
) -> Assembly {
    let mut assembly = Assembly::default();
    let mut open: Option<(u64, Vec<u8>)> = None;
    let mut position = 0_u64;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_whole = line.last() == Some(&b'\n');
        let is_endless = settled && bytes.len() >= limit;
        if !is_whole && !is_endless {
            break;
        }
        if open.is_none() || is_head(&String::from_utf8_lossy(trimmed(line))) {
            if let Some((start, text)) = open.take() {
                assembly.records.push(record(start, &text, limit));
            }
            open = Some((position, Vec::new()));
            assembly.consumed = position;
        }
        if let Some((_, text)) = &mut open {
            text.extend_from_slice(line);
        }
        position += line.len() as u64;
    }
    if settled && let Some((start, text)) = open {
        assembly.records.push(record(start, &text, limit));
        assembly.consumed = position;
    }
    assembly
}

fn record(start: u64, text: &[u8], limit: usize) -> Assembled {
    let text = trimmed(text);
    let kept = text.get(..limit.min(text.len())).unwrap_or(text);
    Assembled {
        start,
        text: String::from_utf8_lossy(kept).into_owned(),
        cut: (text.len() - kept.len()) as u64,
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |place| place + 1);
    line.get(..end).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads(bytes: &str, settled: bool) -> (Vec<String>, u64) {
        let assembly = assemble(bytes.as_bytes(), 1_000, settled, |line| line.starts_with('#'));
        (assembly.records.into_iter().map(|record| record.text).collect(), assembly.consumed)
    }

    #[test]
    fn a_record_ends_where_the_next_begins() {
        assert_eq!(heads("#a\n more\n#b\n", false), (vec!["#a\n more".to_owned()], 9));
        assert_eq!(heads("#a\n more\n#b\n", true), (vec!["#a\n more".to_owned(), "#b".to_owned()], 12));
        assert_eq!(heads("#a\n#unfinished", true).0, ["#a"], "a line without its end is not there yet");
        assert_eq!(heads("orphan\n#a\n", true).0, ["orphan", "#a"]);
    }

    #[test]
    fn what_is_too_long_is_cut_and_that_is_known() {
        let assembly = assemble(b"0123456789\n", 4, true, |_| true);
        assert_eq!((assembly.records[0].text.as_str(), assembly.records[0].cut), ("0123", 6));
        let endless = assemble(b"0123456789", 4, true, |_| true);
        assert_eq!(
            (endless.records[0].cut, endless.consumed),
            (6, 10),
            "a line without an end is not waited for"
        );
    }

    proptest! {
        #[test]
        fn however_the_bytes_come_the_records_are_the_same(
            lines in prop::collection::vec("[#a-c]{0,6}", 0..20),
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            let whole: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let (expected, _) = heads(&whole, true);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.sort_unstable();
            let (mut offset, mut read) = (0, Vec::new());
            for cut in cuts {
                let (records, consumed) = heads(whole.get(offset..cut.max(offset)).expect("ASCII"), false);
                read.extend(records);
                offset += usize::try_from(consumed).expect("small");
            }
            read.extend(heads(whole.get(offset..).expect("ASCII"), true).0);
            prop_assert_eq!(read, expected);
        }
    }
}
