//! `/metrics` as numbers.

use std::collections::BTreeMap;

use super::Plimsoll;

/// One answer of `/metrics`: sample with its labels as written, then its value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    pub(crate) async fn of(plimsoll: &Plimsoll) -> Self {
        let answer = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("an answer");
        let text = answer.text().await.expect("text");
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            Some((sample.to_owned(), value.parse().expect("a number")))
        });
        Self(samples.collect())
    }

    /// A sample by its whole name; it must be there.
    pub(crate) fn number(&self, sample: &str) -> f64 {
        *self.0.get(sample).unwrap_or_else(|| panic!("{sample} is not among {:?}", self.0.keys()))
    }

    /// The sample of a signal; it must be there.
    pub(crate) fn of_signal(&self, name: &str, signal: &str) -> f64 {
        self.number(&format!("{name}{{signal=\"{signal}\"}}"))
    }

    /// All reasons of a signal, with their counts.
    pub(crate) fn reasons(&self, name: &str, signal: &str) -> BTreeMap<String, f64> {
        let start = format!("{name}{{signal=\"{signal}\",reason=\"");
        let of_signal = self.0.iter().filter_map(|(sample, value)| {
            let reason = sample.strip_prefix(&start)?.strip_suffix("\"}")?;
            Some((reason.to_owned(), *value))
        });
        of_signal.collect()
    }
}
