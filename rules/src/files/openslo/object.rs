//! What all kinds have in common: metadata, names, labels, descriptions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use crate::finding::{Finding, Place};
use crate::objective::is_object_name;

const DESCRIPTION_LIMIT: usize = 1_050;

/// A document of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Object<Spec> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

/// One that stands within another: its kind may be left out, its name too.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Inline<Spec> {
    pub(super) kind: Option<Spanned<String>>,
    pub(super) metadata: Option<Metadata>,
    pub(super) spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) name: Spanned<String>,
    #[serde(rename = "displayName")]
    _display_name: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, Spanned<OneOrMany>>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Metadata {
    /// What holds for every kind; the name of an SLO becomes a label and is looked at more closely later.
    pub(super) fn check(&self, file: &Path) -> Result<(), Finding> {
        if !is_reference(&self.name.value) {
            let message = format!(
                "`{}` can't be a name: use letters, digits, `-`, `.`, a letter or digit first and last, 255 at most",
                self.name.value
            );
            return Err(Place::of(file, &self.name).error(message));
        }
        for (key, value) in &self.labels {
            if !is_key(key) {
                let message = format!(
                    "`{key}` can't be the key of a label: use at most 63 letters, digits, `-`, `_`, `.`, a letter or \
                     digit first and last"
                );
                return Err(Place::of(file, value).error(message));
            }
        }
        for (key, value) in &self.annotations {
            if !is_annotation_key(key) {
                let message = format!(
                    "`{key}` can't be the key of an annotation: write NAME or PREFIX/NAME, the prefix a domain name"
                );
                return Err(Place::of(file, value).error(message));
            }
        }
        Ok(())
    }
}

pub(super) fn check_description(description: Option<&Spanned<String>>, file: &Path) -> Result<(), Finding> {
    let too_long = description.filter(|text| text.value.chars().count() > DESCRIPTION_LIMIT);
    let Some(description) = too_long else { return Ok(()) };
    let length = description.value.chars().count();
    let message = format!("the description has {length} characters: shorten it to {DESCRIPTION_LIMIT}");
    Err(Place::of(file, description).error(message))
}

/// What others may be called: RFC 1123, and what the specification encourages besides (its own examples use it).
pub(super) fn is_reference(name: &str) -> bool {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[A-Za-z0-9]([-A-Za-z0-9._|/\\]{0,253}[A-Za-z0-9])?$").expect("a valid pattern")
    });
    NAME.is_match(name)
}

fn is_key(key: &str) -> bool {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$").expect("a valid pattern")
    });
    KEY.is_match(key)
}

fn is_annotation_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => prefix.len() <= 253 && prefix.split('.').all(is_object_name) && is_key(name),
        None => is_key(key),
    }
}
