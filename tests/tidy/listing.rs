//! The map in ARCHITECTURE.md against the folders that are there and the arrows that are checked.

use crate::arrows::ROOMS;

/// A row of the map: | `name/` | its work | what it may import |
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    folder: &'a str,
    imports: Vec<&'a str>,
}

pub(crate) fn differences(map: &str, folders: &[String]) -> Vec<String> {
    let rows = rows(map);
    if rows.is_empty() {
        return vec!["ARCHITECTURE.md has no table with rows like | `model/` | the nouns | - |".to_owned()];
    }
    let missing = folders.iter().filter(|folder| !rows.iter().any(|row| row.folder == *folder));
    let missing = missing.map(|folder| format!("{folder}/ is not in ARCHITECTURE.md"));
    let gone = rows.iter().filter(|row| !folders.iter().any(|folder| folder == row.folder));
    let gone = gone.map(|row| format!("{}/ is in ARCHITECTURE.md, but not in the tree", row.folder));
    missing.chain(gone).collect()
}

/// What the map lets a room import must be what the check lets it; rooms that are yet to come are not on the map.
pub(crate) fn wrong_arrows(map: &str) -> Vec<String> {
    let rows = rows(map);
    let mut violations = Vec::new();
    for (room, allowed) in ROOMS {
        let Some(row) = rows.iter().find(|row| row.folder == *room) else { continue };
        let is_shown = |name: &&&str| rows.iter().any(|row| row.folder == **name);
        let mut allowed: Vec<&str> = allowed.iter().filter(is_shown).copied().collect();
        let mut imports = row.imports.clone();
        allowed.sort_unstable();
        imports.sort_unstable();
        if imports != allowed {
            violations.push(format!("{room}: the map says {imports:?}, the check {allowed:?}"));
        }
    }
    violations
}

fn rows(map: &str) -> Vec<Row<'_>> {
    map.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let folder = cells.next()?.strip_prefix('`')?.strip_suffix("/`")?;
    let imports = cells.nth(1)?.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "-")).collect();
    Some(Row { folder, imports })
}

#[test]
fn a_folder_missing_on_either_side_is_found() {
    let map = "# Map\n| room | work | may import |\n| --- | --- | --- |\n| `model/` | the `nouns/` | - |\n| `attic/` | ? | |\n";
    let found = differences(map, &["model".into(), "wal".into()]);
    assert_eq!(
        found,
        ["wal/ is not in ARCHITECTURE.md", "attic/ is in ARCHITECTURE.md, but not in the tree"]
    );
    assert!(differences(map, &["model".into(), "attic".into()]).is_empty());
    assert_eq!(differences("# Map\n`model/` in prose\n", &["model".into()]).len(), 1);
}

#[test]
fn an_arrow_on_the_map_that_is_not_checked_is_found() {
    let map = |imports| {
        format!("| `model/` | nouns | - |\n| `wal/` | log | - |\n| `lake/` | tables | {imports} |\n")
    };
    assert!(wrong_arrows(&map("model, wal")).is_empty());
    for imports in ["-", "wal", "wal, model, query"] {
        assert_eq!(wrong_arrows(&map(imports)).len(), 1, "{imports}");
    }
}
