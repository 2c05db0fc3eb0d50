//! What of `plimsoll.toml` a running process takes up again: which rule files, calendars and routing it names. Everything
//! else went to rooms that are built once, and waits for a restart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Config;

/// Keys that are taken up.
const TAKEN_UP: [&str; 5] =
    ["rules.files", "rules.skip", "rules.calendars", "alerting.config", "alerting.escalation"];

/// The file as it was read.
#[derive(Clone, Debug)]
pub(super) struct Written {
    file: PathBuf,
    keys: Table,
}

impl Written {
    pub(super) fn new(file: &Path, text: &str) -> Result<Self> {
        let file = std::path::absolute(file).context("the file has no absolute path")?;
        Ok(Self { file, keys: toml::from_str(text)? })
    }
}

impl Config {
    /// The same with what its file says now, as far as that can be taken up, and the keys that changed besides.
    pub(crate) fn reread(&self) -> Result<(Self, Vec<String>)> {
        let Some(written) = &self.written else { return Ok((self.clone(), Vec::new())) };
        let new = Self::read(&written.file)?;
        let keys = new.written.as_ref().map(|written| written.keys.clone()).unwrap_or_default();
        let left_alone = changed(&written.keys, &keys);
        let mut next = self.clone();
        next.rules.files = new.rules.files;
        next.rules.skip = new.rules.skip;
        next.rules.calendars = new.rules.calendars;
        next.alerting.config = new.alerting.config;
        next.alerting.escalation = new.alerting.escalation;
        for tenant in &mut next.tenants {
            if let Some(known) = new.tenants.iter().find(|known| known.name == tenant.name) {
                tenant.rules.clone_from(&known.rules);
            }
        }
        Ok((next, left_alone))
    }
}

/// The keys whose values differ and can't be taken up, as `section.key`.
fn changed(before: &Table, after: &Table) -> Vec<String> {
    let sections: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changed = Vec::new();
    for section in sections {
        let (before, after) = (before.get(section), after.get(section));
        let is_table = |value: Option<&Value>| value.is_none_or(Value::is_table);
        if section == "tenants" {
            changed.extend((without_rules(before) != without_rules(after)).then(|| section.clone()));
        } else if is_table(before) && is_table(after) {
            let keys = |value: Option<&Value>| value.and_then(Value::as_table).cloned().unwrap_or_default();
            let (before, after) = (keys(before), keys(after));
            let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let differ = all.into_iter().filter(|key| before.get(*key) != after.get(*key));
            changed.extend(differ.map(|key| format!("{section}.{key}")));
        } else {
            changed.extend((before != after).then(|| section.clone()));
        }
    }
    changed.retain(|key| !TAKEN_UP.contains(&key.as_str()));
    changed
}

/// A tenant's own rule files are taken up.
fn without_rules(tenants: Option<&Value>) -> Vec<Value> {
    let mut tenants = tenants.and_then(Value::as_array).cloned().unwrap_or_default();
    for tenant in tenants.iter_mut().filter_map(Value::as_table_mut) {
        tenant.remove("rules");
    }
    tenants
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let table = |text: &str| -> Table { toml::from_str(text).expect("TOML") };
        assert_eq!(changed(&table(before), &table(after)), expected, "{before} | {after}");
    }

    #[test]
    fn what_waits_for_a_restart_is_named() {
        let before = "data_dir = 'data'\n[rules]\nfiles = ['a']\n[[tenants]]\nname = 'a'\nrules = ['a.yml']";
        check(before, before, &[]);
        check(before, &before.replace("['a']", "['b']"), &[]);
        check(before, &before.replace("a.yml", "b.yml"), &[]);
        check(before, &before.replace("name = 'a'", "name = 'b'"), &["tenants"]);
        check(before, &before.replace("'data'", "'other'"), &["data_dir"]);
        check(before, &format!("{before}\n[lake]\nflush_rows = 7"), &["lake.flush_rows"]);
        check(before, &before.replace("[rules]", "[rules]\npacks = ['x']"), &["rules.packs"]);
        check("[alerting]\nconfig = 'a'\n[query]\nmax_rows = 1", "", &["query.max_rows"]);
    }

    #[test]
    fn files_that_are_named_now_are_taken_up_and_the_rest_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plimsoll.toml");
        std::fs::write(&file, "[rules]\nfiles = ['a/*.yaml']\n").expect("written");
        let config = Config::read(&file).expect("valid");
        std::fs::write(&file, "data_dir = 'other'\n[rules]\nfiles = ['b/*.yaml']\n").expect("written");
        let (next, left_alone) = config.reread().expect("valid");
        assert_eq!(next.rules.files, ["b/*.yaml"]);
        assert_eq!(next.data_dir, config.data_dir);
        assert_eq!(left_alone, ["data_dir"]);
        std::fs::write(&file, "[rules]\nfile = 1\n").expect("written");
        assert!(format!("{:#}", config.reread().expect_err("refused")).contains("plimsoll.toml"));
    }
}
