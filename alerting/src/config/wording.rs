//! A text of the file that is written for each notification.

use super::check::{Report, line};
use super::file::Text;

/// As it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wording(String);

impl Wording {
    #[cfg(test)]
    pub(crate) fn fixed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// `None` with a finding when it can't be used; an absent key is no finding.
    pub(super) fn read(text: Option<&Text>, key: &str, report: &mut Report) -> Option<Self> {
        let text = text?;
        if text.value.contains("{{") {
            report.error(
                line(text),
                format!("templates are not supported in `{key}`: write plain text, or remove it"),
            );
            return None;
        }
        Some(Self(text.value.clone()))
    }

    pub(crate) fn say(&self) -> String {
        self.0.clone()
    }
}
