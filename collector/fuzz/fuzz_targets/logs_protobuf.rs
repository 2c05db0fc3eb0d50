//! Bytes that claim to be OTLP logs in protobuf.
#![no_main]

use plimsoll_collector_fuzz::{Target, protobuf};

libfuzzer_sys::fuzz_target!(|body: &[u8]| protobuf(Target::Logs, body));
