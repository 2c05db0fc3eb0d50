//! Every message as it leaves, in files that people read. `PLIMSOLL_WRITE_SNAPSHOTS=1` writes them anew.

use std::path::{Path, PathBuf};

use super::super::{Message, render, samples};
use super::URL;
use crate::notification::Notification;

/// By the name of its file.
pub(super) fn all() -> Vec<(&'static str, Notification)> {
    vec![
        ("firing", samples::firing()),
        ("firing-three", samples::three_firing()),
        ("firing-many", samples::many()),
        ("resolved", samples::resolved()),
        ("resolved-many", samples::many_resolved()),
        ("escalated", samples::escalated()),
        ("blind", samples::blind()),
        ("second-channel", samples::instead()),
        ("test", samples::test()),
        ("umlauts", samples::umlauts()),
        ("chinese", samples::chinese()),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message/snapshots")
}

/// The difference in a line, if there is one.
fn difference(file: &Path, text: &str) -> Option<String> {
    // Set by hand; a check never writes.
    if std::env::var_os("PLIMSOLL_WRITE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(folder()).expect("a folder");
        std::fs::write(file, text).expect("the tree can be written");
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    let line = written.lines().zip(text.lines()).position(|(a, b)| a != b).map_or(0, |line| line + 1);
    (written != text).then(|| format!("{} differs from its line {line} on", file.display()))
}

#[test]
fn every_message_reads_as_its_file_does() {
    let mut differences = Vec::new();
    for (name, notification) in all() {
        let Message { subject, text, html } = render(&notification, URL);
        differences
            .extend(difference(&folder().join(format!("{name}.txt")), &format!("{subject}\n\n{text}")));
        differences.extend(difference(&folder().join(format!("{name}.html")), &html));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
