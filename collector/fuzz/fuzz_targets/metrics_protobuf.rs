//! Bytes that claim to be OTLP metrics in protobuf.
#![no_main]

use plimsoll_collector_fuzz::{Target, protobuf};

libfuzzer_sys::fuzz_target!(|body: &[u8]| protobuf(Target::Metrics, body));
