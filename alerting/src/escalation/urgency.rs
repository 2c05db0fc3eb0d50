//! How urgent an incident is: by what its alerts say, how much of the business they cost, and what hour it is.

use plimsoll_model::{Labels, Timestamp};
use serde::{Deserialize, Serialize};

use crate::matcher::{Matcher, all_match};
use crate::merge::StoredAlert;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Urgency {
    Low,
    #[default]
    High,
}

/// Holds when one firing alert meets all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UrgencyRule {
    /// One of these; none is any.
    pub(crate) severities: Vec<String>,
    pub(crate) matchers: Vec<Matcher>,
    /// Annotations that have to be numbers of at least so much.
    pub(crate) min_impact: Vec<(String, f64)>,
    /// A time interval of the routing file, or a calendar.
    pub(crate) during: Option<String>,
    pub(crate) outside: Option<String>,
    pub(crate) is: Urgency,
}

/// Time intervals and calendars by name.
pub(crate) trait Hours {
    /// Whether it holds the moment for an alert with these labels: a calendar may be a warehouse's own.
    fn hold(&self, name: &str, labels: &Labels, at: Timestamp) -> bool;
}

impl Urgency {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }

    /// The first rule that holds decides.
    pub(crate) fn of(
        rules: &[UrgencyRule],
        firing: &[&StoredAlert],
        hours: &dyn Hours,
        now: Timestamp,
    ) -> Self {
        let rule = rules.iter().find(|rule| firing.iter().any(|alert| rule.holds(alert, hours, now)));
        rule.map_or_else(Self::default, |rule| rule.is)
    }
}

impl UrgencyRule {
    pub(super) fn hours(&self) -> impl Iterator<Item = &str> {
        self.during.iter().chain(&self.outside).map(String::as_str)
    }

    fn holds(&self, stored: &StoredAlert, hours: &dyn Hours, now: Timestamp) -> bool {
        let labels = &stored.alert.labels;
        let is_severe = self.severities.is_empty()
            || self.severities.iter().any(|severity| severity == labels.get("severity"));
        let costs = |(name, least): &(String, f64)| {
            let impact = stored.alert.annotations.get(name).and_then(|text| text.trim().parse::<f64>().ok());
            impact.is_some_and(|impact| impact >= *least)
        };
        is_severe
            && all_match(&self.matchers, labels)
            && self.min_impact.iter().all(costs)
            && self.during.as_ref().is_none_or(|name| hours.hold(name, labels, now))
            && self.outside.as_ref().is_none_or(|name| !hours.hold(name, labels, now))
    }
}
