//! A YAML file as its documents, each padded so that line numbers stay the file's.

use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::{MessageFormatter, Spanned};

use crate::finding::{Finding, Place};

#[derive(Debug)]
pub(crate) struct Document {
    text: String,
    line: u64,
}

/// What a document is, told by what it says.
#[derive(Debug)]
pub(crate) enum Kind {
    ShortForm,
    RuleGroups,
    OpenSlo { kind: String },
}

#[derive(Deserialize)]
struct Probe {
    slo: Option<IgnoredAny>,
    groups: Option<IgnoredAny>,
    #[serde(rename = "apiVersion")]
    api_version: Option<Spanned<String>>,
    kind: Option<Spanned<String>>,
    /// Sloth's.
    version: Option<Spanned<String>>,
}

/// v2alpha is read, never written.
const VERSIONS: [&str; 2] = ["openslo/v1", "openslo.com/v2alpha"];

const SLOTH: &str = "this is a specification of Sloth, whose queries are PromQL: write each of its SLOs as `slo:`, `service:`, \
                     `objective:`, `window: 30d` and `events:`, an SQL query with one row an event and a boolean `good` \
                     (what error_query counts is NOT good); page_alert and ticket_alert are built in";

/// `---` at the start of a line begins a document wherever it stands, even within a block of text.
pub(crate) fn split(text: &str) -> Vec<Document> {
    let mut documents = vec![Document { text: String::new(), line: 1 }];
    for (number, line) in text.lines().enumerate() {
        let is_marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if is_marker {
            documents.push(Document { text: "\n".repeat(number), line: number as u64 + 1 });
        }
        if let Some(document) = documents.last_mut() {
            document.text.push_str(line);
            document.text.push('\n');
        }
    }
    documents.retain(Document::says_something);
    documents.into_iter().flat_map(Document::items).collect()
}

impl Document {
    /// A list of objects, as OpenSLO's own tools write them, is as many documents.
    fn items(self) -> Vec<Self> {
        let begins = |line: &str| {
            let key = line.strip_prefix("- ").and_then(|rest| rest.split_once(':')).map(|(key, _)| key);
            key.is_some_and(|key| !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphabetic()))
        };
        let says = |line: &&str| !line.trim().is_empty() && !line.starts_with(['#', '-']) || begins(line);
        if !self.text.lines().find(says).is_some_and(begins) {
            return vec![self];
        }
        let mut items: Vec<Self> = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            if begins(line) {
                items.push(Self { text: "\n".repeat(number), line: number as u64 + 1 });
            }
            if let Some(item) = items.last_mut() {
                item.text
                    .push_str(&line.strip_prefix("- ").map_or(line.to_owned(), |rest| format!("  {rest}")));
                item.text.push('\n');
            }
        }
        items
    }

    fn says_something(&self) -> bool {
        let mut lines = self.text.lines().map(|line| line.strip_prefix("---").unwrap_or(line).trim());
        lines.any(|line| !line.is_empty() && !line.starts_with('#') && line != "...")
    }

    pub(crate) fn place(&self, file: &Path) -> Place {
        Place::new(file, self.line)
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self, file: &Path) -> Result<T, Finding> {
        serde_saphyr::from_str(&self.text).map_err(|error| unreadable(file, self.line, &error))
    }

    pub(crate) fn kind(&self, file: &Path) -> Result<Kind, Finding> {
        let probe: Probe = self.parse(file)?;
        if probe.slo.is_some() {
            return Ok(Kind::ShortForm);
        }
        if probe.groups.is_some() {
            return Ok(Kind::RuleGroups);
        }
        if let Some(version) = probe.version.filter(|version| version.value.starts_with("prometheus/")) {
            return Err(Place::of(file, &version).error(SLOTH));
        }
        let (Some(version), Some(kind)) = (probe.api_version, probe.kind) else {
            let message = "this is neither an SLO in the short form (`slo:`), nor OpenSLO (`apiVersion:` and `kind:`), \
                           nor rule groups (`groups:`): begin with one of them";
            return Err(self.place(file).error(message));
        };
        if !VERSIONS.contains(&version.value.as_str()) {
            let message =
                format!("`{}` is not a version we read: write `apiVersion: openslo/v1`", version.value);
            return Err(Place::of(file, &version).error(message));
        }
        Ok(Kind::OpenSlo { kind: kind.value })
    }
}

/// What the parser says, at its line; `line` is where the text begins.
pub(crate) fn unreadable(file: &Path, line: u64, error: &serde_saphyr::DeserializeError) -> Finding {
    let line = error.location().map_or(line, |location| location.line());
    Place::new(file, line).error(message_of(error))
}

/// The parser's message without the snippet and the position, which the finding has already.
fn message_of(error: &serde_saphyr::DeserializeError) -> String {
    serde_saphyr::DefaultMessageFormatter.format_message(error.without_snippet()).into_owned()
}
