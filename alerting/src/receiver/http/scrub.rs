//! What must not come back: a server that repeats our credentials in its answer would put them into our log.

use url::Url;

use crate::config::Secret;

const SHOWN: &str = "<secret>";
/// A shorter word is no secret, and taking it out would make a text unreadable.
const SHORTEST: usize = 4;
/// A shorter part of an address is a word like `services`.
const SHORTEST_PART: usize = 8;

/// What one delivery knows that nobody else may.
#[derive(Default)]
pub(crate) struct Scrub(Vec<String>);

impl std::fmt::Debug for Scrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrub({})", self.0.len())
    }
}

impl Scrub {
    pub(crate) fn word(&mut self, word: &str) {
        if word.len() >= SHORTEST && !self.0.iter().any(|known| known == word) {
            self.0.push(word.to_owned());
        }
        // The longest first: one may contain another.
        self.0.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }

    pub(crate) fn secret(&mut self, secret: &Secret) {
        self.word(secret.expose());
    }

    /// The whole, what stands behind the host, its parts and its password.
    pub(crate) fn address(&mut self, address: &Secret) {
        self.word(address.expose());
        let Ok(url) = Url::parse(address.expose()) else { return };
        for part in url.path_segments().into_iter().flatten().filter(|part| part.len() >= SHORTEST_PART) {
            self.word(part);
        }
        for (_, value) in url.query_pairs().filter(|(_, value)| value.len() >= SHORTEST_PART) {
            self.word(&value);
        }
        self.word(url.query().unwrap_or_default());
        self.word(url.password().unwrap_or_default());
    }

    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, word| text.replace(word, SHOWN))
    }
}
