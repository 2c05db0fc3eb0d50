//! OTLP/JSON rewritten as protobuf, by the tables of [`super::schema`]. Its rules differ from proto3 JSON: ids are hex,
//! enums are integers only, 64-bit integers come quoted or not, unknown keys are ignored. Whatever can be read has
//! one protobuf form, so that the rest of the way is the same for both encodings.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::json_reader::{JsonReader, Scalar};
use super::malformed::Malformed;
use super::schema::{Field, Kind, Message};

/// Each level of an attribute value takes up to four of JSON (object, list object, list, entry); the envelope a dozen.
const LEVELS_PER_DEPTH: usize = 4;
const ENVELOPE_LEVELS: usize = 16;

/// A length is patched in after its message is written, as a varint padded to five bytes: valid, and no copying.
const LENGTH_BYTES: usize = 5;

pub(super) fn to_protobuf(
    json: &[u8],
    root: &'static Message,
    max_depth: usize,
) -> Result<Vec<u8>, Malformed> {
    check_levels(json, max_depth)?;
    let mut writer = Writer { reader: JsonReader::new(json), max_depth, out: Vec::with_capacity(json.len()) };
    writer.object(root, 0)?;
    writer.reader.end()?;
    Ok(writer.out)
}

/// Brackets only, without recursion: 200,000 of them are refused before anything else looks at the body.
fn check_levels(json: &[u8], max_depth: usize) -> Result<(), Malformed> {
    let limit = ENVELOPE_LEVELS + LEVELS_PER_DEPTH * max_depth;
    let (mut level, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => level += 1,
            b'}' | b']' if !in_text => level = level.saturating_sub(1),
            _ => {}
        }
        if level > limit {
            return Err(Malformed::too_deep(max_depth));
        }
    }
    Ok(())
}

struct Writer<'a> {
    reader: JsonReader<'a>,
    max_depth: usize,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn object(&mut self, message: &'static Message, depth: usize) -> Result<(), Malformed> {
        let depth = depth + usize::from(message.nests);
        if depth > self.max_depth {
            return Err(Malformed::too_deep(self.max_depth));
        }
        self.reader.expect(b'{')?;
        if self.reader.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.reader.key()?;
            match message.by_name(&key) {
                Some(field) => self.member(field, depth)?,
                None => self.reader.skip_value()?,
            }
            if !self.reader.take(b',') {
                return self.reader.expect(b'}');
            }
        }
    }

    fn member(&mut self, field: &Field, depth: usize) -> Result<(), Malformed> {
        let null = self.reader.peek() == Some(b'n');
        if null {
            return self.reader.skip_value().map_err(|malformed| malformed.within(field.name));
        }
        if field.repeated {
            return self.list(field, depth);
        }
        self.value(field, depth).map_err(|malformed| malformed.within(field.name))
    }

    fn list(&mut self, field: &Field, depth: usize) -> Result<(), Malformed> {
        self.reader.expect(b'[').map_err(|malformed| malformed.within(field.name))?;
        if self.reader.take(b']') {
            return Ok(());
        }
        let mut index = 0;
        loop {
            self.value(field, depth).map_err(|malformed| malformed.at(field.name, index))?;
            index += 1;
            if !self.reader.take(b',') {
                return self.reader.expect(b']').map_err(|malformed| malformed.within(field.name));
            }
        }
    }

    fn value(&mut self, field: &Field, depth: usize) -> Result<(), Malformed> {
        let Kind::Message(message) = field.kind else { return self.scalar(field) };
        self.tag(field, 2);
        let length_at = self.out.len();
        self.out.extend_from_slice(&[0; LENGTH_BYTES]);
        self.object(message, depth)?;
        let length = self.out.len() - length_at - LENGTH_BYTES;
        self.out[length_at..length_at + LENGTH_BYTES].copy_from_slice(&padded_varint(length));
        Ok(())
    }

    fn scalar(&mut self, field: &Field) -> Result<(), Malformed> {
        let scalar = self.reader.scalar()?;
        match field.kind {
            Kind::Text => self.bytes(field, text(scalar)?.as_bytes()),
            Kind::Id => self.bytes(field, &id(&text(scalar)?)?),
            Kind::Bytes => self.bytes(field, &base64(&text(scalar)?)?),
            Kind::Bool => self.varint_field(field, bool(&scalar)?.into()),
            Kind::Enum => self.varint_field(field, sign_extended(enumeration(&scalar)?.into())),
            Kind::Uint32 => self.varint_field(field, integer::<u32>(&scalar)?.into()),
            Kind::Sint32 => self.varint_field(field, zigzag(integer(&scalar)?)),
            Kind::Int64 => self.varint_field(field, sign_extended(integer(&scalar)?)),
            Kind::Uint64 => self.varint_field(field, integer(&scalar)?),
            Kind::Fixed32 => self.fixed(field, 5, &integer::<u32>(&scalar)?.to_le_bytes()),
            Kind::Fixed64 => self.fixed(field, 1, &integer::<u64>(&scalar)?.to_le_bytes()),
            Kind::Sfixed64 => self.fixed(field, 1, &integer::<i64>(&scalar)?.to_le_bytes()),
            Kind::Double => self.fixed(field, 1, &double(&scalar)?.to_le_bytes()),
            Kind::Message(_) => unreachable!("messages are objects, handled by the caller"),
        }
        Ok(())
    }

    fn bytes(&mut self, field: &Field, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn varint_field(&mut self, field: &Field, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    fn fixed(&mut self, field: &Field, wire_type: u32, little_endian: &[u8]) {
        self.tag(field, wire_type);
        self.out.extend_from_slice(little_endian);
    }

    fn tag(&mut self, field: &Field, wire_type: u32) {
        self.varint(u64::from(field.number) << 3 | u64::from(wire_type));
    }

    fn varint(&mut self, value: u64) {
        prost::encoding::encode_varint(value, &mut self.out);
    }
}

fn padded_varint(length: usize) -> [u8; LENGTH_BYTES] {
    let mut bytes = [0; LENGTH_BYTES];
    for (position, byte) in bytes.iter_mut().enumerate() {
        let seven_bits = (length >> (7 * position)).to_le_bytes()[0] & 0x7f;
        let more_follow = if position + 1 < LENGTH_BYTES { 0x80 } else { 0 };
        *byte = seven_bits | more_follow;
    }
    bytes
}

const fn sign_extended(value: i64) -> u64 {
    value.cast_unsigned()
}

const fn zigzag(value: i32) -> u64 {
    (((value << 1) ^ (value >> 31)).cast_unsigned()) as u64
}

fn text(scalar: Scalar) -> Result<String, Malformed> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        _ => Err(Malformed::new("expected a string")),
    }
}

