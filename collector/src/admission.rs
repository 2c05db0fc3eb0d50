//! How much may be under way at once: requests, and the memory that they hold. Memory is taken as bytes arrive, never
//! for what a header declares, and is given back when the answer is out.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::refusal::{Refusal, RequestReason};

#[derive(Clone, Debug)]
pub(crate) struct Admission {
    slots: Arc<Semaphore>,
    slot_count: u32,
    memory: Arc<Semaphore>,
    memory_bytes: usize,
}

/// A request's share of the memory; freed on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    memory: Arc<Semaphore>,
    memory_bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

/// A body and the memory it occupies.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lease: Lease,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        let slot_count = u32::try_from(config.max_concurrent_requests).unwrap_or(u32::MAX);
        Self {
            slots: Arc::new(Semaphore::new(config.max_concurrent_requests)),
            slot_count,
            memory: Arc::new(Semaphore::new(config.max_inflight_bytes)),
            memory_bytes: config.max_inflight_bytes,
        }
    }

    /// The right to be decoded and stored. Taken once the body is here, so that a slow sender holds nobody up.
    pub(crate) fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            let slots = self.slot_count;
            Refusal::new(
                RequestReason::Busy,
                format!("{slots} requests are under way; try again in a second"),
            )
        })
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { memory: Arc::clone(&self.memory), memory_bytes: self.memory_bytes, held: None }
    }

    /// Ready when no request is under way.
    pub(crate) async fn drained(&self) {
        let all = self.slots.acquire_many(self.slot_count).await;
        drop(all.expect("the semaphore is never closed"));
    }
}

impl Lease {
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes > self.memory_bytes.saturating_sub(held) {
            return Err(self.never_fits());
        }
        let wanted = u32::try_from(bytes).map_err(|_| self.never_fits())?;
        let more = Arc::clone(&self.memory).try_acquire_many_owned(wanted).map_err(|_| {
            Refusal::new(
                RequestReason::Busy,
                "other requests hold the memory for decoding; try again in a second",
            )
        })?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }

    fn never_fits(&self) -> Refusal {
        let limit = self.memory_bytes;
        let message = format!(
            "decoded, with its resource repeated on every row, the request would take more than {limit} bytes; \
             send fewer records a request"
        );
        Refusal::new(RequestReason::TooLarge, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(slots: usize, bytes: usize) -> Admission {
        let config =
            Config { max_concurrent_requests: slots, max_inflight_bytes: bytes, ..Config::default() };
        Admission::new(&config)
    }

    #[test]
    fn what_is_dropped_is_free_again() {
        let admission = admission(1, 100);
        let slot = admission.slot().expect("free");
        assert_eq!(admission.slot().expect_err("taken").reason, RequestReason::Busy);
        drop(slot);
        assert!(admission.slot().is_ok(), "free again");

        let (mut first, mut second) = (admission.lease(), admission.lease());
        first.grow(60).expect("fits");
        assert_eq!(second.grow(41).expect_err("taken").reason, RequestReason::Busy);
        drop(first);
        second.grow(41).expect("free again");
        second.grow(59).expect("to the last byte");
    }

    #[test]
    fn what_can_never_fit_is_not_told_to_come_back() {
        let mut lease = admission(1, 100).lease();
        lease.grow(50).expect("fits");
        assert_eq!(lease.grow(51).expect_err("never").reason, RequestReason::TooLarge);
    }
}
