//! Secrets that somebody shows us.

use std::fmt;

use sha2::{Digest, Sha256};

/// What is left of a token: enough to know it again. Comparing takes as long for a near miss as for nonsense, and nothing
/// can print what was never kept.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_and_shown_nowhere() {
        assert_eq!(TokenHash::of("s3cret"), TokenHash::of("s3cret"));
        assert_ne!(TokenHash::of("s3cret"), TokenHash::of("s3cre"));
        assert_eq!(format!("{:?}", TokenHash::of("s3cret")), "TokenHash(..)");
    }
}