fn id(hex_digits: &str) -> Result<Vec<u8>, Malformed> {
    hex::decode(hex_digits).map_err(|_| Malformed::new("ids are hexadecimal in OTLP/JSON, not base64"))
}

/// With or without padding, in either alphabet, as proto3 JSON allows.
fn base64(digits: &str) -> Result<Vec<u8>, Malformed> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if digits.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    GeneralPurpose::new(&alphabet, LENIENT).decode(digits).map_err(|_| Malformed::new("expected base64"))
}

fn bool(scalar: &Scalar) -> Result<bool, Malformed> {
    match scalar {
        Scalar::Bool(value) => Ok(*value),
        _ => Err(Malformed::new("expected true or false")),
    }
}

fn enumeration(scalar: &Scalar) -> Result<i32, Malformed> {
    match scalar {
        Scalar::Text(_) => {
            Err(Malformed::new("enums are integers in OTLP/JSON; send the number, not the name"))
        }
        _ => integer(scalar),
    }
}

fn integer<T: TryFrom<i128>>(scalar: &Scalar) -> Result<T, Malformed> {
    /// Up to here every whole double is exactly one integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = match scalar {
        Scalar::Integer(value) => Some(*value),
        Scalar::Text(digits) => digits.parse().ok(),
        Scalar::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => Some(whole(*value)),
        _ => None,
    };
    let value = value.ok_or_else(|| Malformed::new("expected an integer, plain or in quotes"))?;
    T::try_from(value).map_err(|_| Malformed::new("the integer is out of the field's range"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller has checked that the value is whole and small"
)]
const fn whole(value: f64) -> i128 {
    value as i128
}

fn double(scalar: &Scalar) -> Result<f64, Malformed> {
    let value = match scalar {
        Scalar::Integer(value) => Some(*value as f64),
        Scalar::Float(value) => Some(*value),
        Scalar::Text(digits) => special_or_number(digits),
        Scalar::Null | Scalar::Bool(_) => None,
    };
    value.ok_or_else(|| Malformed::new("expected a number, \"NaN\", \"Infinity\" or \"-Infinity\""))
}

fn special_or_number(digits: &str) -> Option<f64> {
    match digits {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => digits.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}
