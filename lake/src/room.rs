//! Room in the buffer for what is about to be appended. Who finds none may wait for the flush under way: to be held up for
//! a moment costs a sender less than to be turned away and to come back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::state::Shared;
use crate::{LakeError, LakeStats};

/// Room in the buffer, given back unless the rows have moved in.
#[derive(Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Shared {
    /// Takes room for `bytes`, at once or within `patience`. `Unavailable` while flushes fail: then nobody knows when there
    /// will be room.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        bytes: usize,
        patience: Duration,
    ) -> Result<Admission, LakeError> {
        let mut admitted = self.try_admit(bytes);
        if admitted.is_err() && !patience.is_zero() && bytes <= self.buffer_limit_bytes {
            let _waiting = Waiting::count(self);
            let mut patience = self.clock.sleep(patience);
            loop {
                // Registered before looking, so that room which comes in between wakes us.
                let mut room = pin!(self.room.notified());
                room.as_mut().enable();
                admitted = self.try_admit(bytes);
                if !matches!(admitted, Err(LakeError::Full(_))) {
                    break;
                }
                tokio::select! {
                    () = &mut patience => break,
                    () = room => {}
                }
            }
        }
        if admitted.is_err() {
            self.count(|stats| {
                stats.refused_appends += 1;
                stats.is_buffer_full = true;
            });
        }
        admitted
    }

    fn try_admit(self: &Arc<Self>, bytes: usize) -> Result<Admission, LakeError> {
        let limit = self.buffer_limit_bytes;
        let mut outcome = Ok(());
        self.count(|stats| {
            let buffered = stats.buffered_bytes;
            if buffered + bytes <= limit {
                stats.buffered_bytes += bytes;
                stats.is_buffer_full = false;
                return;
            }
            let full = format!(
                "{buffered} bytes wait to be flushed and {bytes} more would exceed buffer_limit_bytes = {limit}"
            );
            let is_hopeless = stats.is_flush_failing;
            outcome = Err(if is_hopeless { LakeError::Unavailable(full) } else { LakeError::Full(full) });
        });
        outcome.map(|()| Admission { shared: Arc::clone(self), bytes })
    }
}

impl Admission {
    /// What was admitted and did not move in is free again: duplicates take no room.
    pub(crate) fn keep(mut self, moved_in: usize, stats: &mut LakeStats) {
        let admitted = std::mem::take(&mut self.bytes);
        stats.buffered_bytes = (stats.buffered_bytes + moved_in).saturating_sub(admitted);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let bytes = self.bytes;
            self.shared.count(|stats| stats.buffered_bytes = stats.buffered_bytes.saturating_sub(bytes));
            self.shared.room.notify_waiters();
        }
    }
}

/// Somebody waits, and whoever flushes knows it.
struct Waiting<'a> {
    shared: &'a Shared,
}

impl<'a> Waiting<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.count(|stats| {
            stats.delayed_appends += 1;
            stats.waiting_for_room += 1;
        });
        shared.appended.notify_one();
        Self { shared }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.count(|stats| stats.waiting_for_room -= 1);
    }
}
