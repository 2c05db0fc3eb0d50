//! One walk over a protobuf body before anything reads it: every field is encoded as its type asks, every declared length
//! lies within its parent, attribute values nest no deeper than the limit, text is UTF-8, and the memory that the rows will
//! take is added up. A message of two bytes can stand for a row of several hundred, so the body's own size says
//! little about it.

use std::mem::size_of;

use super::fields::text_entry;
use super::malformed::Malformed;
use super::schema::{Field, Kind, Message};

/// A value within a list or map becomes JSON, in which a control character takes six bytes.
const ESCAPED_GROWTH: usize = 5;

/// Bytes that the body's rows will occupy, about. Recursion is bounded: only attribute values nest, and each level of
/// theirs is counted.
pub(super) fn scan(bytes: &[u8], root: &Message, max_depth: usize) -> Result<usize, Malformed> {
    let mut scan = Scan { max_depth, row_bytes: bytes.len() };
    scan.message(bytes, root, 0)?;
    Ok(scan.row_bytes)
}

struct Scan {
    max_depth: usize,
    row_bytes: usize,
}

impl Scan {
    fn message(&mut self, bytes: &[u8], message: &Message, depth: usize) -> Result<(), Malformed> {
        let depth = depth + usize::from(message.nests);
        if depth > self.max_depth {
            return Err(Malformed::too_deep(self.max_depth));
        }
        self.pay(message.size);
        // Its outermost level pays for all within.
        if message.nests && depth == 2 {
            self.pay(bytes.len().saturating_mul(ESCAPED_GROWTH));
        }
        let mut rest = bytes;
        let mut seen = 0_u32;
        while !rest.is_empty() {
            let before = bytes.len() - rest.len();
            let tag = varint(&mut rest)?;
            let Some(field) = message.by_number(tag >> 3) else {
                skip(&mut rest, tag)?;
                continue;
            };
            let bit = 1 << field.number;
            let scanned = match field.kind {
                Kind::Message(_) if !field.repeated && !field.joins && seen & bit != 0 => {
                    Err(Malformed::new("comes in several parts; send it as one"))
                }
                _ => self.field(&mut rest, tag, field, depth),
            };
            scanned.map_err(|malformed| placed(malformed, field, &bytes[..before]))?;
            seen |= bit;
        }
        Ok(())
    }

    fn field(&mut self, rest: &mut &[u8], tag: u64, field: &Field, depth: usize) -> Result<(), Malformed> {
        let payload = skip(rest, tag)?;
        if tag & 7 != field.kind.wire_type() {
            return match payload {
                Some(packed) if field.repeated => self.packed(packed, field.kind),
                _ => Err(Malformed::new("is encoded as another type")),
            };
        }
        let Some(payload) = payload else {
            self.pay(if field.repeated { size_of::<u64>() } else { 0 });
            return Ok(());
        };
        match field.kind {
            Kind::Message(message) if message.is_entry && self.text_entry(payload, message, depth) => Ok(()),
            Kind::Message(message) => self.message(payload, message, depth),
            Kind::Text if is_text(payload) => Ok(()),
            Kind::Text => Err(Malformed::new("text must be UTF-8")),
            _ => Ok(()),
        }
    }

    /// The short way for what most of a body is: an attribute with a short text. False sends it the long way, which also
    /// finds the words for what is wrong with it.
    #[inline]
    fn text_entry(&mut self, entry: &[u8], message: &Message, depth: usize) -> bool {
        // Values within values pay for what they become.
        if depth > 0 || self.max_depth == 0 {
            return false;
        }
        let is_fine = text_entry(entry).is_some_and(|(key, text)| is_text(key) && is_text(text));
        self.pay(if is_fine { message.size } else { 0 });
        is_fine
    }

    /// Numbers in a row, without tags between them.
    fn packed(&mut self, packed: &[u8], kind: Kind) -> Result<(), Malformed> {
        if kind.wire_type() == 1 {
            let is_whole = packed.len().is_multiple_of(size_of::<u64>());
            return is_whole.then_some(()).ok_or_else(|| Malformed::new("a packed list is cut off"));
        }
        // One byte each at the least.
        self.pay(packed.len().saturating_mul(size_of::<u64>()));
        let mut rest = packed;
        while !rest.is_empty() {
            varint(&mut rest)?;
        }
        Ok(())
    }

    fn pay(&mut self, bytes: usize) {
        self.row_bytes = self.row_bytes.saturating_add(bytes);
    }
}

/// Most of it is short and ASCII, which is quickly seen.
#[inline]
fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

fn placed(malformed: Malformed, field: &Field, before: &[u8]) -> Malformed {
    if !field.repeated {
        return malformed.within(field.name);
    }
    let (mut rest, mut index) = (before, 0);
    while let Ok(tag) = varint(&mut rest) {
        index += usize::from(tag >> 3 == u64::from(field.number));
        if skip(&mut rest, tag).is_err() {
            break;
        }
    }
    malformed.at(field.name, index)
}

/// Steps over one field's value; returns the bytes of a length-delimited one.
pub(super) fn skip<'a>(rest: &mut &'a [u8], tag: u64) -> Result<Option<&'a [u8]>, Malformed> {
    if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
        return Err(Malformed::new("this is not protobuf: a field number is out of range"));
    }
    match tag & 7 {
        0 => varint(rest).map(|_| None),
        1 => take(rest, 8).map(|_| None),
        2 => {
            let length = varint(rest)?;
            take(rest, length).map(Some)
        }
        5 => take(rest, 4).map(|_| None),
        3 | 4 => Err(Malformed::new("groups are no part of OTLP")),
        _ => Err(Malformed::new("this is not protobuf: an unknown wire type")),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Malformed> {
    let taken = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let Some((taken, after)) = taken else {
        let left = rest.len();
        let problem = format!("declares {length} bytes where {left} are left: truncated, or not protobuf");
        return Err(Malformed::new(problem));
    };
    *rest = after;
    Ok(taken)
}

#[inline]
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    if let [byte, after @ ..] = *rest
        && *byte < 0x80
    {
        *rest = after;
        return Ok(u64::from(*byte));
    }
    long_varint(rest)
        .ok_or_else(|| Malformed::new("an integer is cut off or too long: truncated, or not protobuf"))
}

pub(super) fn long_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (position, byte) in rest.iter().enumerate().take(10) {
        // The tenth byte has room for one bit; protobuf decoders refuse more, and so do we.
        if position == 9 && *byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            *rest = &rest[position + 1..];
            return Some(value);
        }
    }
    None
}
