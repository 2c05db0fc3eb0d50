//! From rule files to a [`RuleSet`]: each YAML document is told by its content, read strictly, resolved across files,
//! and checked against the SQL engine's schemas. All findings come back at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use plimsoll_query::QueryEngine;

use crate::Config;
use crate::alert_rule::RuleGroup;
use crate::finding::{Finding, Place};
use crate::objective::{Draft, Located};

mod check;
mod documents;
mod expand;
mod groups;
mod openslo;
mod short;

pub use check::CheckedObjective;
pub use expand::expand;

use documents::Kind;
use openslo::{Library, Slo};

const FILE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Everything the rule files say, parsed and checked (also against the SQL engine's schemas).
#[derive(Debug)]
pub struct RuleSet {
    pub objectives: Vec<CheckedObjective>,
    pub groups: Vec<RuleGroup>,
}

impl RuleSet {
    /// Reads every file; all findings at once rather than the first. A set comes back only when none is an error.
    pub async fn load(config: &Config, engine: &QueryEngine) -> (Option<Self>, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut files = Vec::new();
        for file in &config.files {
            match tokio::fs::read_to_string(file).await {
                Ok(text) => files.push((file.clone(), text)),
                Err(error) => {
                    findings.push(Place::new(file, 1).error(format!("the file can't be read: {error}")))
                }
            }
        }
        let (parsed, of_files) = parse(&files);
        findings.extend(of_files);
        let (checked, of_engine) = check::against(engine, parsed).await;
        findings.extend(of_engine);
        findings.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        let is_usable = findings.iter().all(|finding| !finding.is_error);
        (is_usable.then_some(checked), findings)
    }
}

/// What files say as far as no engine is needed to know it.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) objectives: Vec<Located>,
    pub(crate) groups: Vec<RuleGroup>,
}

#[derive(Default)]
struct Reader {
    library: Library,
    slos: Vec<(PathBuf, Slo)>,
    drafts: Vec<(PathBuf, Draft)>,
    groups: Vec<RuleGroup>,
    findings: Vec<Finding>,
}

pub(crate) fn parse(files: &[(PathBuf, String)]) -> (Parsed, Vec<Finding>) {
    let mut reader = Reader::default();
    for (file, text) in files {
        reader.read(file, text);
    }
    let Reader { library, slos, mut drafts, groups, mut findings } = reader;
    for (file, slo) in slos {
        drafts.extend(slo.draft(&library, &file, &mut findings).map(|draft| (file, draft)));
    }
    findings.extend(repeated_slos(&drafts));
    findings.extend(repeated_alerts(&groups));
    let objectives =
        drafts.into_iter().filter_map(|(file, draft)| draft.check(&file, &mut findings)).collect();
    (Parsed { objectives, groups }, findings)
}

impl Reader {
    fn read(&mut self, file: &Path, text: &str) {
        if text.len() > FILE_LIMIT_BYTES {
            let message = format!("the file has more than {FILE_LIMIT_BYTES} bytes: split it");
            self.findings.push(Place::new(file, 1).error(message));
            return;
        }
        for document in documents::split(text) {
            if let Err(finding) = self.take(file, &document) {
                self.findings.push(finding);
            }
        }
    }

    fn take(&mut self, file: &Path, document: &documents::Document) -> Result<(), Finding> {
        match document.kind(file)? {
            Kind::ShortForm => {
                let short: short::ShortForm = document.parse(file)?;
                self.drafts.push((file.to_owned(), short.into()));
            }
            Kind::RuleGroups => {
                let rules: groups::RuleFile = document.parse(file)?;
                self.groups.extend(rules.check(file, &mut self.findings));
            }
            Kind::OpenSlo { kind } => {
                let slo = self.library.read(&kind, document, file)?;
                self.slos.extend(slo.map(|slo| (file.to_owned(), slo)));
            }
        }
        Ok(())
    }
}

fn repeated_slos(drafts: &[(PathBuf, Draft)]) -> Vec<Finding> {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    let mut findings = Vec::new();
    for (file, draft) in drafts {
        let place = Place::of(file, &draft.name);
        match first.get(draft.name.value.as_str()) {
            Some(other) => findings.push(place.error(format!(
                "the SLO `{}` is already defined at {}:{}: rename one",
                draft.name.value,
                other.file.display(),
                other.line
            ))),
            None => {
                first.insert(&draft.name.value, place);
            }
        }
    }
    findings
}

/// The same name may stand for several severities; the same name with the same labels is one alert with two truths.
fn repeated_alerts(groups: &[RuleGroup]) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        if !seen.insert(rule.id("")) {
            let message = format!(
                "the alert `{}` is already defined with the same labels: rename one or give it another label",
                rule.name
            );
            findings.push(rule.place.error(message));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
