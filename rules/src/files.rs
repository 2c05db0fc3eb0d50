//! From rule files to a [`RuleSet`]: each YAML document is told by its content, read strictly, resolved across files,
//! and checked against the SQL engine's schemas. All findings come back at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll_query::QueryEngine;

use crate::Config;
use crate::alert_rule::{AlertRule, RuleGroup};
use crate::calendar::{CalendarFile, Calendars};
use crate::finding::{Finding, Place};
use crate::objective::{Draft, Located};
use crate::packs::{Pack, PackFile};

mod calendars;
mod check;
mod compose;
mod documents;
mod expand;
mod groups;
mod openslo;
mod process;
mod short;

pub use check::CheckedObjective;
pub use expand::expand;

use documents::Kind;
pub(crate) use documents::unreadable;
use openslo::{Library, Slo};

const FILE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Everything the rule files say, parsed and checked (also against the SQL engine's schemas).
#[derive(Debug)]
pub struct RuleSet {
    pub objectives: Vec<CheckedObjective>,
    pub groups: Vec<RuleGroup>,
    /// To be shown to SQL once these rules are in force.
    pub calendars: Arc<Calendars>,
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
        let calendars = Arc::new(read_calendars(config, &mut findings).await);
        let (own, of_files) = parse(&files);
        let (of_packs, in_packs) = parse(&pack_files(config));
        findings.extend(of_files.into_iter().chain(in_packs));
        findings.extend(skips_nothing(config, &of_packs));
        let (parsed, unknown) = own.over(of_packs, &config.skip).only(&config.only);
        findings.extend(unknown);
        let (checked, of_engine) = check::against(engine, parsed, &calendars).await;
        findings.extend(of_engine);
        findings.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        let is_usable = findings.iter().all(|finding| !finding.is_error);
        (is_usable.then_some(checked), findings)
    }
}

/// The file's own calendars, and of the packs' those that it does not define.
async fn read_calendars(config: &Config, findings: &mut Vec<Finding>) -> Calendars {
    let mut own = Calendars::default();
    if let Some(file) = &config.calendars {
        match tokio::fs::read_to_string(file).await {
            Ok(text) => own = CalendarFile { file: file.clone(), text }.read(findings),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                findings.push(Place::new(file, 1).error(format!("the file can't be read: {error}")));
            }
        }
    }
    for pack in &config.packs {
        let Some(file) = pack.calendars() else { continue };
        let place = Path::new(pack.name).join(file.path);
        own = own.over(CalendarFile { file: place, text: file.text.to_owned() }.read(findings));
    }
    own
}

/// What files say as far as no engine is needed to know it.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) objectives: Vec<Located>,
    pub(crate) groups: Vec<RuleGroup>,
}

impl Parsed {
    /// What these files define stands; of the pack, what they don't and nobody wants to do without.
    fn over(mut self, pack: Self, skip: &[String]) -> Self {
        let is_wanted = |name: &str| skip.iter().all(|skipped| skipped != name);
        let slos: BTreeSet<String> = self.objectives.iter().map(|own| own.objective.name.clone()).collect();
        let alerts: BTreeSet<String> = self.alerts().map(|rule| rule.name.clone()).collect();
        let objectives = pack.objectives.into_iter().filter(|located| {
            let name = &located.objective.name;
            is_wanted(name) && !slos.contains(name)
        });
        self.objectives.extend(objectives);
        for mut group in pack.groups {
            group.rules.retain(|rule| is_wanted(&rule.name) && !alerts.contains(&rule.name));
            self.groups.extend((!group.rules.is_empty()).then_some(group));
        }
        self
    }

    /// Nothing but what has one of these names; with none, everything. A name that nothing has is a finding.
    fn only(mut self, names: &[String]) -> (Self, Vec<Finding>) {
        if names.is_empty() {
            return (self, Vec::new());
        }
        let slos = self.objectives.iter().map(|located| &located.objective.name);
        let known: BTreeSet<&String> = slos.chain(self.alerts().map(|rule| &rule.name)).collect();
        let unknown = names.iter().filter(|name| !known.contains(name));
        let says = |name| format!("no objective and no alert of these files has the name `{name}`");
        let place = Place::new(Path::new("rules"), 1);
        let findings = unknown.map(|name| place.error(says(name))).collect();
        self.objectives.retain(|located| names.contains(&located.objective.name));
        for group in &mut self.groups {
            group.rules.retain(|rule| names.contains(&rule.name));
        }
        self.groups.retain(|group| !group.rules.is_empty());
        (self, findings)
    }

    fn alerts(&self) -> impl Iterator<Item = &AlertRule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}

/// Their links lead to the console, which has the packs' runbooks.
fn pack_files(config: &Config) -> Vec<(PathBuf, String)> {
    let runbooks = format!("{}/runbooks/", config.public_url.trim_end_matches('/'));
    let file = |pack: &Pack, file: PackFile| {
        (Path::new(pack.name).join(file.path), file.text.replace("plimsoll:runbooks/", &runbooks))
    };
    config.packs.iter().flat_map(|pack| pack.rule_files().map(|found| file(pack, found))).collect()
}

/// A spelling mistake there would leave an alert on that somebody believes to be off.
fn skips_nothing(config: &Config, packs: &Parsed) -> Vec<Finding> {
    let slos = packs.objectives.iter().map(|located| &located.objective.name);
    let known: BTreeSet<&String> = slos.chain(packs.alerts().map(|rule| &rule.name)).collect();
    let unknown = config.skip.iter().filter(|name| !known.contains(name));
    unknown
        .map(|name| {
            let names = known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let known =
                if names.is_empty() { "no pack is used".to_owned() } else { format!("they define {names}") };
            let message = format!("rules.skip names `{name}`, which no pack defines: {known}");
            Place::new(Path::new("plimsoll.toml"), 1).error(message)
        })
        .collect()
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
        let of_slo = slo.drafts(&library, &file, &mut findings);
        drafts.extend(of_slo.into_iter().map(|draft| (file.clone(), draft)));
    }
    findings.extend(repeated_slos(&drafts));
    findings.extend(repeated_alerts(&groups));
    // A label of a group is looked at in each of its rules.
    let mut said = BTreeSet::new();
    findings.retain(|finding| said.insert((finding.file.clone(), finding.line, finding.message.clone())));
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
                self.drafts.push((file.to_owned(), short.draft(file)?));
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
