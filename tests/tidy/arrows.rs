//! Who may depend on whom, read from the manifests.

use toml::Table;

/// A room and the rooms it may import. `plimsoll`, the binary, may import all of them.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wal", &[]),
    ("lake", &["wal", "model"]),
    ("collector", &["lake", "model"]),
    ("sources", &["lake", "model"]),
    ("query", &["lake", "model"]),
    ("rules", &["query", "lake", "model"]),
    ("correlation", &["query", "model"]),
    ("alerting", &["model"]),
    ("dashboards", &["query", "rules", "correlation", "alerting", "lake", "model"]),
];

/// A client of the outside world and the rooms that may have it; the binary's `sql` verb is a client too.
const CLIENTS: &[(&str, &[&str])] = &[
    ("reqwest", &["alerting", "sources"]),
    ("lettre", &["alerting"]),
    ("tokio-postgres", &["sources", "alerting"]),
    ("redis", &["sources"]),
];

const DRAWERS: &[&str] = &["common", "utils", "util", "helpers", "helper", "misc", "shared"];

/// What a manifest says about arrows: package names, whatever a dependency was renamed to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<String>,
    pub(crate) dev_dependencies: Vec<String>,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Self {
        let manifest: Table = text.parse().expect("cargo reads this file too");
        let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
        let mut parsed = Self { name, ..Self::default() };
        parsed.take(&manifest);
        for (_, target) in manifest.get("target").and_then(|targets| targets.as_table()).into_iter().flatten()
        {
            parsed.take(target.as_table().expect("a target is a table"));
        }
        parsed
    }

    fn take(&mut self, section: &Table) {
        self.dependencies.extend(packages(section, "dependencies"));
        self.dependencies.extend(packages(section, "build-dependencies"));
        self.dev_dependencies.extend(packages(section, "dev-dependencies"));
    }

    /// `None` for the binary. A room's fuzz targets may import what the room may.
    fn room(&self) -> Option<&str> {
        let name = self.name.strip_prefix("plimsoll-")?;
        Some(name.strip_suffix("-fuzz").unwrap_or(name))
    }
}

fn packages(section: &Table, kind: &str) -> Vec<String> {
    let Some(dependencies) = section.get(kind).and_then(|value| value.as_table()) else { return Vec::new() };
    let package = |(key, value): (&String, &toml::Value)| {
        value.get("package").and_then(|name| name.as_str()).unwrap_or(key).to_owned()
    };
    dependencies.iter().map(package).collect()
}

/// A test that reaches into a room its crate may not know would be an arrow too, so dev-dependencies count.
pub(crate) fn forbidden_arrows(manifests: &[Manifest]) -> Vec<String> {
    let mut violations = Vec::new();
    for manifest in manifests {
        let Some(room) = manifest.room() else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            violations.push(format!("{room}: not a room of the house; add it to ARCHITECTURE.md and ROOMS"));
            continue;
        };
        let dependencies = manifest.dependencies.iter().chain(&manifest.dev_dependencies);
        let imports = dependencies.filter_map(|name| name.strip_prefix("plimsoll-"));
        let forbidden = imports.filter(|import| *import != room && !allowed.contains(import));
        violations.extend(forbidden.map(|import| format!("{room} -> {import}; it may import {allowed:?}")));
    }
    violations
}

/// Only `sources`, `alerting` and the binary have clients; a room's tests may.
pub(crate) fn forbidden_clients(manifests: &[Manifest]) -> Vec<String> {
    let mut violations = Vec::new();
    for manifest in manifests {
        let Some(room) = manifest.room() else { continue };
        for (client, allowed) in CLIENTS {
            if manifest.dependencies.iter().any(|name| name == client) && !allowed.contains(&room) {
                violations.push(format!("{room} has {client}; only {allowed:?} may call out with it"));
            }
        }
    }
    violations
}

/// Crates and module files named like the drawer in which nobody finds anything.
pub(crate) fn drawers(crates: &[String], paths: &[String]) -> Vec<String> {
    let crates = crates.iter().map(|name| (name, name.trim_start_matches("plimsoll-")));
    let modules = paths.iter().map(|path| (path, module_name(path)));
    let drawers = crates.chain(modules).filter(|(_, word)| DRAWERS.contains(word));
    drawers.map(|(name, _)| format!("{name}: a helper lives with its first user")).collect()
}

/// `query/src/util/mod.rs` and `query/src/util.rs` are both `util`.
fn module_name(path: &str) -> &str {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.rsplit('/').next().expect("a split has a last part")
}

fn manifest(name: &str, dependencies: &[&str]) -> Manifest {
    let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
    Manifest { name: name.to_owned(), dependencies, dev_dependencies: Vec::new() }
}

#[test]
fn an_arrow_up_or_sideways_is_found() {
    let up = manifest("plimsoll-wal", &["plimsoll-model"]);
    assert_eq!(forbidden_arrows(&[up]), ["wal -> model; it may import []"]);
    let sideways = manifest("plimsoll-rules", &["plimsoll-query", "plimsoll-alerting", "serde"]);
    assert_eq!(forbidden_arrows(&[sideways]).len(), 1);
    let in_tests =
        Manifest { dev_dependencies: vec!["plimsoll-query".into()], ..manifest("plimsoll-sources", &[]) };
    assert_eq!(forbidden_arrows(&[in_tests]).len(), 1);
    assert_eq!(forbidden_arrows(&[manifest("plimsoll-attic", &[])]).len(), 1);
    assert!(forbidden_arrows(&[manifest("plimsoll", &["plimsoll-rules", "plimsoll-alerting"])]).is_empty());
}

#[test]
fn a_renamed_or_platform_dependency_is_seen_through() {
    let text = "[package]\nname = \"plimsoll-model\"\n[dependencies]\nocean = { package = \"plimsoll-lake\" }\n\
                [target.'cfg(unix)'.dependencies]\nplimsoll-wal = { path = \"../wal\" }\n\
                [dev-dependencies]\nplimsoll-query.workspace = true\n";
    let manifest = Manifest::parse(text);
    assert_eq!(manifest.dependencies, ["plimsoll-lake", "plimsoll-wal"]);
    assert_eq!(forbidden_arrows(&[manifest]).len(), 3);
}

#[test]
fn a_client_in_a_room_that_may_not_call_out_is_found() {
    assert_eq!(forbidden_clients(&[manifest("plimsoll-rules", &["reqwest"])]).len(), 1);
    assert!(forbidden_clients(&[manifest("plimsoll-alerting", &["reqwest", "lettre"])]).is_empty());
}

#[test]
fn a_drawer_is_found_as_crate_and_as_module() {
    let found =
        drawers(&["plimsoll-common".into()], &["query/src/util/mod.rs".into(), "lake/src/utils.rs".into()]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(drawers(&["plimsoll-lake".into()], &["lake/src/commit.rs".into()]).is_empty());
}
