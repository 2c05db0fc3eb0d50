//! Answers that could not be written down, because the store was away when they came. While the process lives it knows
//! them, so that nothing is sent again for want of a mark; if it dies first, their replies are unknown.

use std::sync::{Mutex, PoisonError};

use plimsoll_model::Timestamp;

use super::Claim;
use crate::AlertingError;
use crate::pipeline::Alerting;
use crate::store::{OutboxRow, Outcome};

/// As many as can be under way at once; each keeps its claim.
#[derive(Debug, Default)]
pub(crate) struct Unmarked(Mutex<Vec<Answer>>);

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) claim: Claim,
    pub(super) row: OutboxRow,
    pub(super) outcome: Outcome,
    pub(super) at: Timestamp,
}

impl Unmarked {
    pub(super) fn keep(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Alerting {
    /// Before anything else is sent. Whoever lost the lease leaves it to the one who has it.
    pub(super) async fn mark_what_was_answered(&self) -> Result<(), AlertingError> {
        let mut answers = self.inner.unmarked.take().into_iter();
        while let Some(answer) = answers.next() {
            match self.settle(&answer.row, &answer.outcome, answer.at).await {
                Ok(()) => drop(answer.claim),
                Err(AlertingError::StandsBy) => return Err(AlertingError::StandsBy),
                Err(error) => {
                    std::iter::once(answer)
                        .chain(answers)
                        .for_each(|answer| self.inner.unmarked.keep(answer));
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
