//! Stretches of time and what can be done with lists of them: sorted, disjoint, half open.

use plimsoll_model::Timestamp;

/// [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// What of it lies in [from, to).
    #[must_use]
    pub fn within(self, from: Timestamp, to: Timestamp) -> Option<Self> {
        let cut = Self { from: self.from.max(from), to: self.to.min(to) };
        (cut.from < cut.to).then_some(cut)
    }
}

/// In any order and overlapping become sorted and disjoint; those that touch become one.
pub(crate) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

/// What of `spans` lies in none of `others`; both sorted and disjoint.
pub(crate) fn minus(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut left = Vec::with_capacity(spans.len());
    let mut first = 0;
    for span in spans {
        while others.get(first).is_some_and(|other| other.to <= span.from) {
            first += 1;
        }
        let mut from = span.from;
        for other in others.iter().skip(first).take_while(|other| other.from < span.to) {
            if from < other.from {
                left.push(Span::new(from, other.from));
            }
            from = from.max(other.to);
        }
        if from < span.to {
            left.push(Span::new(from, span.to));
        }
    }
    left
}

/// Whether a sorted, disjoint list holds the moment.
pub(crate) fn holds(spans: &[Span], time: Timestamp) -> bool {
    let next = spans.partition_point(|span| span.from <= time);
    next.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|span| time < span.to)
}
