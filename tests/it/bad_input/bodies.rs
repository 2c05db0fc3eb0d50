//! Bodies that no honest encoder makes. Protobuf is put together by hand: field number, wire type 2, length, content.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Twice what a request may have after decompression.
const BOMB_BYTES: usize = 128 << 20;

pub(super) fn garbage() -> Vec<u8> {
    b"\xDE\xAD\xBE\xEF this is no protobuf \x00\xFF".to_vec()
}

/// Six bytes that promise a resource of 4 GiB.
pub(super) fn length_of_4_gib() -> Vec<u8> {
    vec![0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
}

/// A log record whose one attribute is a list in a list in a list ...
pub(super) fn nested(depth: usize) -> Vec<u8> {
    // AnyValue { array_value = 5: ArrayValue { values = 1: AnyValue ... } }
    let value = (0..depth).fold(Vec::new(), |inside, _| field(5, &field(1, &inside)));
    record(&field(6, &[field(1, b"deep"), field(2, &value)].concat()))
}

/// The same in JSON.
pub(super) fn nested_json(depth: usize) -> Vec<u8> {
    let open = r#"{"arrayValue":{"values":["#.repeat(depth);
    let close = "]}}".repeat(depth);
    let attribute = format!(r#"{{"key":"deep","value":{open}{close}}}"#);
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[{attribute}]}}]}}]}}]}}"#)
        .into()
}

/// A severity text that is no text.
pub(super) fn invalid_utf8() -> Vec<u8> {
    record(&field(3, b"\xC3\x28"))
}

pub(super) fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB_BYTES / zeros.len() {
        encoder.write_all(&zeros).expect("memory takes everything");
    }
    encoder.finish().expect("memory takes everything")
}

pub(super) fn zstd_bomb() -> Vec<u8> {
    let zeros = std::io::Read::take(std::io::repeat(0), BOMB_BYTES as u64);
    zstd::encode_all(zeros, 1).expect("memory takes everything")
}

/// ExportLogsServiceRequest { 1: ResourceLogs { 2: ScopeLogs { 2: LogRecord } } }
fn record(content: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, content)))
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}
