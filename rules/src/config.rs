//! The room's own settings.

use std::path::PathBuf;
use std::time::Duration;

use plimsoll_model::TenantName;

use crate::Pack;

/// `[rules]` in `plimsoll.toml`, globs expanded by `src/`.
#[derive(Clone, Debug)]
pub struct Config {
    pub files: Vec<PathBuf>,
    /// `calendars.yml`; one that isn't there is no calendars.
    pub calendars: Option<PathBuf>,
    /// Embedded; what a file defines under the same name takes its place.
    pub packs: Vec<&'static Pack>,
    /// Objectives and alerts of packs that are not wanted.
    pub skip: Vec<String>,
    /// Objectives and alerts that are wanted, of files and packs alike; empty: all of them.
    pub only: Vec<String>,
    /// How often the evaluator looks at what arrived; groups with an `interval` of their own keep it.
    pub interval: Duration,
    /// What links in annotations start with.
    pub public_url: String,
    pub tenant: TenantName,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            calendars: None,
            packs: Vec::new(),
            skip: Vec::new(),
            only: Vec::new(),
            interval: Duration::from_secs(1),
            public_url: "http://127.0.0.1:8088".to_owned(),
            tenant: TenantName::default(),
        }
    }
}
