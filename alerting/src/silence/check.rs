//! What a silence must be, in the words in which Alertmanager refuses it.

use std::fmt;

use plimsoll_model::Timestamp;

use super::{SilenceDraft, SilenceMatcher};
use crate::matcher::{MatchOp, Matcher, MatcherError, write_matcher};

/// Of all its texts together.
const MAX_BYTES: usize = 64 << 10;

pub(super) fn check(draft: &SilenceDraft, starts_at: Timestamp, now: Timestamp) -> Result<(), String> {
    if starts_at >= draft.ends_at {
        return Err("Failed to create silence: start time must be before end time".to_owned());
    }
    if draft.ends_at < now {
        return Err("Failed to create silence: end time can't be in the past".to_owned());
    }
    let size = size_of(draft);
    if size > MAX_BYTES {
        return Err(format!("silence exceeded maximum size: {size} bytes (limit: {MAX_BYTES} bytes)"));
    }
    if draft.matcher_sets.is_empty() {
        return Err("invalid silence: at least one matcher set required".to_owned());
    }
    for (index, set) in draft.matcher_sets.iter().enumerate() {
        check_set(index, set).map_err(|problem| format!("invalid silence: {problem}"))?;
    }
    Ok(())
}

fn check_set(index: usize, set: &[SilenceMatcher]) -> Result<(), String> {
    if set.is_empty() {
        return Err(format!("matcher set {index} is empty"));
    }
    let mut all_match_empty = true;
    for (place, matcher) in set.iter().enumerate() {
        let compiled = matcher.compile().map_err(|error| {
            let problem = match error {
                MatcherError::Regex(words) => {
                    format!("invalid regular expression {:?}: {words}", matcher.value)
                }
                _ => format!("invalid label name {:?}", matcher.name),
            };
            format!("invalid label matcher {place} in set {index}: {problem}")
        })?;
        all_match_empty &= matcher.is_equal && compiled.matches_value("");
    }
    if all_match_empty {
        return Err(format!("matcher set {index}: at least one matcher must not match the empty string"));
    }
    Ok(())
}

fn size_of(draft: &SilenceDraft) -> usize {
    let matchers =
        draft.matcher_sets.iter().flatten().map(|matcher| matcher.name.len() + matcher.value.len());
    let annotations = draft.annotations.iter().map(|(name, value)| name.len() + value.len());
    draft.created_by.len() + draft.comment.len() + matchers.sum::<usize>() + annotations.sum::<usize>()
}

impl SilenceMatcher {
    pub(super) fn compile(&self) -> Result<Matcher, MatcherError> {
        Matcher::new(&self.name, self.op(), &self.value)
    }

    pub(super) const fn op(&self) -> MatchOp {
        match (self.is_regex, self.is_equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        }
    }
}

/// `warehouse=~"R.*"`
impl fmt::Display for SilenceMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_matcher(f, &self.name, self.op(), &self.value)
    }
}
