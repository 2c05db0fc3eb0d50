//! Protobuf by hand, in the part of Protoscope's notation that the suite needs:
//!
//! `1: { ... }` a message, `1: {"text"}` and `` 1: {`ff00`} `` bytes, `1: 5` a varint, `1: -5` one of ten bytes, `1: 5z` zigzag,
//! `1: 5i32` and `1: 5i64` fixed, `1: 2.5` a double, `` `ff` `` bytes as they are, `# ...` a remark.

use prost::encoding::encode_varint;

/// The bytes that `text` describes; a mistake in it panics, with the rest of the text.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut rest = text;
    let bytes = fields(&mut rest);
    assert!(rest.is_empty(), "protoscope: a '}}' too many before {rest:?}");
    bytes
}

/// Up to the end, or to the bracket that closes.
fn fields(rest: &mut &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        skip_space(rest);
        match rest.chars().next() {
            None | Some('}') => return bytes,
            Some('"' | '`') => bytes.extend(literal(rest)),
            Some(_) => field(rest, &mut bytes),
        }
    }
}

fn field(rest: &mut &str, bytes: &mut Vec<u8>) {
    let number: u64 =
        word(rest).parse().unwrap_or_else(|_| panic!("protoscope: no field number before {rest:?}"));
    assert!(take(rest, ':'), "protoscope: ':' is missing before {rest:?}");
    skip_space(rest);
    if take(rest, '{') {
        let inside = fields(rest);
        assert!(take(rest, '}'), "protoscope: '}}' is missing");
        encode_varint(number << 3 | 2, bytes);
        encode_varint(inside.len() as u64, bytes);
        bytes.extend(inside);
        return;
    }
    let value = word(rest);
    let (wire_type, encoded) = scalar(value).unwrap_or_else(|| panic!("protoscope: {value:?} is no value"));
    encode_varint(number << 3 | wire_type, bytes);
    bytes.extend(encoded);
}

fn scalar(value: &str) -> Option<(u64, Vec<u8>)> {
    if let Some(value) = value.strip_suffix("i32") {
        return Some((5, value.parse::<u32>().ok()?.to_le_bytes().to_vec()));
    }
    if let Some(value) = value.strip_suffix("i64") {
        return Some((1, i64_bits(value)?.to_le_bytes().to_vec()));
    }
    if let Some(value) = value.strip_suffix('z') {
        let value: i64 = value.parse().ok()?;
        return Some((0, varint(((value << 1) ^ (value >> 63)).cast_unsigned())));
    }
    if value.contains(['.', 'N', 'f']) {
        return Some((1, value.parse::<f64>().ok()?.to_le_bytes().to_vec()));
    }
    Some((0, varint(i64_bits(value)?)))
}

/// Signed as well as unsigned.
fn i64_bits(value: &str) -> Option<u64> {
    value.parse::<u64>().or_else(|_| value.parse::<i64>().map(i64::cast_unsigned)).ok()
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(value, &mut bytes);
    bytes
}

fn literal(rest: &mut &str) -> Vec<u8> {
    let mut characters = rest.chars();
    let quote = characters.next().expect("the caller saw it");
    let (content, after) = characters.as_str().split_once(quote).expect("protoscope: a literal without end");
    *rest = after;
    if quote == '"' { content.as_bytes().to_vec() } else { hex(content) }
}

pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    digits.chunks(2).map(|pair| byte(pair).expect("hexadecimal digits")).collect()
}

fn word<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find([' ', '\n', ':', '{', '}', '#']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    word
}

fn take(rest: &mut &str, wanted: char) -> bool {
    skip_space(rest);
    rest.strip_prefix(wanted).map(|after| *rest = after).is_some()
}

fn skip_space(rest: &mut &str) {
    loop {
        *rest = rest.trim_start();
        let Some(remark) = rest.strip_prefix('#') else { return };
        *rest = remark.split_once('\n').map_or("", |(_, after)| after);
    }
}

#[test]
fn a_description_is_what_prost_encodes() {
    use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    use prost::Message;

    let point = ExponentialHistogramDataPoint {
        time_unix_nano: 7,
        sum: Some(2.5),
        scale: -3,
        positive: Some(Buckets { offset: 4, bucket_counts: vec![1, 300] }),
        flags: 1,
        ..ExponentialHistogramDataPoint::default()
    };
    let text = "3: 7i64 # time\n 5: 2.5 6: -3z 8: {1: 4z 2: {`01 ac02`}} 10: 1";
    assert_eq!(encode(text), point.encode_to_vec());
    assert_eq!(encode(r#"1: {"ab"} 2: -1"#), hex("0a026162 10ffffffffffffffffff01"));
}
