//! What a reader must remember over a restart: one small JSON file a source, replaced as a whole or not at all.
//!
//! Written beside it, fsynced, renamed over it, and the folder fsynced: after a power cut it is the old one or the new one.
//! It is written after the records it accounts for are durable, so a crash between the two reads them once more.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const VERSION: u64 = 1;

/// The place of one source's cursor.
#[derive(Clone, Debug)]
pub(crate) struct CursorFile {
    path: PathBuf,
}

/// What a reader makes of its cursor; without one it begins with nothing.
pub(crate) fn memory<M: DeserializeOwned + Default>(remembered: Option<Value>) -> Result<M, String> {
    let read =
        |cursor| serde_json::from_value(cursor).map_err(|error| format!("its cursor is not one: {error}"));
    remembered.map_or_else(|| Ok(M::default()), read)
}

impl CursorFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// `None` when there is none yet. One that can't be read is put aside for a person, and the source begins anew.
    pub(crate) fn load(&self) -> io::Result<Option<Value>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(cursor) = parse(&text) {
            return Ok(Some(cursor));
        }
        let aside = self.path.with_extension("unreadable");
        tracing::error!(file = %aside.display(), "a source's cursor is unreadable and was put aside: it begins anew");
        fs::rename(&self.path, aside)?;
        Ok(None)
    }

    pub(crate) fn save(&self, cursor: &Value) -> io::Result<()> {
        let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary)?;
        serde_json::to_writer(&mut file, &json!({"version": VERSION, "cursor": cursor}))?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        sync_folder(folder)
    }
}

fn parse(text: &[u8]) -> Option<Value> {
    let mut stored: Value = serde_json::from_slice(text).ok()?;
    (stored["version"].as_u64()? == VERSION).then(|| stored["cursor"].take())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_was_saved_last_and_rubbish_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/odoo-main.json");
        let file = CursorFile::at(path.clone());
        assert_eq!(file.load().expect("readable"), None);
        file.save(&json!({"low": 1})).expect("writable");
        file.save(&json!({"low": 2})).expect("writable");
        assert_eq!(file.load().expect("readable"), Some(json!({"low": 2})));

        for rubbish in ["{\"version\": 1, \"cur", "{\"version\": 2, \"cursor\": {}}", ""] {
            fs::write(&path, rubbish).expect("writable");
            assert_eq!(file.load().expect("readable"), None, "{rubbish}");
            assert!(!path.exists());
        }
        assert!(path.with_extension("unreadable").exists());
    }

    #[test]
    fn a_half_written_successor_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CursorFile::at(folder.path().join("a.json"));
        file.save(&json!(7)).expect("writable");
        fs::write(folder.path().join("a.new"), "{\"ver").expect("writable");
        assert_eq!(file.load().expect("readable"), Some(json!(7)));
    }
}
