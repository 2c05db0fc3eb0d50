//! That everything in the folder is embedded, and that it reads.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn on_disk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the pack's folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => on_disk(&entry.path(), &format!("{name}/"), found),
            false => drop(found.insert(name)),
        }
    }
}

#[test]
fn every_file_of_a_packs_folder_is_embedded() {
    for pack in Pack::all() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs").join(pack.name);
        let mut found = BTreeSet::new();
        on_disk(&folder, "", &mut found);
        let embedded: BTreeSet<String> = pack.files.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(embedded, found, "{}", pack.name);
    }
}

#[test]
fn every_runbook_that_is_named_is_there_and_none_lies_unused() {
    for pack in Pack::all() {
        let there: BTreeSet<&str> = pack.runbooks().map(|(name, _)| name).collect();
        let named: BTreeSet<&str> = pack
            .rule_files()
            .flat_map(|file| file.text.split("plimsoll:runbooks/").skip(1))
            .map(|rest| rest.split(|letter: char| letter.is_whitespace()).next().unwrap_or_default())
            .collect();
        assert_eq!(named, there, "{}", pack.name);
    }
}
