//! The map in ARCHITECTURE.md against the folders that are there.

/// The folders of the map are the lines `name/  what it is` of its first code block that has one.
pub(crate) fn differences(map: &str, folders: &[String]) -> Vec<String> {
    let shown = shown_folders(map);
    if shown.is_empty() {
        return vec!["ARCHITECTURE.md has no code block with lines like `model/  the nouns`".to_owned()];
    }
    let missing = folders.iter().filter(|folder| !shown.contains(folder));
    let missing = missing.map(|folder| format!("{folder}/ is not in ARCHITECTURE.md"));
    let gone = shown.iter().filter(|folder| !folders.contains(folder));
    let gone = gone.map(|folder| format!("{folder}/ is in ARCHITECTURE.md, but not in the tree"));
    missing.chain(gone).collect()
}

fn shown_folders(map: &str) -> Vec<String> {
    let blocks = map.split("```").skip(1).step_by(2);
    let mut listings = blocks.map(|block| block.lines().filter_map(folder).collect::<Vec<_>>());
    listings.find(|folders| !folders.is_empty()).unwrap_or_default()
}

/// Only top-level folders: an indented line, or one with a longer path, explains a part of one.
fn folder(line: &str) -> Option<String> {
    let (name, after) = line.split_once('/')?;
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    (is_name && after.starts_with(' ')).then(|| name.to_owned())
}

#[test]
fn a_folder_missing_on_either_side_is_found() {
    let map = "# Map\n```\nplimsoll serve\n```\n\n```\nmodel/  the nouns\nattic/  nobody knows\n  src/ deeper\nmodel/src/x.rs y\n```\n";
    let found = differences(map, &["model".into(), "wal".into()]);
    assert_eq!(
        found,
        ["wal/ is not in ARCHITECTURE.md", "attic/ is in ARCHITECTURE.md, but not in the tree"]
    );
    assert!(differences(map, &["model".into(), "attic".into()]).is_empty());
}

#[test]
fn a_map_without_a_listing_is_found() {
    assert_eq!(differences("# Map\nmodel/ in prose\n", &["model".into()]).len(), 1);
}
