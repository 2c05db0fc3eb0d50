//! One walk over a protobuf body before anything decodes it: every declared length lies within its parent, attribute
//! values nest no deeper than the limit, text is UTF-8, and the memory that decoding will take is added up. A message of two
//! bytes can stand for a struct of several hundred, so the body's own size says little about it.

use std::mem::size_of;

use super::malformed::Malformed;
use super::schema::{Field, Kind, Message};

/// Bytes that the decoded request will occupy, about. Recursion is bounded: only attribute values nest, and each
/// level of theirs is counted.
pub(super) fn scan(bytes: &[u8], root: &Message, max_depth: usize) -> Result<usize, Malformed> {
    let mut scan = Scan { max_depth, decoded_bytes: bytes.len() };
    scan.message(bytes, root, 0)?;
    Ok(scan.decoded_bytes)
}

struct Scan {
    max_depth: usize,
    decoded_bytes: usize,
}

/// Which element of a repeated field is at hand. Encoders write them in a row; should one interleave, the count
/// starts over and the path is off by that.
#[derive(Default)]
struct Occurrence {
    number: u64,
    index: usize,
}

impl Scan {
    fn message(&mut self, bytes: &[u8], message: &Message, depth: usize) -> Result<(), Malformed> {
        let depth = depth + usize::from(message.nests);
        if depth > self.max_depth {
            return Err(Malformed::too_deep(self.max_depth));
        }
        self.decoded_bytes = self.decoded_bytes.saturating_add(message.size);
        let mut rest = bytes;
        let mut occurrence = Occurrence::default();
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            let field = message.by_number(tag >> 3);
            let index = occurrence.next(tag >> 3);
            let Some(field) = field else {
                skip(&mut rest, tag)?;
                continue;
            };
            self.field(&mut rest, tag, field, depth).map_err(|malformed| {
                if field.repeated { malformed.at(field.name, index) } else { malformed.within(field.name) }
            })?;
        }
        Ok(())
    }

    fn field(&mut self, rest: &mut &[u8], tag: u64, field: &Field, depth: usize) -> Result<(), Malformed> {
        let payload = skip(rest, tag)?;
        let Some(payload) = payload else {
            self.pay(if field.repeated { size_of::<u64>() } else { 0 });
            return Ok(());
        };
        match field.kind {
            Kind::Message(message) => self.message(payload, message, depth),
            Kind::Text => {
                self.pay(if field.repeated { size_of::<String>() } else { 0 });
                std::str::from_utf8(payload).map_err(|_| Malformed::new("text must be UTF-8"))?;
                Ok(())
            }
            // A packed list of varints: one byte each at the least.
            Kind::Uint64 => {
                self.pay(payload.len().saturating_mul(size_of::<u64>()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn pay(&mut self, bytes: usize) {
        self.decoded_bytes = self.decoded_bytes.saturating_add(bytes);
    }
}

impl Occurrence {
    fn next(&mut self, number: u64) -> usize {
        if self.number == number {
            self.index += 1;
        } else {
            *self = Self { number, index: 0 };
        }
        self.index
    }
}

/// Steps over one field's value; returns the bytes of a length-delimited one.
fn skip<'a>(rest: &mut &'a [u8], tag: u64) -> Result<Option<&'a [u8]>, Malformed> {
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

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for (position, byte) in rest.iter().enumerate().take(10) {
        // The tenth byte has room for one bit; prost refuses more, and so do we.
        if position == 9 && *byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            *rest = &rest[position + 1..];
            return Ok(value);
        }
    }
    Err(Malformed::new("an integer is cut off or too long: truncated, or not protobuf"))
}
