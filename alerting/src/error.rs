//! What can go wrong with the pipeline itself; a receiver's refusal is an outcome, not an error.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    #[error("cannot create the folder of the alert store, {}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the alert store refused: {0}")]
    Store(#[from] rusqlite::Error),
    #[error("the alert store's database: {0}")]
    Database(String),
    #[error("this process stands by: another one decides and sends")]
    StandsBy,
    #[error("the alert store has format {found}, this binary knows {known}: start the newer binary")]
    FromTheFuture { found: u32, known: u32 },
    #[error("a record of the alert store cannot be read or written: {0}")]
    Record(#[from] serde_json::Error),
    #[error("column {column} of the alert store holds {found}, which is not what belongs there")]
    Column { column: String, found: &'static str },
    #[error("the alert store's task was stopped")]
    Stopped,
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}
