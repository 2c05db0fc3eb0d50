//! Every rule and objective of the pack has a test, and no threshold of theirs can be changed without one failing: the texts
//! are mutated number by number, and what survives has a reason here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plimsoll::rule_test::{self, Selection};
use tokio::task::JoinSet;

/// What a change of may go unnoticed: the rule, the line it stands in, the number, and why.
const SURVIVORS: &[(&str, &str, &str, &str)] = &[
    ("OrdersLateOnLocks", "for: 10s", "5", "the group is asked every 10 s"),
    ("CronKilled", "'odoo.ir.cron.done'", "3", "what ended before it began can't count"),
    ("ChangeDuringFreeze", "1.0 AS value", "", "the value only says that it is so"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/packs/odoo-distribution")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

fn rule_files() -> Vec<PathBuf> {
    let folder = folder();
    [files(&folder.join("rules"), ".yaml"), files(&folder.join("slos"), ".yaml")].concat()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a line defines: `- alert: NAME` or `slo: NAME`.
fn defines(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("- alert: ").or_else(|| line.strip_prefix("slo: ")).map(str::trim)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_of_the_pack_has_a_test_that_passes() {
    let mut running = JoinSet::new();
    let tests = files(&folder().join("tests"), ".test.yml");
    let texts: String = tests.iter().map(|path| read(path)).collect();
    for rule in rule_files()
        .iter()
        .flat_map(|path| read(path).lines().filter_map(defines).map(str::to_owned).collect::<Vec<_>>())
    {
        let is_expected = texts.contains(&format!("alertname: {rule}\n"))
            || texts.contains(&format!("alertname: {rule}, "));
        assert!(is_expected && texts.contains(&format!("rules: [{rule}]")), "{rule} has no test");
    }
    for file in tests {
        running.spawn(async move { rule_test::run(&file, &Selection::default()).await });
    }
    let mut passed = 0;
    while let Some(outcomes) = running.join_next().await {
        for outcome in outcomes.expect("no panic").expect("a good file") {
            assert!(
                outcome.failures.is_empty(),
                "{}: {}\n{}",
                outcome.file.display(),
                outcome.name,
                outcome.failures.join("\n")
            );
            passed += 1;
        }
    }
    assert!(passed > 40, "only {passed} tests were found");
}

/// One number of one rule, changed.
#[derive(Clone, Debug)]
struct Mutation {
    file: PathBuf,
    rule: String,
    line: usize,
    was: String,
    number: String,
    text: String,
}

/// Each threshold once larger and once smaller: by half of itself, and at least by one.
fn mutations(file: &Path) -> Vec<Mutation> {
    let text = read(file);
    let lines: Vec<&str> = text.lines().collect();
    let (mut rule, mut is_query, mut found) = (String::new(), false, Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let key = line.trim_start();
        if let Some(name) = defines(line) {
            rule = name.to_owned();
        }
        let is_threshold =
            ["for: ", "objective: ", "min_bad_events: "].iter().any(|start| key.starts_with(start));
        let begins_query = key.starts_with("sql: |") || key.starts_with("events: |");
        let indent = line.len() - key.len();
        // A query ends where a key stands no deeper than it; those of these files are indented by two or more below theirs.
        let ends_query = !key.is_empty()
            && key
                .split_once(':')
                .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            && indent <= 8;
        is_query =
            begins_query || (is_query && !ends_query && !key.starts_with("---") && !key.starts_with('#'));
        if key.starts_with('#') || !(is_threshold || (is_query && !begins_query)) {
            continue;
        }
        for (at, number) in numbers(line, is_threshold) {
            for changed in changes(number, key.starts_with("objective: ")) {
                let (before, rest) = line.split_at(at);
                let (_, after) = rest.split_at(number.len());
                let mutated = format!("{before}{changed}{after}");
                let mut all = lines.clone();
                all[index] = &mutated;
                let text = all.join("\n") + "\n";
                found.push(Mutation {
                    file: file.to_owned(),
                    rule: rule.clone(),
                    line: index + 1,
                    was: key.to_owned(),
                    number: changed,
                    text,
                });
            }
        }
    }
    found
}

/// Numbers that stand for themselves: not part of a name, not in a text but for an interval's, no position in GROUP BY.
fn numbers(line: &str, is_threshold: bool) -> Vec<(usize, &str)> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut quoted) = (0, None);
    while at < bytes.len() {
        match (bytes[at], quoted) {
            (b'\'', None) => quoted = Some(at),
            (b'\'', Some(_)) => quoted = None,
            (b'0'..=b'9', _) => {
                let end = at
                    + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
                let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
                let in_name = before.is_ascii_alphanumeric() || before == b'_' || before == b'.';
                let in_interval = quoted.is_none_or(|start| line.split_at(start).0.ends_with("INTERVAL "));
                let is_position =
                    line.split_at(at).0.rsplit_once("GROUP BY").is_some_and(|(_, rest)| {
                        rest.chars().all(|c| c.is_ascii_digit() || ", ".contains(c))
                    });
                let (number, _) = line.split_at(at).1.split_at(end - at);
                if !in_name
                    && in_interval
                    && (is_threshold || !is_position)
                    && number.parse::<f64>().is_ok_and(|value| value != 0.0)
                {
                    found.push((at, number));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn changes(number: &str, is_objective: bool) -> [String; 2] {
    let value: f64 = number.parse().expect("a number");
    if is_objective {
        // The budget doubled, and halved.
        return [100.0 - 2.0 * (100.0 - value), 100.0 - (100.0 - value) / 2.0]
            .map(|objective| objective.to_string());
    }
    if number.contains('.') {
        return [value * 0.5, value * 1.5].map(|value| value.to_string());
    }
    [(value * 0.5).floor(), (value * 1.5).ceil()].map(|value| value.to_string())
}

/// Whether some test of the rule fails over the changed text.
async fn is_noticed(mutation: &Mutation) -> bool {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = folder();
    for part in ["rules", "slos", "tests"] {
        let (from, to) = (folder.join(part), scratch.path().join(part));
        std::fs::create_dir(&to).expect("made");
        for file in files(&from, "") {
            std::fs::copy(&file, to.join(file.file_name().expect("a file"))).expect("copied");
        }
    }
    let own = mutation.file.strip_prefix(&folder).expect("of the pack");
    std::fs::write(scratch.path().join(own), &mutation.text).expect("written");
    let selection =
        Selection { rule: Some(mutation.rule.clone()), stops_at_failure: true, ..Selection::default() };
    let name = own.file_name().expect("a file").to_string_lossy().into_owned();
    for file in files(&scratch.path().join("tests"), ".test.yml") {
        let text = read(&file);
        if !text.contains(&name) || !text.contains(&format!("rules: [{}]", mutation.rule)) {
            continue;
        }
        let outcomes = rule_test::run(&file, &selection).await.expect("a good file");
        if outcomes.iter().any(|outcome| !outcome.failures.is_empty()) {
            return true;
        }
    }
    false
}

fn is_excused(mutation: &Mutation) -> bool {
    SURVIVORS.iter().any(|(rule, line, number, _)| {
        mutation.rule == *rule
            && mutation.was.contains(line)
            && (number.is_empty() || mutation.number == *number)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_threshold_of_the_pack_can_change_unnoticed() {
    let all: Vec<Mutation> = rule_files().iter().flat_map(|path| mutations(path)).collect();
    let rules: BTreeSet<&str> = all.iter().map(|mutation| mutation.rule.as_str()).collect();
    assert!(all.len() > 100 && rules.len() > 25, "{} mutations of {} rules", all.len(), rules.len());
    let (mut survivors, mut running) = (Vec::new(), JoinSet::new());
    let mut waiting = all.into_iter().filter(|mutation| !is_excused(mutation));
    loop {
        while running.len() < 12
            && let Some(mutation) = waiting.next()
        {
            running.spawn(async move { (Box::pin(is_noticed(&mutation)).await, mutation) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (is_noticed, mutation) = ended.expect("no panic");
        if !is_noticed {
            let Mutation { file, rule, line, was, number, .. } = mutation;
            survivors.push(format!("{}:{line}: {rule}: {number} in `{was}`", file.display()));
        }
    }
    assert!(survivors.is_empty(), "nothing notices:\n{}", survivors.join("\n"));
}
