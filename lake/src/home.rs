//! Where a tenant's files lie. Those of the default tenant are where they have always been; any other has one folder
//! for all it owns, so that it can be measured, backed up and deleted by itself.

use std::path::PathBuf;

use crate::durable_store::create_folders;
use crate::error::at;
use crate::{Config, LakeError};

/// Absolute, because Delta wants that.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// What the operator named; for messages.
    pub(crate) data_dir: PathBuf,
    /// A folder for each table.
    pub(crate) tables: PathBuf,
    pub(crate) log: PathBuf,
    /// Lock, schemas of the log's records, quarantine.
    pub(crate) own: PathBuf,
}

impl Home {
    pub(crate) fn create(config: &Config) -> Result<Self, LakeError> {
        let lake = config.data_dir.join("lake");
        create_folders(&lake).map_err(at(&lake))?;
        let home = Self::find(config)?;
        create_folders(&home.own).map_err(at(&home.own))?;
        Ok(home)
    }

    /// Makes nothing; the data folder must be there.
    pub(crate) fn find(config: &Config) -> Result<Self, LakeError> {
        let data_dir = config.data_dir.canonicalize().map_err(at(&config.data_dir))?;
        let lake = data_dir.join("lake");
        let tables = lake.join(config.tenant.as_str());
        Ok(if config.tenant.is_default() {
            Self { log: data_dir.join("wal"), own: lake, tables, data_dir }
        } else {
            Self { log: tables.join("wal"), own: tables.clone(), tables, data_dir }
        })
    }
}
