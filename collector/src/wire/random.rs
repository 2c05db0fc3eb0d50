//! Random messages by the tables of [`super::schema`]: every field there is comes up, packed and not, repeated, in parts
//! that the last one overrules, with unknown fields between. What is drawn follows from bytes, so that a failure
//! shrinks.

use super::schema::{Field, Kind, Message};

/// Runs out into zeros, which end every message.
#[derive(Debug)]
pub(crate) struct Entropy<'e> {
    bytes: &'e [u8],
}

/// Deeper than any encoder goes, and within every limit.
const DEPTH: usize = 6;

const WORDS: &[&str] = &[
    "a",
    "b",
    "",
    "text é✓ \u{1}\"\\/",
    "http.request.method",
    "http.method",
    "http.target",
    "/path?query=1",
    "http.status_code",
    "200",
    "service.name",
    "service.version",
    "db.system",
    "db.sql.table",
    "db.cassandra.table",
    "db.connection_string",
    "error.type",
    "event.id",
    "business.amount",
    "business.duration",
    "business.due",
    "odoo.res_id",
    "12.5",
    "2026-11-21T10:00:00Z",
    "seventy characters, more than the limit of this test: 0123456789012345",
];

const NUMBERS: [u64; 10] =
    [0, 1, 2, 3, 9, 300, 1_700_000_000_000_000_001, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];

const DOUBLES: [f64; 6] = [0.0, 0.5, 1.0, -2.25, 1e300, 3.0];

impl<'e> Entropy<'e> {
    pub(crate) fn new(bytes: &'e [u8]) -> Self {
        Self { bytes }
    }

    fn draw(&mut self) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first)
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.draw() % choices.len()]
    }
}

/// The bytes of one message.
pub(crate) fn message(message: &Message, entropy: &mut Entropy<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(message, entropy, 0, &mut out);
    out
}

fn write(message: &Message, entropy: &mut Entropy<'_>, depth: usize, out: &mut Vec<u8>) {
    let depth = depth + usize::from(message.nests);
    // From anywhere in the table: of a choice, every one comes last at some time.
    let first = entropy.draw() % message.fields.len();
    let (before, after) = message.fields.split_at(first);
    // A value is one of a choice, sometimes two: with all of them no body would ever end.
    let fields = if message.nests { 1 + entropy.draw() % 8 / 7 } else { message.fields.len() };
    for field in after.iter().chain(before).take(fields) {
        let is_message = matches!(field.kind, Kind::Message(_));
        let times = match entropy.draw() {
            0 => 0,
            draw if field.repeated => draw % 4,
            // Overruled by itself now and then.
            draw if draw % 16 == 0 && (!is_message || field.joins) => 2,
            draw => usize::from(draw % 8 < 5),
        };
        let leads_too_deep = is_message && depth >= DEPTH;
        for _ in 0..if leads_too_deep { 0 } else { times } {
            write_field(field, entropy, depth, out);
        }
        if entropy.draw() == 7 {
            out.extend([0x98, 0x06, 0x05, 0x9a, 0x06, 0x01, 0xff]);
        }
    }
}

fn write_field(field: &Field, entropy: &mut Entropy<'_>, depth: usize, out: &mut Vec<u8>) {
    let wire_type = field.kind.wire_type();
    let is_packed = field.repeated && wire_type < 2 && entropy.draw().is_multiple_of(2);
    let tag = u64::from(field.number) << 3;
    let mut value = Vec::new();
    if is_packed {
        (0..entropy.draw() % 4).for_each(|_| scalar(field, entropy, &mut value));
    } else if let Kind::Message(message) = field.kind {
        write(message, entropy, depth, &mut value);
    } else {
        scalar(field, entropy, &mut value);
    }
    let wire_type = if is_packed { 2 } else { wire_type };
    prost::encoding::encode_varint(tag | wire_type, out);
    if wire_type == 2 {
        prost::encoding::encode_varint(value.len() as u64, out);
    }
    out.extend(value);
}

fn scalar(field: &Field, entropy: &mut Entropy<'_>, out: &mut Vec<u8>) {
    match field.kind {
        Kind::Text => out.extend(entropy.of(WORDS).as_bytes()),
        // Mostly what it should be.
        Kind::Id => match entropy.draw() % 16 {
            1 => out.extend([0; 8]),
            2 => out.extend([7; 3]),
            3 => {}
            _ if field.name == "traceId" => out.extend([6; 16]),
            _ => out.extend([5; 8]),
        },
        Kind::Bytes => out.extend([1, 2, 255].iter().take(entropy.draw() % 4)),
        Kind::Fixed32 => out.extend([entropy.of(&[0, 1, 255]), 1, 0, 0]),
        Kind::Double => out.extend(entropy.of(&DOUBLES).to_le_bytes()),
        Kind::Fixed64 | Kind::Sfixed64 => out.extend(number(entropy).to_le_bytes()),
        _ => prost::encoding::encode_varint(number(entropy), out),
    }
}

/// Small ones oftener than those at the edges.
fn number(entropy: &mut Entropy<'_>) -> u64 {
    let draw = entropy.draw();
    if draw % 16 == 1 { entropy.of(&NUMBERS) } else { NUMBERS[draw % 7] }
}
