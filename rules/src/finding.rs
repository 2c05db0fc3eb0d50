//! What `check` says about a file: where, what is wrong, and the cure.

use std::path::{Path, PathBuf};

use serde_saphyr::Spanned;

/// One thing wrong with a file: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct Finding {
    pub file: PathBuf,
    pub line: u64,
    /// What is wrong and the cure, in one sentence each.
    pub message: String,
    pub is_error: bool,
}

/// Where something was said, so that a later check can still point at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: u64,
}

impl Place {
    pub(crate) fn new(file: &Path, line: u64) -> Self {
        Self { file: file.to_owned(), line }
    }

    pub(crate) fn of<T>(file: &Path, value: &Spanned<T>) -> Self {
        Self::new(file, value.referenced.line())
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Finding {
        Finding { file: self.file.clone(), line: self.line, message: message.into(), is_error: true }
    }

    pub(crate) fn warning(&self, message: impl Into<String>) -> Finding {
        Finding { is_error: false, ..self.error(message) }
    }
}
