use std::io::Write;

use flate2::write::GzEncoder;

use super::*;
use crate::admission::Admission;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("writes to memory")
}

fn check(compression: Compression, bytes: Vec<u8>, config: &Config) -> Result<Vec<u8>, RequestReason> {
    let lease = Admission::new(config).lease();
    let decoded = decompress(Received { bytes, lease }, compression, config);
    decoded.map(|received| received.bytes).map_err(|refusal| refusal.reason)
}

#[test]
fn what_was_compressed_comes_back() {
    let plain = b"late orders, late orders, late orders".to_vec();
    let config = Config::default();
    assert_eq!(check(Compression::Identity, plain.clone(), &config), Ok(plain.clone()));
    assert_eq!(check(Compression::Gzip, gzip(&plain), &config), Ok(plain.clone()));
    assert_eq!(check(Compression::Zstd, zstd_of(&plain), &config), Ok(plain));
}

#[test]
fn a_bomb_stops_at_the_size_or_at_the_ratio_whichever_comes_first() {
    let zeros = vec![0; 32 * 1024 * 1024];
    let by_size = Config { max_request_bytes: 2 * 1024 * 1024, max_ratio: usize::MAX, ..Config::default() };
    let by_ratio = Config { max_ratio: 50, ..Config::default() };
    for (compression, bomb) in [(Compression::Gzip, gzip(&zeros)), (Compression::Zstd, zstd_of(&zeros))] {
        assert_eq!(check(compression, bomb.clone(), &by_size), Err(RequestReason::TooLarge));
        assert_eq!(check(compression, bomb, &by_ratio), Err(RequestReason::Ratio));
    }
}

#[test]
fn what_the_others_left_of_the_memory_bounds_it_too() {
    let config = Config { max_inflight_bytes: 100_000, ..Config::default() };
    assert_eq!(check(Compression::Gzip, gzip(&[0; 200_000]), &config), Err(RequestReason::TooLarge));
}

#[test]
fn garbage_and_truncated_bodies_are_malformed() {
    let config = Config::default();
    for compression in [Compression::Gzip, Compression::Zstd] {
        assert_eq!(check(compression, b"certainly not".to_vec(), &config), Err(RequestReason::Malformed));
    }
    let (gzipped, zstded) = (gzip(&[7; 1_000]), zstd_of(&[7; 1_000]));
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 3].to_vec();
    assert_eq!(check(Compression::Gzip, cut(&gzipped), &config), Err(RequestReason::Malformed));
    assert_eq!(check(Compression::Zstd, cut(&zstded), &config), Err(RequestReason::Malformed));
}

#[test]
fn a_zstd_header_that_asks_for_a_huge_window_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.window_log(27).expect("a window");
    encoder.write_all(&[7; 1_000]).expect("writes to memory");
    let bytes = encoder.finish().expect("writes to memory");
    assert_eq!(check(Compression::Zstd, bytes, &Config::default()), Err(RequestReason::Malformed));
}
