//! Who sends what: a row that is on its way is nobody else's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Outbox rows that are on their way now, so that two calls side by side don't send one twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<BTreeSet<i64>>>);

/// Held while a row is on its way; dropping it, also by cancellation, lets others try.
#[derive(Debug)]
pub(crate) struct Claim {
    seq: i64,
    claims: Claims,
}

impl Claims {
    pub(crate) fn take(&self, seq: i64) -> Option<Claim> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(seq);
        is_free.then(|| Claim { seq, claims: self.clone() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.seq);
    }
}
