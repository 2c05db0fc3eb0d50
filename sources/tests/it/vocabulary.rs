//! The readers say nothing that `docs/signals.yaml` doesn't name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::root;

fn texts(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        if path.is_dir() {
            self::texts(&path, texts);
        } else if !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a file of ours");
            texts.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

#[test]
fn every_name_that_a_reader_uses_is_in_the_vocabulary() {
    let vocabulary = fs::read_to_string(root().join("docs/signals.yaml")).expect("it is part of the tree");
    let name = Regex::new(r#""((?:odoo|business|integration|postgresql|redis|scrape|db|event|error|http|url|log|process)\.[a-z_.]+)""#)
        .expect("a pattern");
    let word = Regex::new(r"[a-z_]+(?:\.[a-z_]+)+").expect("a pattern");
    let known: BTreeSet<&str> = word.find_iter(&vocabulary).map(|found| found.as_str()).collect();
    let mut sources = Vec::new();
    texts(&root().join("sources/src"), &mut sources);
    let used: BTreeSet<&str> = sources
        .iter()
        .flat_map(|text| name.captures_iter(text))
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    assert!(used.len() > 150, "{}", used.len());
    // A key of JSON lines that others write.
    let unknown: Vec<_> =
        used.iter().filter(|name| !known.contains(**name) && **name != "log.level").collect();
    assert!(unknown.is_empty(), "docs/signals.yaml doesn't name {unknown:?}");
}

/// A line of the vocabulary promises its name for each sender that it lists.
#[test]
fn every_name_that_a_reader_is_said_to_send_is_in_its_code() {
    let vocabulary = fs::read_to_string(root().join("docs/signals.yaml")).expect("it is part of the tree");
    let line = Regex::new(r"\{name: ([a-z_.]+), .*?from: \[([a-z, ]+)\]").expect("a pattern");
    let code = |folder: &str| {
        let mut found = Vec::new();
        texts(&root().join("sources/src").join(folder), &mut found);
        found.concat()
    };
    let readers = [
        ("reader", "odoo"),
        ("logs", "logs"),
        ("postgres", "platform"),
        ("redis", "redis"),
        ("scrape", "scrape"),
    ];
    let (mut promised, mut missing) = (0, Vec::new());
    for (sender, text) in readers.map(|(sender, folder)| (sender, code(folder))) {
        for found in line.captures_iter(&vocabulary) {
            let (name, from) = (&found[1], &found[2]);
            if from.split(", ").any(|listed| listed == sender) {
                promised += 1;
                if !text.contains(&format!("\"{name}\"")) {
                    missing.push(format!("{sender}: {name}"));
                }
            }
        }
    }
    assert!(promised > 130, "{promised}");
    assert!(missing.is_empty(), "promised, and sent by nobody: {missing:#?}");
}
