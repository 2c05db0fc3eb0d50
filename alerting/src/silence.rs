//! Silences: alerts that match one are not told of while it lasts. Alertmanager's rules: an edit that would change what
//! was silenced in the past ends the silence and makes another, any other edit keeps its id; a silence that is over is
//! kept for a while, so that people can see what was silenced, and by whom.

mod check;
mod muting;
mod setting;

use std::collections::BTreeMap;
use std::fmt;

use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dispatch::hash_of;
use crate::{AlertingError, Filter};

pub(crate) use muting::Muting;

/// As [`crate::Alerting::silences`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// A UUID.
    pub id: String,
    /// It holds for an alert that all matchers of at least one set match.
    pub matcher_sets: Vec<Vec<SilenceMatcher>>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    pub annotations: BTreeMap<String, String>,
}

/// One matcher as Alertmanager's API spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    pub is_equal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    // In the order of Alertmanager's lists.
    Active,
    Pending,
    Expired,
}

/// What somebody asks for: a new silence, or, with an id, an edit of that one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SilenceDraft {
    pub id: Option<String>,
    pub matcher_sets: Vec<Vec<SilenceMatcher>>,
    /// Now, unless said otherwise.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    #[error("silence not found")]
    NotFound,
    /// In Alertmanager's words.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Store(#[from] AlertingError),
}

impl SilenceState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

impl Silence {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    /// Alertmanager's `filter` of silences: each matcher that is asked for is one of the silence's, by name, kind and text.
    pub(crate) fn has_all(&self, filter: &Filter) -> bool {
        let is_ours = |name: &str, op, value: &str| {
            let mut ours = self.matcher_sets.iter().flatten();
            ours.any(|matcher| {
                (matcher.name.as_str(), matcher.op(), matcher.value.as_str()) == (name, op, value)
            })
        };
        filter.matchers().iter().all(|wanted| {
            let (name, value, op) = wanted.sort_key();
            is_ours(name, op, value)
        })
    }

    /// Active ones first, those that end soonest at the front; then pending ones by their start, and at last those that
    /// are over, the latest first.
    pub(crate) fn sort(silences: &mut [Self], now: Timestamp) {
        let moment = |silence: &Self| match silence.state(now) {
            SilenceState::Active => silence.ends_at.nanos(),
            SilenceState::Pending => silence.starts_at.nanos(),
            SilenceState::Expired => silence.ends_at.nanos().saturating_neg(),
        };
        silences.sort_by(|a, b| (a.state(now), moment(a), &a.id).cmp(&(b.state(now), moment(b), &b.id)));
    }

    /// Over from now on; `None` when it is already.
    pub(crate) fn expired(&self, now: Timestamp) -> Option<Self> {
        let starts_at = match self.state(now) {
            SilenceState::Active => self.starts_at,
            SilenceState::Pending => now,
            SilenceState::Expired => return None,
        };
        Some(Self { starts_at, ends_at: now, updated_at: now, ..self.clone() })
    }

    /// Whether `edited` can be this one: what was silenced in the past stays what it was.
    fn can_become(&self, edited: &Self, now: Timestamp) -> bool {
        let whole_secs = |time: Timestamp| time.nanos().div_euclid(1_000_000_000);
        self.matcher_sets == edited.matcher_sets
            && match self.state(now) {
                SilenceState::Active => {
                    whole_secs(self.starts_at) == whole_secs(edited.starts_at) && edited.ends_at >= now
                }
                SilenceState::Pending => edited.starts_at >= now,
                SilenceState::Expired => false,
            }
    }
}

/// `{alertname="OrdersLate",warehouse=~"R.*"}`, and ` or ` between several sets.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, set) in self.matcher_sets.iter().enumerate() {
            let matchers: Vec<String> = set.iter().map(ToString::to_string).collect();
            write!(f, "{}{{{}}}", if index == 0 { "" } else { " or " }, matchers.join(","))?;
        }
        Ok(())
    }
}

/// What is written when somebody sets a silence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The one it takes the place of, ended.
    pub(crate) ended: Option<Silence>,
    /// Without an id, if it is new.
    pub(crate) set: Silence,
}

/// `before` is what the draft's id names.
pub(crate) fn change(
    before: Option<&Silence>,
    draft: SilenceDraft,
    now: Timestamp,
) -> Result<Change, SilenceError> {
    let starts_at = draft.starts_at.unwrap_or(now);
    check::check(&draft, starts_at, now).map_err(SilenceError::Invalid)?;
    if draft.id.is_some() && before.is_none() {
        return Err(SilenceError::NotFound);
    }
    let mut set = Silence {
        id: draft.id.unwrap_or_default(),
        matcher_sets: draft.matcher_sets,
        starts_at,
        ends_at: draft.ends_at,
        updated_at: now,
        created_by: draft.created_by,
        comment: draft.comment,
        annotations: draft.annotations,
    };
    if before.is_some_and(|before| before.can_become(&set, now)) {
        return Ok(Change { ended: None, set });
    }
    set.starts_at = starts_at.max(now);
    set.id.clear();
    Ok(Change { ended: before.and_then(|before| before.expired(now)), set })
}

/// A UUID of what the silence is and when it was made: nothing here draws lots. `salt` tells those apart that are alike.
pub(crate) fn id_of(silence: &Silence, salt: u64) -> String {
    let hash = hash_of(&[
        &format!("{:?}", silence.matcher_sets),
        &silence.created_by,
        &silence.comment,
        &silence.ends_at.nanos().to_string(),
        &silence.updated_at.nanos().to_string(),
        &salt.to_string(),
    ]);
    let part = |from: usize, to: usize| hash.get(from..to).expect("a hash is ASCII");
    // Version 8 is for those who make their own; the variant is the standard's.
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

#[cfg(test)]
mod tests;
