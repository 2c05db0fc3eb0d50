//! The layout, checked: arrows between rooms, what a source file looks like, and that the map shows every folder.
//!
//! Each check is a pure function from texts to violations, tried on bad input beside it; here it meets the real tree.

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/listing.rs"]
mod listing;
#[path = "tidy/signals.rs"]
mod signals;
#[path = "tidy/tree.rs"]
mod tree;

use arrows::Manifest;

/// Violations as a list one can work through, not only the first.
#[track_caller]
fn assert_none(what: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{what}:\n  {}\n", violations.join("\n  "));
}

fn manifests() -> Vec<Manifest> {
    let files = tree::read(|path| path == "Cargo.toml" || path.ends_with("/Cargo.toml"));
    files.iter().map(|file| Manifest::parse(&file.text)).collect()
}

fn rust_files() -> Vec<tree::File> {
    tree::read(|path| path.ends_with(".rs"))
}

#[test]
fn arrows_go_down_only() {
    let manifests = manifests();
    assert!(manifests.len() > 8, "the walk found only {} manifests", manifests.len());
    assert_none("an arrow that the house does not have", &arrows::forbidden_arrows(&manifests));
}

#[test]
fn only_the_rooms_that_may_call_out_can() {
    assert_none("a room has a client of the outside world", &arrows::forbidden_clients(&manifests()));
}

#[test]
fn there_is_no_drawer_for_everything() {
    let names: Vec<String> = manifests().into_iter().map(|manifest| manifest.name).collect();
    let paths: Vec<String> = rust_files().into_iter().map(|file| file.path).collect();
    assert_none("a name that says nothing", &arrows::drawers(&names, &paths));
}

#[test]
fn every_module_opens_with_its_doc() {
    let files = rust_files();
    assert!(files.len() > 40, "the walk found only {} files", files.len());
    assert_none("a module without a `//!` in its first line", &files::without_doc(&files));
}

#[test]
fn files_stay_short_enough_to_proofread() {
    assert_none("a file is too long", &files::too_long(&rust_files(), files::LONG_FOR_A_REASON));
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    let files = rust_files();
    assert_none("an ignored test", &files::ignored_tests(&files));
    assert_none("a sleep on the wall's clock", &files::sleeps(&files, files::MAY_SLEEP));
}

#[test]
fn only_collector_query_and_dashboards_listen() {
    assert_none("a room listens that may not", &files::listeners(&rust_files()));
}

#[test]
fn no_file_names_a_package_host_or_holds_a_key() {
    let all = tree::read(|_| true);
    assert!(all.iter().any(|file| file.path == "Makefile"), "the walk missed the Makefile");
    assert_none("something that must not be written down", &files::unspeakable(&all));
}

#[test]
fn the_map_shows_every_folder_and_no_other() {
    let map = tree::read(|path| path == "ARCHITECTURE.md");
    let map = &map.first().expect("ARCHITECTURE.md stands at the root").text;
    assert_none("ARCHITECTURE.md and the tree disagree", &listing::differences(map, &tree::folders()));
    assert_none("ARCHITECTURE.md and the check of arrows disagree", &listing::wrong_arrows(map));
}
