//! What can go wrong, told apart by whether trying again makes sense.

use std::path::Path;

use plimsoll_wal::WalError;

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Nothing of the request was kept; trying again later makes sense.
    #[error("the lake can't take writes at the moment: {0}")]
    Unavailable(String),
    /// As `Unavailable`, for as long as a flush takes.
    #[error("the lake can't take writes at the moment: {0}")]
    Full(String),
    #[error("{0}")]
    Other(String),
}

impl From<WalError> for LakeError {
    fn from(error: WalError) -> Self {
        match error {
            WalError::Io { .. } => Self::Unavailable(error.to_string()),
            WalError::TooLarge { .. } | WalError::Version { .. } => Self::Other(error.to_string()),
        }
    }
}

/// Names the place of an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> LakeError {
    move |error| LakeError::Other(format!("{}: {error}", path.display()))
}
