//! What people write into `plimsoll.toml`, right and wrong.

use super::*;

fn read(text: &str) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plimsoll.toml");
    std::fs::write(&file, text).expect("writable");
    Config::read(&file)
}

fn error_of(text: &str) -> String {
    format!("{:#}", read(text).expect_err("must be refused"))
}

#[test]
fn an_empty_file_has_every_default() {
    let config = read("").expect("valid");
    assert_eq!(config.listeners().map(|(_, address)| address.port()), [4317, 4318, 5433, 8088]);
    assert_eq!(config.public_url(), "http://127.0.0.1:8088");
    assert!(config.data_dir().is_absolute());
}

#[test]
fn the_shipped_example_says_exactly_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plimsoll.toml");
    let config = Config::read(&example).expect("the example is valid");
    assert_eq!(config.listeners(), Config::default().listeners());
    assert_eq!(
        config.lake(&TenantName::default()).flush_rows,
        Config::default().lake(&TenantName::default()).flush_rows
    );
    let upkeep = |config: &Config| format!("{:?}", config.lake(&TenantName::default()).upkeep);
    assert_eq!(upkeep(&config), upkeep(&Config::default()));
    assert_eq!(config.query().max_rows, Config::default().query().max_rows);
}

#[test]
fn an_unknown_key_names_its_line_and_what_is_expected() {
    let error = error_of("data_dir = \"data\"\n[collector]\ngrcp = \"127.0.0.1:1\"\n");
    assert!(error.contains("line 3"), "{error}");
    assert!(error.contains("grcp") && error.contains("`grpc`"), "{error}");
}

#[test]
fn a_number_without_a_unit_says_how_to_write_it() {
    let error = error_of("[lake]\nflush_age = \"60\"\n");
    assert!(error.contains("line 2") && error.contains("\"90s\""), "{error}");
}

#[test]
fn listening_beyond_this_machine_is_refused_with_the_reason() {
    let error = error_of("[dashboards]\nlisten = \"0.0.0.0:8088\"\n");
    assert!(error.contains("dashboards.listen") && error.contains("127.0.0.1:8088"), "{error}");
}

#[test]
fn a_rule_file_that_is_named_must_exist() {
    let config = read("[rules]\nfiles = [\"missing.yaml\"]\n").expect("valid");
    let error = config.rules(&Tenant::default()).expect_err("refused").to_string();
    assert!(error.contains("missing.yaml"), "{error}");
}

#[test]
fn a_pack_that_is_not_there_is_not_ignored() {
    let unknown = error_of("[rules]\npacks = [\"odoo-retail\"]\n");
    assert!(unknown.contains("odoo-retail") && unknown.contains("there are odoo-distribution"), "{unknown}");
}

#[test]
fn a_bare_file_name_stands_in_the_current_folder() {
    let here = std::env::current_dir().expect("a current folder");
    assert_eq!(folder_of(Path::new("plimsoll.toml")).expect("absolute"), here);
    assert_eq!(folder_of(Path::new("site/plimsoll.toml")).expect("absolute"), here.join("site"));
}

#[test]
fn a_table_may_be_kept_for_another_time_and_a_wrong_name_is_refused() {
    let config = read("[lake.retention]\nspans = \"3d\"\n").expect("valid");
    let days = |table| config.lake(&TenantName::default()).upkeep.retention_of(table).as_secs() / 86_400;
    assert_eq!([Table::Spans, Table::Logs, Table::BusinessEvents].map(days), [3, 14, 400]);
    let error = error_of("[lake.retention]\nspan = \"3d\"\n");
    assert!(error.contains("\"span\"") && error.contains("spans, logs"), "{error}");
}

#[test]
fn vacuum_must_outlive_the_longest_query() {
    let error = error_of("[lake]\nvacuum_grace = \"50s\"\n");
    assert!(error.contains("vacuum_grace") && error.contains("query.timeout"), "{error}");
    assert!(error_of("[lake]\ncompactions_per_hour = 0\n").contains("at least 1"));
}

/// The sources in the shipped example are comments, because they name servers that aren't there; read, they must be valid.
#[test]
fn the_sources_of_the_shipped_example_are_valid_and_know_every_key() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plimsoll.toml");
    let text = std::fs::read_to_string(example).expect("readable");
    let is_setting = |line: &&str| line.starts_with("[[sources.") || line.split(' ').nth(1) == Some("=");
    let commented = text.lines().filter_map(|line| line.strip_prefix("# "));
    let sources: Vec<&str> =
        commented.skip_while(|line| !line.starts_with("[[sources.")).filter(is_setting).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("secrets")).expect("writable");
    for authority in ["postgres-ca.pem", "redis-ca.pem"] {
        let file = folder.path().join("secrets").join(authority);
        std::fs::write(file, "-----BEGIN CERTIFICATE-----\n").expect("writable");
    }
    for secret in ["odoo-reader", "postgres-reader", "redis", "scrape"] {
        std::fs::write(folder.path().join("secrets").join(secret), "secret\n").expect("writable");
    }
    let file = folder.path().join("plimsoll.toml");
    std::fs::write(&file, sources.join("\n")).expect("writable");
    let config = Config::read(&file).expect("valid");
    assert!(!config.sources().sources.is_empty());
    for key in sources::keys() {
        assert!(sources.iter().any(|line| line.starts_with(&format!("{key} = "))), "no line says {key}");
    }
}
