//! A test file as it is written. Where promtool's `test rules` has a word for something, this is the word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Config, RuleFiles};

const FILE_LIMIT_BYTES: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    /// Objectives and rule groups, globs allowed.
    #[serde(default)]
    rule_files: Vec<String>,
    #[serde(default)]
    packs: Vec<String>,
    #[serde(default)]
    skip: Vec<String>,
    calendars: Option<String>,
    alertmanager: Option<String>,
    escalation: Option<String>,
    pub(super) evaluation_interval: Option<String>,
    #[serde(alias = "start_timestamp")]
    pub(super) start: Option<String>,
    pub(super) tests: Vec<Case>,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// Only these objectives and alerts are loaded; all of the files, if it names none.
    #[serde(default)]
    pub(super) rules: Vec<String>,
    #[serde(alias = "start_timestamp")]
    pub(super) start: Option<String>,
    pub(super) evaluation_interval: Option<String>,
    /// How far apart the values of a series are, unless it says so itself.
    pub(super) interval: Option<String>,
    /// Nothing may fire, at any moment, but what is expected somewhere.
    #[serde(default)]
    pub(super) exactly: bool,
    #[serde(default, alias = "input_series")]
    pub(super) input: Vec<Input>,
    #[serde(default)]
    pub(super) alert_rule_test: Vec<AlertCheck>,
    #[serde(default)]
    pub(super) notification_test: Vec<NotificationCheck>,
}

/// Rows of one table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) table: Option<String>,
    /// `name{label="value"}`: rows of `metrics`.
    pub(super) series: Option<String>,
    /// In promtool's notation: `1 2 _ 5+1x10 0x3`, one value each `every`.
    pub(super) values: Option<String>,
    /// `2s`, or `2s from 08:00 to 09:00`.
    pub(super) every: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    /// Each row so many times at its moment.
    pub(super) times: Option<u32>,
    /// So long after its event time a row becomes visible.
    pub(super) late: Option<String>,
    /// Parquet, CSV or JSON lines, by its ending.
    pub(super) file: Option<String>,
    pub(super) rows: Option<Rows>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Rows {
    One(Map<String, Value>),
    Many(Vec<Map<String, Value>>),
}

impl Rows {
    pub(super) fn all(&self) -> &[Map<String, Value>] {
        match self {
            Self::One(row) => std::slice::from_ref(row),
            Self::Many(rows) => rows,
        }
    }
}

/// The alerts of one name at one moment: these and no others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertCheck {
    #[serde(alias = "at")]
    pub(super) eval_time: String,
    pub(super) alertname: String,
    /// Of those, only what has these labels is looked at.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedAlert {
    /// Labels that it has, among others.
    #[serde(default)]
    pub(super) exp_labels: BTreeMap<String, String>,
    /// What its annotations contain.
    #[serde(default)]
    pub(super) exp_annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) state: ExpectedState,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExpectedState {
    Pending,
    #[default]
    Firing,
    Resolved,
    /// Neither pending nor firing.
    Inactive,
}

/// The notifications since the check before, up to a moment: these and no others, in any order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationCheck {
    #[serde(alias = "at")]
    pub(super) eval_time: String,
    #[serde(default)]
    pub(super) exp_notifications: Vec<ExpectedNotification>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedNotification {
    pub(super) receiver: String,
    #[serde(default)]
    pub(super) status: Option<ExpectedStatus>,
    pub(super) reason: Option<String>,
    /// Labels of the group, among others.
    #[serde(default)]
    pub(super) group: BTreeMap<String, String>,
    /// If it names any: these alerts and no others, by their labels.
    #[serde(default)]
    pub(super) alerts: Vec<BTreeMap<String, String>>,
    /// What the text contains, as the person reads it.
    pub(super) text: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExpectedStatus {
    Firing,
    Resolved,
}

impl TestFile {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let about = || path.display().to_string();
        let size = std::fs::metadata(path).with_context(about)?.len();
        if size > FILE_LIMIT_BYTES {
            bail!("{}: more than {FILE_LIMIT_BYTES} bytes: put rows into files beside it", about());
        }
        let text = std::fs::read_to_string(path).with_context(about)?;
        let mut file: Self = serde_saphyr::from_str(&text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            anyhow::anyhow!("{}:{line}: {}", path.display(), error.without_snippet())
        })?;
        file.path = path.to_owned();
        if file.tests.is_empty() {
            bail!("{}: `tests` is empty: a file without a test proves nothing", about());
        }
        Ok(file)
    }

    /// Relative paths start here.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        let mut folder = std::path::absolute(&self.path)?;
        folder.pop();
        Ok(folder)
    }

    /// The files that it names, or those of the `plimsoll.toml` beside it.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let folder = self.folder()?;
        if !self.rule_files.is_empty() || !self.packs.is_empty() {
            return Config::of_rule_files(RuleFiles {
                folder,
                rule_files: self.rule_files.clone(),
                packs: self.packs.clone(),
                skip: self.skip.clone(),
                alertmanager: self.alertmanager.clone(),
                escalation: self.escalation.clone(),
                calendars: self.calendars.clone(),
            });
        }
        let beside = folder.join("plimsoll.toml");
        if !beside.exists() {
            bail!(
                "{}: it names neither `rule_files` nor `packs`, and there is no {}: add one of them",
                self.path.display(),
                beside.display()
            );
        }
        Config::read(&beside)
    }
}
