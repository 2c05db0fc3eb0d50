//! What a fuzzer found or was given to begin with, replayed: `wal/fuzz` has the target.

mod forgetful;
mod opened;

use std::fs;
use std::path::Path;

#[test]
fn every_input_of_the_corpus_opens_again_the_same() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/replay");
    let mut inputs = 0;
    for input in fs::read_dir(&corpus).expect("the corpus is part of the tree") {
        let input = fs::read(input.expect("readable").path()).expect("readable");
        opened::check(&input);
        // What a fuzzer would try first.
        for end in (0..input.len()).step_by(29) {
            opened::check(&input[..end]);
            let mut flipped = input.clone();
            flipped[end] ^= 0x20;
            opened::check(&flipped);
        }
        inputs += 1;
    }
    assert!(inputs >= 8, "{inputs} inputs");
}
