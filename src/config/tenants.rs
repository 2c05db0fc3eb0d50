//! `[[tenants]]`: who has data here, what they show at the door, and how much they may send.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use plimsoll_collector::Quota;
use plimsoll_model::{TenantName, TokenHash};
use serde::Deserialize;

use super::secrets::{self, Named};
use super::units::Size;

/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// A tenant as it is written. Tokens are named, never written here: this file gets into repositories and support tickets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantEntry {
    name: String,
    ingest_token_env: Option<String>,
    ingest_token_file: Option<PathBuf>,
    query_token_env: Option<String>,
    query_token_file: Option<PathBuf>,
    items_per_second: Option<u64>,
    bytes_per_second: Option<Size>,
    series_per_hour: Option<usize>,
    /// In place of `rules.files`.
    rules: Option<Vec<String>>,
}

/// A tenant, its tokens read.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    pub name: TenantName,
    pub ingest_tokens: Vec<TokenHash>,
    pub query_tokens: Vec<TokenHash>,
    pub quota: Quota,
    pub(super) rules: Option<Vec<String>>,
    /// What we show ourselves when we send our own telemetry.
    own_token: Option<OwnToken>,
}

#[derive(Clone)]
struct OwnToken(String);

impl std::fmt::Debug for OwnToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnToken(..)")
    }
}

impl Tenant {
    /// The secret itself, for a header and nothing else.
    pub(crate) fn own_token(&self) -> Option<&str> {
        self.own_token.as_ref().map(|token| token.0.as_str())
    }
}

/// All of them, the default tenant first whether it is written or not.
pub(super) fn read(entries: &[TenantEntry], base: &Path) -> anyhow::Result<Vec<Tenant>> {
    let mut tenants = vec![Tenant::default()];
    for (i, entry) in entries.iter().enumerate() {
        let tenant = entry.read(base).with_context(|| format!("tenants[{i}] (name = \"{}\")", entry.name))?;
        match tenants.iter().position(|known| known.name == tenant.name) {
            Some(0) if entries[..i].iter().all(|earlier| earlier.name != entry.name) => tenants[0] = tenant,
            Some(_) => bail!("tenants names \"{}\" twice: give each tenant one entry", tenant.name),
            None => tenants.push(tenant),
        }
    }
    check_tokens(&tenants)?;
    Ok(tenants)
}

fn check_tokens(tenants: &[Tenant]) -> anyhow::Result<()> {
    let mut owners = HashMap::new();
    for tenant in tenants {
        let name = &tenant.name;
        ensure!(
            !tenant.ingest_tokens.is_empty() || name.is_default(),
            "tenants: \"{name}\" needs ingest_token_env or ingest_token_file, or nobody could send for it"
        );
        let own: std::collections::HashSet<_> =
            tenant.ingest_tokens.iter().chain(&tenant.query_tokens).collect();
        for token in own {
            if let Some(other) = owners.insert(token, name) {
                bail!("tenants: \"{other}\" and \"{name}\" have the same token: whose would it be?");
            }
        }
    }
    Ok(())
}

impl TenantEntry {
    fn read(&self, base: &Path) -> anyhow::Result<Tenant> {
        let ingest = tokens(
            "ingest_token",
            self.ingest_token_env.as_deref(),
            self.ingest_token_file.as_deref(),
            base,
        )?;
        let query =
            tokens("query_token", self.query_token_env.as_deref(), self.query_token_file.as_deref(), base)?;
        for (key, limit) in [
            ("items_per_second", self.items_per_second),
            ("bytes_per_second", self.bytes_per_second.map(|size| size.0 as u64)),
            ("series_per_hour", self.series_per_hour.map(|series| series as u64)),
        ] {
            ensure!(limit != Some(0), "{key} = 0 would refuse everything: leave it out for no limit");
        }
        Ok(Tenant {
            name: self.name.parse().context("name")?,
            own_token: ingest.first().cloned().map(OwnToken),
            ingest_tokens: ingest.iter().map(|token| TokenHash::of(token)).collect(),
            query_tokens: query.iter().map(|token| TokenHash::of(token)).collect(),
            quota: Quota {
                items_per_second: self.items_per_second,
                bytes_per_second: self.bytes_per_second.map(|size| size.0 as u64),
                series_per_hour: self.series_per_hour,
            },
            rules: self.rules.clone(),
        })
    }
}

