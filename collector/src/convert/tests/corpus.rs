//! The seeds of the fuzz targets, and what they ever found: read like any body, in every run of the tests.

use std::fs;
use std::path::Path;

use super::oracle::{checked, ours, theirs};
use super::*;

#[test]
fn every_body_of_the_corpus_is_refused_or_read_as_prost_reads_it() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for signal in Signal::ALL {
        for (encoding, name) in [(Encoding::Protobuf, "protobuf"), (Encoding::Json, "json")] {
            let folder = corpus.join(format!("{}_{name}", signal.name()));
            let (mut read, mut refused) = (0, 0);
            for file in fs::read_dir(&folder).expect("the corpus is in the repository") {
                let path = file.expect("readable").path();
                let body = fs::read(&path).expect("readable");
                let Ok(rows) = ours(signal, encoding, &body) else {
                    refused += 1;
                    continue;
                };
                let protobuf = checked(signal, encoding, &body).expect("was read").bytes;
                assert_eq!(rows, theirs(signal, &protobuf).expect("prost reads it"), "{}", path.display());
                read += 1;
            }
            assert!(read > 5 && refused > 2, "{}: {read} read, {refused} refused", folder.display());
        }
    }
}
