//! The engines of all tenants, and who may ask which.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_model::{TenantName, TokenHash};

use crate::QueryEngine;

/// A tenant's engine.
#[derive(Clone, Debug)]
pub struct Database {
    pub engine: QueryEngine,
    /// Whoever shows one of these may ask; without any, everybody who reaches a listener may.
    pub tokens: Vec<TokenHash>,
}

/// Clones share the engines.
#[derive(Clone, Debug)]
pub struct Databases {
    default: Database,
    others: Arc<BTreeMap<TenantName, Database>>,
}

/// There is no such tenant, or the token is not its: who may not know the one learns nothing of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such tenant, or the token is not its")]
pub struct Locked;

impl Databases {
    #[must_use]
    pub fn new(default: Database, others: BTreeMap<TenantName, Database>) -> Self {
        Self { default, others: Arc::new(others) }
    }

    /// Of one engine that everybody may ask.
    #[must_use]
    pub fn open(engine: QueryEngine) -> Self {
        Self::new(Database { engine, tokens: Vec::new() }, BTreeMap::new())
    }

    #[must_use]
    pub fn default_engine(&self) -> &QueryEngine {
        &self.default.engine
    }

    /// Whether there is anything to hide behind a token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.all().any(|database| !database.tokens.is_empty())
    }

    /// Whether there are other tenants than the default one.
    pub(crate) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    pub fn engine(&self, tenant: &str, token: Option<&str>) -> Result<&QueryEngine, Locked> {
        let database = self.find(tenant).ok_or(Locked)?;
        let token = token.map(TokenHash::of);
        let is_welcome =
            database.tokens.is_empty() || token.is_some_and(|token| database.tokens.contains(&token));
        is_welcome.then_some(&database.engine).ok_or(Locked)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Database> {
        std::iter::once(&self.default).chain(self.others.values())
    }

    fn find(&self, tenant: &str) -> Option<&Database> {
        let name: TenantName = tenant.parse().ok()?;
        if name.is_default() { Some(&self.default) } else { self.others.get(&name) }
    }
}
