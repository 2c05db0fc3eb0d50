//! A text of the file that is written for each notification.

use super::check::{Report, line};
use super::file::Text;
use crate::template::{Data, Mode, Template, TemplateError};

/// As it stands in the file, with its actions read.
#[derive(Clone, Debug)]
pub(crate) enum Wording {
    Fixed(String),
    Written(Template),
}

impl Wording {
    #[cfg(test)]
    pub(crate) fn fixed(text: &str) -> Self {
        Self::Fixed(text.to_owned())
    }

    #[cfg(test)]
    pub(crate) fn template(text: &str, mode: Mode) -> Self {
        let definitions = crate::template::Definitions::default();
        Self::Written(Template::parse("text", text, mode, &definitions).expect("valid"))
    }

    /// `None` with a finding when it can't be used; an absent key is no finding.
    pub(super) fn read(text: Option<&Text>, key: &str, mode: Mode, report: &mut Report) -> Option<Self> {
        let text = text?;
        if !text.value.contains("{{") {
            return Some(Self::Fixed(text.value.clone()));
        }
        report.template(text, key, mode).map(Self::Written)
    }

    /// Where nothing may depend on the alerts, such as whom a mail goes to.
    pub(super) fn literal(text: &Text, key: &str, report: &mut Report) -> Option<String> {
        if text.value.contains("{{") {
            report.error(
                line(text),
                format!("templates are not supported in `{key}`: write plain text, or remove it"),
            );
            return None;
        }
        Some(text.value.clone())
    }

    /// The text for these alerts. `Err` when they lead the template astray.
    pub(crate) fn say(&self, data: impl FnOnce() -> Data) -> Result<String, TemplateError> {
        match self {
            Self::Fixed(text) => Ok(text.clone()),
            Self::Written(template) => template.render(&data()),
        }
    }
}
