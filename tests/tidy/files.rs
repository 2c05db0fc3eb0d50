//! What a source file must look like, and what no file may say.

use crate::tree::File;

/// Past this a file needs a line in [`LONG_FOR_A_REASON`]; past [`HARD_LIMIT`] nothing helps but a second noun.
const SOFT_LIMIT: usize = 400;
const HARD_LIMIT: usize = 500;

/// A file that may be longer than the soft limit, and why one noun needs that many lines.
pub(crate) const LONG_FOR_A_REASON: &[(&str, &str)] = &[];

/// A file that may sleep on the wall's clock, and why.
pub(crate) const MAY_SLEEP: &[(&str, &str)] = &[
    ("src/clock.rs", "the one place that turns the wall's clock into ours"),
    ("tests/it/harness/time.rs", "polls a real process, which has no other clock"),
    ("sources/tests/it/harness/clock.rs", "polls real servers, which have no other clock"),
];

/// Rooms that are handed a listener by `src/`.
const MAY_LISTEN: &[&str] = &["collector/", "query/", "dashboards/", "src/", "tests/"];

/// Written apart so that this file does not contain what it looks for.
const IGNORED: &str = concat!("#[", "ignore");
const SLEEPS: &[&str] =
    &[concat!("time::", "sleep("), concat!("thread::", "sleep("), concat!("use tokio::time::", "sleep")];
const PACKAGE_HOSTS: &[&str] = &[
    concat!("registry.", "npmjs"),
    concat!("pypi", ".org"),
    concat!("files.", "pythonhosted"),
    concat!("deb.", "debian.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("\"", "resolved\":"),
];
const KEYS: &[&str] =
    &[concat!("PRIVATE ", "KEY-----"), concat!("ghp", "_"), concat!("xox", "b-"), concat!("AK", "IA")];

/// A module's tests are introduced by the module.
pub(crate) fn without_doc(files: &[File]) -> Vec<String> {
    let modules = files.iter().filter(|file| !(file.path.contains("/src/") && is_test_file(&file.path)));
    modules.filter(|file| !file.text.starts_with("//! ")).map(|file| file.path.clone()).collect()
}

/// An exception that is no longer needed is a violation too, so that the list never outlives its reasons.
pub(crate) fn too_long(files: &[File], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut violations = Vec::new();
    for File { path, text } in files {
        let lines = text.lines().count();
        let excepted = exceptions.iter().any(|(excepted, _)| excepted == path);
        if lines > HARD_LIMIT {
            violations.push(format!(
                "{path}: {lines} lines, and {HARD_LIMIT} is the end: look for the second noun"
            ));
        } else if lines > SOFT_LIMIT && !excepted {
            violations
                .push(format!("{path}: {lines} lines: split it, or give the reason in LONG_FOR_A_REASON"));
        } else if lines <= SOFT_LIMIT && excepted {
            violations.push(format!("{path}: {lines} lines: remove it from LONG_FOR_A_REASON"));
        }
    }
    let gone = exceptions.iter().filter(|(path, _)| !files.iter().any(|file| file.path == *path));
    violations.extend(gone.map(|(path, _)| format!("{path}: gone: remove it from LONG_FOR_A_REASON")));
    violations
}

pub(crate) fn ignored_tests(files: &[File]) -> Vec<String> {
    files.iter().flat_map(|file| lines_with(file, &[IGNORED])).collect()
}

pub(crate) fn sleeps(files: &[File], exceptions: &[(&str, &str)]) -> Vec<String> {
    let bound = files.iter().filter(|file| !exceptions.iter().any(|(path, _)| *path == file.path));
    bound.flat_map(|file| lines_with(file, SLEEPS)).collect()
}

/// Tests inside a room may listen: they play the outside world.
pub(crate) fn listeners(files: &[File]) -> Vec<String> {
    let bound = files.iter().filter(|file| !MAY_LISTEN.iter().any(|room| file.path.starts_with(room)));
    let bound = bound.filter(|file| !is_test_file(&file.path));
    let product = bound.map(|file| File::new(&file.path, without_tests(&file.text)));
    product.flat_map(|file| lines_with(&file, &["TcpListener", "UdpSocket", "UnixListener"])).collect()
}

pub(crate) fn unspeakable(files: &[File]) -> Vec<String> {
    files.iter().flat_map(|file| lines_with(file, &[PACKAGE_HOSTS, KEYS].concat())).collect()
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]").map_or(text, |(product, _)| product)
}

fn lines_with(file: &File, needles: &[&str]) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let hits = lines.filter(|(_, line)| needles.iter().any(|needle| line.contains(needle)));
    hits.map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim())).collect()
}

#[test]
fn a_module_without_a_doc_is_found() {
    let files =
        [File::new("a.rs", "//! What it is.\n"), File::new("b.rs", "use std::fs;\n"), File::new("c.rs", "")];
    assert_eq!(without_doc(&files), ["b.rs", "c.rs"]);
    assert!(without_doc(&[File::new("lake/src/commit/tests.rs", "use super::*;\n")]).is_empty());
}

#[test]
fn a_long_file_needs_a_reason_and_a_very_long_one_has_none() {
    let of = |lines: usize| "x\n".repeat(lines);
    let exceptions = &[("reasoned.rs", "one state machine")];
    let violations = |lines| too_long(&[File::new("reasoned.rs", &of(lines))], exceptions);
    assert!(violations(450).is_empty());
    assert_eq!(violations(501).len(), 1, "no reason carries past the hard limit");
    assert_eq!(violations(400).len(), 1, "the exception is stale");
    assert_eq!(too_long(&[], exceptions).len(), 1, "the file is gone");
    assert_eq!(too_long(&[File::new("a.rs", &of(401))], &[]).len(), 1);
    assert!(too_long(&[File::new("a.rs", &of(400))], &[]).is_empty());
}

#[test]
fn an_ignored_test_and_a_sleep_are_found_with_their_line() {
    let text = format!("//! A.\n{IGNORED} = \"slow\"]\nfn a() {{\n    std::{}d);\n}}\n", SLEEPS[1]);
    let files = [File::new("a.rs", &text)];
    assert_eq!(ignored_tests(&files).len(), 1);
    assert!(sleeps(&files, &[]).first().is_some_and(|found| found.starts_with("a.rs:4: ")));
    assert!(sleeps(&files, &[("a.rs", "why")]).is_empty());
}

#[test]
fn a_room_that_listens_is_found_but_its_tests_may() {
    let text = "//! A.\nuse tokio::net::TcpListener;\n";
    assert_eq!(listeners(&[File::new("alerting/src/api.rs", text)]).len(), 1);
    assert!(listeners(&[File::new("alerting/src/api/tests.rs", text)]).is_empty());
    assert!(
        listeners(&[File::new("alerting/src/api.rs", &format!("//! A.\n#[cfg(test)]\n{text}"))]).is_empty()
    );
    assert!(listeners(&[File::new("collector/src/grpc.rs", text)]).is_empty());
}

#[test]
fn a_package_host_and_a_key_are_found() {
    for bad in PACKAGE_HOSTS.iter().chain(KEYS) {
        assert_eq!(unspeakable(&[File::new("Makefile", &format!("fetch {bad}/x"))]).len(), 1, "{bad}");
    }
}
