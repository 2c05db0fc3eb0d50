//! Files that no version of a table refers to any more: what merges and retention left, and what a crash left behind.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use plimsoll_model::Timestamp;

/// Since when a file is known to be unreferenced. Our own clock says, not the file's date: a query that began before has
/// its whole time, also after a restart.
#[derive(Debug, Default)]
pub(crate) struct FirstSeen(HashMap<String, Timestamp>);

impl FirstSeen {
    /// Those that have been seen unreferenced for `grace`.
    pub(crate) fn due(
        &mut self,
        present: &HashSet<String>,
        in_use: &HashSet<String>,
        grace: Duration,
        now: Timestamp,
    ) -> Vec<String> {
        self.0.retain(|name, _| present.contains(name) && !in_use.contains(name));
        for name in present.difference(in_use) {
            self.0.entry(name.clone()).or_insert(now);
        }
        let due = self.0.iter().filter(|(_, since)| now.since(**since) >= grace);
        due.map(|(name, _)| name.clone()).collect()
    }
}

/// The names of the Parquet files in a table's folder.
pub(crate) fn data_files(folder: &Path) -> io::Result<HashSet<String>> {
    let mut names = HashSet::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.ends_with(".parquet")) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Whether commits lie there whose files may be all that is left of their rows.
pub(crate) fn has_quarantine(folder: &Path) -> bool {
    fs::read_dir(folder.join("_quarantine")).is_ok_and(|mut files| files.next().is_some())
}

/// Deletes those that may go; returns their sizes.
pub(crate) fn delete(
    folder: &Path,
    names: Vec<String>,
    may_go: impl Fn(&String) -> bool,
) -> io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    for name in names.into_iter().filter(may_go) {
        let path = folder.join(name);
        let size = fs::metadata(&path)?.len();
        fs::remove_file(&path)?;
        sizes.push(size);
    }
    if !sizes.is_empty() {
        File::open(folder)?.sync_all()?;
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_once_it_was_unreferenced_for_the_whole_grace() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<HashSet<_>>();
        let mut seen = FirstSeen::default();
        let hour = Duration::from_hours(1);
        let mut due = |present: &[&str], in_use: &[&str], secs| {
            seen.due(&names(present), &names(in_use), hour, Timestamp::from_secs(secs))
        };
        assert!(due(&["a", "b"], &["a", "b"], 0).is_empty());
        assert!(due(&["a", "b"], &["b"], 7200).is_empty(), "the grace begins when it is seen");
        assert!(due(&["a", "b"], &["a", "b"], 9000).is_empty(), "a commit that was looked for came back");
        assert!(due(&["a", "b"], &["b"], 10_000).is_empty());
        assert_eq!(due(&["a", "b"], &["b"], 13_600), ["a"]);
    }
}
