//! `docs/signals.yaml`, as far as tests of the product ask for it.

use std::fs;

use serde::Deserialize;

use crate::harness::root;

#[derive(Debug, Deserialize)]
pub(crate) struct Catalogue {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) events: Vec<Sent>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) logs: Vec<Sent>,
    pub(crate) spans: Vec<Sent>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// Who sends it, where not everybody does who sends its event.
    #[serde(default)]
    pub(crate) from: Vec<String>,
}

/// An event, a log record or a span; only the last has a kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) from: Vec<String>,
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) also: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Metric {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) from: Vec<String>,
    pub(crate) by: Vec<String>,
}

impl Catalogue {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(root().join("docs/signals.yaml")).expect("it is part of the tree");
        serde_saphyr::from_str(&text).expect("docs/signals.yaml follows its form")
    }
}
