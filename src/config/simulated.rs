//! Configurations for what never serves: tests of rules and replays. Data go to a folder of their own, nobody is told, and
//! nothing is fetched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll_alerting::Sending;

use super::units::{Size, Span};
use super::{Config, MIB, Tenant};

/// What a test file names in place of a `plimsoll.toml`; paths are relative to `folder`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleFiles {
    pub(crate) folder: PathBuf,
    pub(crate) rule_files: Vec<String>,
    pub(crate) packs: Vec<String>,
    pub(crate) skip: Vec<String>,
    pub(crate) alertmanager: Option<String>,
    pub(crate) escalation: Option<String>,
    pub(crate) calendars: Option<String>,
}

impl Config {
    /// Nothing but these files.
    pub(crate) fn of_rule_files(files: RuleFiles) -> anyhow::Result<Self> {
        let mut config = Self { base: files.folder, ..Self::default() };
        config.rules.files = files.rule_files;
        config.rules.packs = files.packs;
        config.rules.skip = files.skip;
        // Only what the test names counts; an empty path is none.
        config.alerting.escalation = files.escalation.map_or_else(PathBuf::new, PathBuf::from);
        // Without a routing file nobody is told: a name that stands for none.
        config.alerting.config = files.alertmanager.map_or_else(|| "no-routing-file".into(), PathBuf::from);
        if let Some(calendars) = files.calendars {
            config.rules.calendars = calendars.into();
        }
        config.check()?;
        Ok(config)
    }

    /// The same rules and routing over data in `data_dir`.
    pub(crate) fn simulated(mut self, data_dir: &Path, only: &[String]) -> Self {
        self.data_dir = data_dir.to_owned();
        self.tenants = vec![Tenant::default()];
        self.sources = Vec::new();
        self.alert_database = None;
        self.sending = Sending::Captured;
        self.only = only.to_vec();
        // A log of little files, for each is written in full before it is used.
        self.lake.log_segment = Size(MIB);
        // What is simulated may lie years back.
        self.lake.retention = BTreeMap::new();
        self.lake.event_window = Span(Duration::from_hours(24));
        self
    }
}
