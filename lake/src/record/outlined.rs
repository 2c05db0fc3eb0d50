//! An outline in front of an original: a replay then knows where its rows belong without making them. Numbers are
//! little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | earliest event time, Unix nanoseconds |
//! | 8 | latest event time |
//! | 8 | bytes that the rows will occupy |
//! | rest | the original, as in `original`, of one table and at least one row |

use plimsoll_model::{RowsOutline, Table, Timestamp};

use super::original::{self, Logged};
use super::{Unreadable, take};

pub(super) fn encode_onto(record: &mut Vec<u8>, outline: &RowsOutline) {
    record.extend_from_slice(&outline.earliest.nanos().to_le_bytes());
    record.extend_from_slice(&outline.latest.nanos().to_le_bytes());
    record.extend_from_slice(&(outline.bytes as u64).to_le_bytes());
}

pub(super) fn read_head(mut rest: &[u8]) -> Result<(RowsOutline, Logged<'_>), Unreadable> {
    let earliest = Timestamp::from_nanos(i64::from_le_bytes(take(&mut rest)?));
    let latest = Timestamp::from_nanos(i64::from_le_bytes(take(&mut rest)?));
    let bytes = usize::try_from(u64::from_le_bytes(take(&mut rest)?))?;
    let logged = original::read_head(rest)?;
    let [(table, rows)] = *logged.tables.as_slice() else {
        return Err("its outline is of one table, its rows are not".into());
    };
    // Events are looked at one by one: whether they are the first of their id.
    if rows == 0 || earliest > latest || table == Table::BusinessEvents {
        return Err("its outline can't be".into());
    }
    Ok((RowsOutline { table, rows, earliest, latest, bytes }, logged))
}
