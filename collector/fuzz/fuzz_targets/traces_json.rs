//! Bytes that claim to be OTLP traces in JSON.
#![no_main]

use plimsoll_collector_fuzz::{Target, json};

libfuzzer_sys::fuzz_target!(|body: &[u8]| json(Target::Traces, body));
