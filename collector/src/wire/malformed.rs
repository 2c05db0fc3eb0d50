//! What is wrong with a body, and where. The path is put together on the way out, so that a good body pays nothing.

use crate::refusal::{Refusal, RequestReason};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    reason: RequestReason,
    problem: String,
    /// Innermost first.
    path: Vec<String>,
}

impl Malformed {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { reason: RequestReason::Malformed, problem: problem.into(), path: Vec::new() }
    }

    pub(super) fn too_deep(max_depth: usize) -> Self {
        let problem = format!("nested deeper than {max_depth} levels; flatten the attribute value");
        Self { reason: RequestReason::TooDeep, problem, path: Vec::new() }
    }

    pub(super) fn within(mut self, field: &str) -> Self {
        self.path.push(field.to_owned());
        self
    }

    pub(super) fn at(self, field: &str, index: usize) -> Self {
        self.within(&format!("{field}[{index}]"))
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        let Malformed { reason, problem, path } = malformed;
        if path.is_empty() {
            return Self::new(reason, problem);
        }
        let field = abridged(&path);
        Self { field: Some(field.clone()), ..Self::new(reason, format!("{field}: {problem}")) }
    }
}

/// A value nested 32 deep has a path that nobody reads to its end.
fn abridged(innermost_first: &[String]) -> String {
    const SHOWN: usize = 10;
    let outermost: Vec<&str> = innermost_first.iter().rev().take(SHOWN).map(String::as_str).collect();
    let rest = if innermost_first.len() > SHOWN { "..." } else { "" };
    outermost.join(".") + rest
}
