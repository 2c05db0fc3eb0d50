//! Query parameters as Alertmanager reads them: repeatable, with words for yes, and unknown ones ignored.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use plimsoll_alerting::AlertFilter;

use super::answer::Refusal;

/// More than anybody types; each costs a regular expression.
const MAX_PARAMETERS: usize = 200;

/// In the order in which they were given.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| Refusal::unreadable(rejection.body_text()))?;
        if pairs.len() > MAX_PARAMETERS {
            return Err(Refusal::Invalid(format!("more than {MAX_PARAMETERS} parameters")));
        }
        Ok(Self(pairs))
    }
}

impl Parameters {
    pub(super) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As the server that we stand in for reads them: one of these words is yes, any other no.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        const YES: [&str; 9] = ["true", "1", "yes", "ok", "y", "on", "t", "checked", "enabled"];
        self.all(name)
            .last()
            .filter(|value| !value.is_empty())
            .map_or(default, |value| YES.iter().any(|yes| yes.eq_ignore_ascii_case(value)))
    }

    /// `unprocessed` asks for alerts that nobody has looked at, and there are none: they are looked at when asked for.
    pub(super) fn alert_filter(&self) -> Result<AlertFilter, Refusal> {
        let mut filter = AlertFilter::default();
        filter.active = self.flag("active", true);
        filter.silenced = self.flag("silenced", true);
        filter.inhibited = self.flag("inhibited", true);
        filter.muted = self.flag("muted", true);
        for matcher in self.all("filter") {
            filter = filter.matching(matcher)?;
        }
        for matcher in self.all("receiver_matchers") {
            filter = filter.matching_receiver(matcher)?;
        }
        match self.all("receiver").last() {
            Some(pattern) => Ok(filter.of_receiver(pattern)?),
            None => Ok(filter),
        }
    }
}