/// One a line or separated by blanks: the old and the new one while a token is being changed. Errors name the place and
/// never what stands there.
fn tokens(key: &str, env: Option<&str>, file: Option<&Path>, base: &Path) -> anyhow::Result<Vec<String>> {
    let Some(Named { place, text }) = secrets::read(key, env, file, base)? else { return Ok(Vec::new()) };
    let tokens: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    ensure!(!tokens.is_empty(), "{place} is empty");
    let is_fit =
        |token: &String| token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        tokens.iter().all(is_fit),
        "{place} holds a token that is shorter than {SHORTEST_TOKEN} characters or not plain ASCII: \
         make one with `openssl rand -hex 32`"
    );
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef";

    fn read_all(entries: &str) -> anyhow::Result<Vec<Tenant>> {
        #[derive(Deserialize)]
        struct File {
            tenants: Vec<TenantEntry>,
        }
        let folder = tempfile::tempdir()?;
        for (name, text) in [
            ("one", format!("{LONG}1\n")),
            ("two", format!("{LONG}2\n{LONG}3\n")),
            ("short", "0123456789abcde".into()),
            ("empty", " \n".into()),
            ("odd", format!("{LONG}ü")),
        ] {
            std::fs::write(folder.path().join(name), text)?;
        }
        let file: File = toml::from_str(entries)?;
        read(&file.tenants, folder.path())
    }

    fn error(entries: &str) -> String {
        format!("{:#}", read_all(entries).expect_err(entries))
    }

    #[test]
    fn the_default_tenant_is_always_there_and_first() {
        let tenants = read_all("[[tenants]]\nname = \"acme\"\ningest_token_file = \"two\"").expect("valid");
        let names: Vec<_> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!(names, ["default", "acme"]);
        assert_eq!(tenants[1].ingest_tokens.len(), 2, "the old one and the new one");
        assert!(tenants[0].ingest_tokens.is_empty());

        let own = "[[tenants]]\nname = \"default\"\ningest_token_file = \"one\"\nbytes_per_second = \"2MiB\"";
        let tenants = read_all(own).expect("valid");
        assert_eq!(tenants.len(), 1);
        assert_eq!(tenants[0].quota.bytes_per_second, Some(2 << 20));
        assert_eq!(tenants[0].own_token(), Some("0123456789abcdef1"));
        assert!(!format!("{tenants:?}").contains(LONG), "a token is printed nowhere");
    }

    #[test]
    fn what_can_not_be_is_named_with_its_cure_and_without_the_secret() {
        let tenant = |rest: &str| format!("[[tenants]]\nname = \"acme\"\n{rest}\n");
        let file = |name: &str| format!("ingest_token_file = \"{name}\"");
        for (entries, told) in [
            (tenant(""), "needs ingest_token_env or ingest_token_file"),
            (tenant(&file("short")), "openssl rand"),
            (tenant(&file("odd")), "plain ASCII"),
            (tenant(&file("empty")), "is empty"),
            (tenant(&file("absent")), "can't be read"),
            (
                tenant("ingest_token_env = \"PLIMSOLL_TEST_NO_SUCH_VARIABLE\""),
                "NO_SUCH_VARIABLE can't be read",
            ),
            (tenant(&format!("{}\ningest_token_env = \"HOME\"", file("one"))), "both set"),
            (tenant(&format!("{}\nitems_per_second = 0", file("one"))), "items_per_second = 0"),
            (tenant("ingest_token = \"inline\""), "unknown field"),
            (tenant(&file("one")) + &tenant(&file("two")), "twice"),
            (
                tenant(&file("one")) + "[[tenants]]\nname = \"other\"\ningest_token_file = \"one\"",
                "same token",
            ),
            ("[[tenants]]\nname = \"../acme\"\ningest_token_file = \"one\"".to_owned(), "a-z, 0-9"),
        ] {
            let error = error(&entries);
            assert!(error.contains(told), "{error}");
            assert!(!error.contains(LONG), "{error}");
        }
    }
}
