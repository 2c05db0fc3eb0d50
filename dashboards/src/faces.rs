//! What `src/` hands to this room.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use plimsoll_alerting::Alerting;
use plimsoll_model::{Clock, TenantName, Timestamp};
use plimsoll_query::Databases;

use crate::{MetricsSource, Runbook};

/// What the faces may look at.
#[derive(Clone, Debug)]
pub struct Faces {
    pub databases: Databases,
    /// The pipeline of each tenant that has a database.
    pub alerting: BTreeMap<TenantName, Alerting>,
    pub health: Arc<dyn Health>,
    pub metrics: Arc<dyn MetricsSource>,
    pub reload: Arc<dyn Reload>,
    /// The process's clock: the console tells ages by it, also when it runs faster than the wall's.
    pub clock: Arc<dyn Clock>,
    /// Since when the process serves.
    pub started_at: Timestamp,
    /// What links start with, without a slash at the end. Its host may be named in requests, beside loopback.
    pub public_url: String,
    /// What the links in alerts of the packs lead to.
    pub runbooks: Vec<Runbook>,
    pub version: &'static str,
}

/// Whether the process does its work, told by `src/`, which owns the tasks.
pub trait Health: Debug + Send + Sync {
    /// Each part's name and, when it is unwell, what is wrong with it.
    fn parts(&self) -> Vec<(String, Option<String>)>;

    /// What else is worth knowing, a line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why nothing that is sent now can be acknowledged.
    fn not_ready(&self) -> Option<String> {
        None
    }
}

/// Takes up what the files say now, done by `src/`, which reads them.
#[async_trait]
pub trait Reload: Debug + Send + Sync {
    /// The keys that changed and wait for a restart; or what is wrong with the files, each finding a line of its own, while
    /// everything stays as it was.
    async fn reload(&self) -> Result<Vec<String>, String>;
}
