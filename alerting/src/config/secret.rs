//! What must never be printed, and where it comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::check::Report;
use super::http::is_web_address;

/// A password, key or address that is one. Only `expose` shows it.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Written into the file, or named by it. A named one is read for each delivery, so that it can be rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretSource {
    Inline(Secret),
    File(PathBuf),
}

impl SecretSource {
    pub(crate) async fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(path) => trimmed(path, tokio::fs::read_to_string(path).await),
        }
    }

    /// Whether it can be had, asked when the configuration is loaded.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Inline(_) => Ok(()),
            Self::File(path) => trimmed(path, std::fs::read_to_string(path)).map(drop),
        }
    }
}

impl Report {
    /// Exactly one of the two ways to give a secret. A file that is missing now may be there when it is needed: it is
    /// a warning, and deliveries wait for it.
    pub(super) fn secret(
        &mut self,
        inline: Option<Secret>,
        file: Option<PathBuf>,
        key: &str,
        at: u64,
    ) -> Option<SecretSource> {
        let source = match (inline, file) {
            (Some(secret), None) => SecretSource::Inline(secret),
            (None, Some(path)) => SecretSource::File(self.resolve(path)),
            (None, None) => {
                self.error(at, format!("`{key}` is missing: set it, or name a file in {key}_file"));
                return None;
            }
            (Some(_), Some(_)) => {
                self.error(at, format!("`{key}` and {key}_file are both set: keep one"));
                return None;
            }
        };
        if let Err(message) = source.check() {
            self.warn(at, format!("{message}: nothing can be sent with {key}_file until it is there"));
        }
        Some(source)
    }

    /// A web address that is a secret: for a webhook it often is the password, so that no finding shows it.
    pub(super) fn secret_address(
        &mut self,
        inline: Option<Secret>,
        file: Option<PathBuf>,
        key: &str,
        at: u64,
    ) -> Option<SecretSource> {
        if inline.as_ref().is_some_and(|url| !is_web_address(url.expose())) {
            self.error(
                at,
                format!("`{key}` is not a web address: it starts with https:// or http:// and a host"),
            );
        }
        self.secret(inline, file, key, at)
    }
}

fn trimmed(path: &Path, read: std::io::Result<String>) -> Result<Secret, String> {
    let text = read.map_err(|error| format!("cannot read the secret file {}: {error}", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("the secret file {} is empty", path.display()));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let source = SecretSource::Inline(Secret::new("hunter2"));
        assert_eq!(format!("{source:?}"), "Inline(<secret>)");
    }

    #[tokio::test]
    async fn a_secret_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "hunter2\n").expect("written");
        let secret = SecretSource::File(path.clone()).read().await.expect("readable");
        assert_eq!(secret.expose(), "hunter2");

        std::fs::write(&path, "\n").expect("written");
        assert!(SecretSource::File(path).check().expect_err("empty").contains("is empty"));
    }
}
