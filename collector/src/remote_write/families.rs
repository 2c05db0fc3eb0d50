//! What a metric is: Prometheus says so in requests of their own, now and then; until it has, its name says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::MetricMetadata;

/// Of one tenant; a sender that invents names must not fill the memory.
const MAX_FAMILIES: usize = 20_000;

/// Clones share what is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    known: Arc<Mutex<HashMap<String, Family>>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) is_counter: bool,
    pub(super) unit: String,
    pub(super) help: String,
}

/// `MetricMetadata.MetricType`.
const COUNTER: i32 = 1;
const HISTOGRAM: i32 = 3;
const GAUGE_HISTOGRAM: i32 = 4;
const SUMMARY: i32 = 5;

/// The series of a histogram or summary have the family's name and one of these.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

impl Families {
    pub(super) fn learn(&self, metadata: &[MetricMetadata]) {
        if metadata.is_empty() {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for told in metadata {
            let is_counter = matches!(told.kind, COUNTER | HISTOGRAM | SUMMARY);
            let family = Family { is_counter, unit: told.unit.clone(), help: told.help.clone() };
            // A summary's own series, its quantiles, go up and down.
            let goes_up = matches!(told.kind, HISTOGRAM | SUMMARY | GAUGE_HISTOGRAM);
            let names =
                goes_up.then_some(PARTS).into_iter().flatten().map(|part| format!("{}{part}", told.family));
            for name in names {
                remember(&mut known, name, family.clone());
            }
            let itself = Family { is_counter: told.kind == COUNTER, ..family };
            remember(&mut known, told.family.clone(), itself);
        }
    }

    /// Of a series by its name.
    pub(super) fn of(&self, name: &str) -> Family {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).cloned().unwrap_or_else(|| Family { is_counter: counts(name), ..Family::default() })
    }
}

fn remember(known: &mut HashMap<String, Family>, name: String, family: Family) {
    if known.len() < MAX_FAMILIES || known.contains_key(&name) {
        known.insert(name, family);
    }
}

/// By the conventions of Prometheus' names.
fn counts(name: &str) -> bool {
    name.ends_with("_total") || PARTS.iter().any(|part| name.ends_with(part))
}
