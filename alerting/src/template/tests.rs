mod bounds;
mod errors;
mod html;
mod language;
mod oracle;

use std::sync::LazyLock;

use super::*;
use crate::message::samples;

/// Read once: they are what takes the time.
static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(Definitions::default);

pub(super) fn data() -> Data {
    Data::new(&samples::three_and_one_over(), "http://127.0.0.1:8088")
}

pub(super) fn rendered_as(text: &str, mode: Mode) -> Result<String, TemplateError> {
    Template::parse("text", text, mode, &DEFINITIONS)?.render(&data())
}

pub(super) fn rendered(text: &str) -> Result<String, TemplateError> {
    rendered_as(text, Mode::Text)
}

#[track_caller]
pub(super) fn check(text: &str, expected: &str) {
    assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
}

/// Refused before there is any alert.
#[track_caller]
pub(super) fn refused(text: &str, words: &str) {
    let error = Template::parse("text", text, Mode::Text, &DEFINITIONS).expect_err(text);
    assert!(error.to_string().contains(words), "{text}: {error}");
}
