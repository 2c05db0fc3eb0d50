//! The route tree: which receivers an alert goes to, and with which others it stands in one group.

mod tree;

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::{Labels, TenantName};

use crate::matcher::{Matcher, all_match};

pub use tree::labels_of;

/// One node, with everything it inherits filled in.
#[derive(Debug)]
pub(crate) struct Route {
    /// `{}/{severity="page"}`: the matchers from the root to here.
    pub(crate) path: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) receiver: String,
    pub(crate) group_by: GroupBy,
    pub(crate) timing: Timing,
    pub(crate) continues: bool,
    /// Names of time intervals.
    pub(crate) muted_during: Vec<String>,
    pub(crate) active_during: Vec<String>,
    pub(crate) routes: Vec<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupBy {
    /// `'...'`: every label, so each alert is its own group.
    All,
    Labels(BTreeSet<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) group_wait: Duration,
    pub(crate) group_interval: Duration,
    pub(crate) repeat_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(5 * 60),
            repeat_interval: Duration::from_secs(4 * 3600),
        }
    }
}

impl GroupBy {
    pub(crate) fn none() -> Self {
        Self::Labels(BTreeSet::new())
    }
}

impl Route {
    /// Depth first: the first child that matches ends the search among its siblings unless it continues; a route none
    /// of whose children match takes the alert itself.
    pub(crate) fn matching<'a>(&'a self, labels: &Labels) -> Vec<&'a Self> {
        let mut taken = Vec::new();
        self.walk(labels, &mut taken);
        taken
    }

    fn walk<'a>(&'a self, labels: &Labels, taken: &mut Vec<&'a Self>) -> bool {
        if !all_match(&self.matchers, labels) {
            return false;
        }
        let before = taken.len();
        for child in &self.routes {
            if child.walk(labels, taken) && !child.continues {
                break;
            }
        }
        if taken.len() == before {
            taken.push(self);
        }
        true
    }

    pub(crate) fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => names.iter().map(|name| (name.as_str(), labels.get(name))).collect(),
        }
    }

    /// `{}/{severity="page"}:{service="sales"}`: stable over restarts, and as long as the route's path is.
    pub(crate) fn group_key(&self, group_labels: &Labels) -> String {
        format!("{}:{group_labels}", self.path)
    }

    /// The same tree, whose groups are another's than those of other tenants.
    pub(crate) fn below_tenant(&mut self, tenant: &TenantName) {
        self.path = format!("{{tenant=\"{tenant}\"}}/{}", self.path);
        self.routes.iter_mut().for_each(|route| route.below_tenant(tenant));
    }

    pub(crate) fn path_below(parent: &str, matchers: &[Matcher]) -> String {
        let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        let own = format!("{{{}}}", matchers.join(","));
        if parent.is_empty() { own } else { format!("{parent}/{own}") }
    }
}

#[cfg(test)]
mod amtool;
#[cfg(test)]
mod tests;
