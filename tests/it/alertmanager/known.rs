//! The differences that we want, each with its reason: `tests/data/alertmanager/differences.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::harness::root;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    difference: Vec<Difference>,
}

/// Shown by one timeline, with what each side says there, to the second.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Difference {
    /// `order of alerts` stands for all of them.
    pub(super) timeline: String,
    reason: String,
    #[serde(default)]
    pub(super) ours: Vec<String>,
    #[serde(default)]
    pub(super) theirs: Vec<String>,
}

pub(super) const ORDER: &str = "order of alerts";

/// By timeline.
pub(super) fn differences() -> BTreeMap<String, Difference> {
    let path = root().join("tests/data/alertmanager/differences.toml");
    let text = std::fs::read_to_string(&path).expect("the list is there");
    let file: File = toml::from_str(&text).expect("the list is TOML");
    let mut known = BTreeMap::new();
    for difference in file.difference {
        assert!(difference.reason.len() > 20, "{}: say why we want it", difference.timeline);
        let name = difference.timeline.clone();
        assert!(known.insert(name.clone(), difference).is_none(), "{name} is listed twice");
    }
    known
}
