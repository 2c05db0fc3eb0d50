//! Which alerts somebody asks for: Alertmanager's query parameters.

use plimsoll_model::Labels;
use regex::Regex;

use super::AlertView;
use crate::matcher::{FilterError, Matcher, all_match, anchored, parse_matchers};

/// Alertmanager's own defaults: everything.
#[derive(Clone, Debug)]
pub struct AlertFilter {
    matchers: Vec<Matcher>,
    receiver: Option<Regex>,
    /// Of a receiver's labels.
    receiver_matchers: Vec<Matcher>,
    /// Those that nothing keeps from being told.
    pub active: bool,
    pub silenced: bool,
    pub inhibited: bool,
    /// Groups whose time intervals mute them.
    pub muted: bool,
}

impl Default for AlertFilter {
    fn default() -> Self {
        Self {
            matchers: Vec::new(),
            receiver: None,
            receiver_matchers: Vec::new(),
            active: true,
            silenced: true,
            inhibited: true,
            muted: true,
        }
    }
}

impl AlertFilter {
    /// One more matcher (`severity="page"`) that all have to match.
    pub fn matching(mut self, matcher: &str) -> Result<Self, FilterError> {
        self.matchers.push(one_matcher(matcher)?);
        Ok(self)
    }

    /// A regular expression that a receiver's whole name has to match.
    pub fn of_receiver(mut self, pattern: &str) -> Result<Self, FilterError> {
        let regex = anchored(pattern)
            .map_err(|error| FilterError(format!("failed to parse receiver param: {error}")))?;
        self.receiver = Some(regex);
        Ok(self)
    }

    /// One more matcher of receivers' labels. Receivers have none here, so `team="sales"` leaves nothing.
    pub fn matching_receiver(mut self, matcher: &str) -> Result<Self, FilterError> {
        self.receiver_matchers.push(one_matcher(matcher)?);
        Ok(self)
    }

    pub(super) fn takes(&self, alert: &AlertView) -> bool {
        (self.active || alert.is_suppressed())
            && (self.silenced || alert.silenced_by.is_empty())
            && (self.inhibited || alert.inhibited_by.is_empty())
            && all_match(&self.matchers, &alert.labels)
    }

    pub(super) fn takes_receiver(&self, name: &str) -> bool {
        self.receiver.as_ref().is_none_or(|regex| regex.is_match(name))
            && all_match(&self.receiver_matchers, &Labels::default())
    }
}

/// Each parameter is one matcher, never a list.
pub(crate) fn one_matcher(text: &str) -> Result<Matcher, FilterError> {
    let mut matchers = parse_matchers(text).map_err(|error| FilterError(error.to_string()))?;
    match (matchers.pop(), matchers.is_empty()) {
        (Some(matcher), true) => Ok(matcher),
        _ => Err(FilterError(format!("{text:?} is not one matcher: give each a parameter of its own"))),
    }
}
