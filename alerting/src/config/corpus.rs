//! Files that are right and files that are wrong, each read by us and by the real `amtool check-config`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{Config, Finding, Routing};

const VALID: &str = include_str!("corpus/valid.yml");
const INVALID: &str = include_str!("corpus/invalid.yml");

/// Title and text of each file.
fn files(corpus: &'static str) -> Vec<(&'static str, &'static str)> {
    let files = corpus.split("\n--- ").skip(1);
    files.map(|file| file.split_once('\n').expect("a title, and a file below it")).collect()
}

/// Whether amtool takes each, in one run of it.
fn amtool(folder: &Path, files: &[(&str, &str)]) -> Vec<bool> {
    let paths: Vec<_> = (0..files.len()).map(|number| folder.join(format!("{number}.yml"))).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        std::fs::write(path, text).expect("written");
    }
    let output = Command::new("amtool").arg("check-config").args(&paths).output();
    let output = output.expect("amtool runs: `make test` installs it");
    let printed = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let mut taken = BTreeMap::new();
    for part in printed.split("Checking '").skip(1) {
        let (path, rest) = part.split_once('\'').expect("a quoted path");
        taken.insert(path.to_owned(), rest.trim_start().starts_with("SUCCESS"));
    }
    paths.iter().map(|path| taken[path.to_str().expect("UTF-8")]).collect()
}

fn load(folder: &Path, text: &str) -> (Option<Routing>, Vec<Finding>) {
    let file = folder.join("ours.yml");
    std::fs::write(&file, text).expect("written");
    Routing::load(&Config { file, ..Config::default() })
}

fn check(corpus: &'static str, is_valid: bool) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let files = files(corpus);
    assert!(files.len() >= 40, "{} files", files.len());
    let theirs = amtool(folder.path(), &files);
    let mut wrong = Vec::new();
    for ((title, text), theirs) in files.iter().zip(theirs) {
        let (routing, findings) = load(folder.path(), text);
        if theirs != is_valid {
            wrong.push(format!("{title}: amtool takes it: {theirs}"));
        }
        if routing.is_some() != is_valid {
            wrong.push(format!("{title}: we take it: {}: {findings:?}", routing.is_some()));
        }
        if !is_valid && findings.iter().all(|finding| finding.line == 0) {
            wrong.push(format!("{title}: no finding has a place: {findings:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_amtool_takes_we_take() {
    check(VALID, true);
}

#[test]
fn what_amtool_refuses_we_refuse_with_a_place() {
    check(INVALID, false);
}

#[test]
fn the_example_of_the_manual_is_taken_by_both() {
    let manual = include_str!("../../../docs/alerting.md");
    let examples: Vec<(&str, &str)> = manual
        .split("```yaml\n")
        .filter_map(|part| part.split_once("```").map(|(text, _)| ("an example", text)))
        .filter(|(_, text)| text.starts_with("route:"))
        .collect();
    assert!(!examples.is_empty());
    let folder = tempfile::tempdir().expect("temporary folder");
    assert!(amtool(folder.path(), &examples).into_iter().all(|taken| taken));
    for (_, text) in examples {
        let (routing, findings) = load(folder.path(), text);
        assert!(routing.is_some() && findings.is_empty(), "{findings:#?}");
    }
}
