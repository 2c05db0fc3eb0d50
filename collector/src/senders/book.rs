//! What the table `sources` hears from the collector.

use std::sync::Arc;

use plimsoll_model::{Signal, SourceBook, SourceStatus, Timestamp};

use super::Beat;
use crate::tenant::Resident;

/// Everybody who sends to one tenant.
#[derive(Clone, Debug)]
pub struct SentSources {
    resident: Arc<Resident>,
}

impl SentSources {
    pub(crate) fn of(resident: Arc<Resident>) -> Self {
        Self { resident }
    }

    /// What an earlier process heard; who has been heard since keeps what is newer.
    pub fn remember_sender(&self, source: &str, signal: Signal, watermark: Timestamp, now: Timestamp) {
        self.resident.senders.remember(source, signal, watermark, now);
    }

    pub fn remember_heartbeat(&self, beat: Beat) {
        if self.resident.heartbeats.has_room_for(&beat.name) {
            self.resident.heartbeats.beat(beat);
        }
    }
}

impl SourceBook for SentSources {
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus> {
        let mut sources = self.resident.senders.statuses(now);
        sources.extend(self.resident.heartbeats.statuses(now));
        sources
    }
}
