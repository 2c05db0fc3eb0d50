//! Any bytes as the files of a log.

#![no_main]

#[path = "../../tests/forgetful/mod.rs"]
mod forgetful;
#[path = "../../tests/opened/mod.rs"]
mod opened;

libfuzzer_sys::fuzz_target!(|input: &[u8]| opened::check(input));
