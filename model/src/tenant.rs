//! Whose data it is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The one tenant there is unless others are configured.
const DEFAULT_TENANT: &str = "default";

/// A tenant's name. It is a folder, a database and the value of a label, so its alphabet is strict: 1 to 40 of `a` to `z`,
/// `0` to `9` and `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantNameError {
    #[error("a tenant's name is 1 to 40 of a-z, 0-9 and \"-\", and begins with a letter")]
    Alphabet,
    #[error("\"{0}\" is no name for a tenant: it is the name of something else here")]
    Reserved(&'static str),
}

/// Folders beside those of tenants, and databases that every client expects.
const RESERVED: [&str; 6] = ["lock", "postgres", "plimsoll", "quarantine", "schemas", "wal"];

impl TenantName {
    pub const MAX_BYTES: usize = 40;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_default(&self) -> bool {
        self.as_str() == DEFAULT_TENANT
    }
}

impl Default for TenantName {
    fn default() -> Self {
        Self(DEFAULT_TENANT.into())
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins_with_letter = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if name.len() > Self::MAX_BYTES || !begins_with_letter || !name.bytes().all(is_allowed) {
            return Err(TenantNameError::Alphabet);
        }
        match RESERVED.into_iter().find(|reserved| *reserved == name) {
            Some(reserved) => Err(TenantNameError::Reserved(reserved)),
            None => Ok(Self(name.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_folder_that_leads_nowhere_else() {
        for name in ["default", "a", "nordwind-gmbh-2", &"a".repeat(40)] {
            assert_eq!(name.parse::<TenantName>().expect(name).as_str(), name);
        }
        let long = "a".repeat(10_000);
        for name in [
            "", "..", "a/b", "a\\b", "%2e%2e", "a%252e", "A", "ä", "-a", "1a", "a\0", "a b", "a_b", "a.",
            &long,
        ] {
            assert_eq!(name.parse::<TenantName>(), Err(TenantNameError::Alphabet), "{name:?}");
        }
        for name in RESERVED {
            assert_eq!(name.parse::<TenantName>(), Err(TenantNameError::Reserved(name)));
        }
    }
}
