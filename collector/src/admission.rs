//! How much may be under way at once: requests, and the memory that they hold. Memory is taken as bytes arrive, never
//! for what a header declares, and is given back when the answer is out.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::refusal::{Refusal, RequestReason};

/// Clones share what is free.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    own: Pool,
    /// Where others take from as well.
    whole: Option<Pool>,
}

#[derive(Clone, Debug)]
struct Pool {
    slots: Arc<Semaphore>,
    slot_count: u32,
    memory: Arc<Semaphore>,
    memory_bytes: usize,
}

/// The right to be decoded and stored.
#[derive(Debug)]
#[expect(dead_code, reason = "held, and given back when dropped")]
pub(crate) struct Slot(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// A request's share of the memory; freed on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    own: Share,
    whole: Option<Share>,
}

#[derive(Debug)]
struct Share {
    pool: Pool,
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
        Self { own: Pool::new(config.max_concurrent_requests, config.max_inflight_bytes), whole: None }
    }

    /// At most half of what there is, for one of several who share it.
    pub(crate) fn half(&self, config: &Config) -> Self {
        let slots = config.max_concurrent_requests.div_ceil(2);
        Self { own: Pool::new(slots, config.max_inflight_bytes.div_ceil(2)), whole: Some(self.own.clone()) }
    }

    /// Taken once the body is here, so that a slow sender holds nobody up.
    pub(crate) fn slot(&self) -> Result<Slot, Refusal> {
        let own = self.own.slot()?;
        Ok(Slot(own, self.whole.as_ref().map(Pool::slot).transpose()?))
    }

    /// Requests under way, and the bytes of memory that all requests hold.
    pub(crate) fn taken(&self) -> (usize, usize) {
        let Pool { slots, slot_count, memory, memory_bytes } = &self.own;
        (*slot_count as usize - slots.available_permits(), memory_bytes - memory.available_permits())
    }

    pub(crate) fn lease(&self) -> Lease {
        let share = |pool: &Pool| Share { pool: pool.clone(), held: None };
        Lease { own: share(&self.own), whole: self.whole.as_ref().map(share) }
    }

    /// Ready when no request is under way.
    pub(crate) async fn drained(&self) {
        let all = self.own.slots.acquire_many(self.own.slot_count).await;
        drop(all.expect("the semaphore is never closed"));
    }
}

impl Pool {
    fn new(slots: usize, memory_bytes: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            slot_count: u32::try_from(slots).unwrap_or(u32::MAX),
            memory: Arc::new(Semaphore::new(memory_bytes)),
            memory_bytes,
        }
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            let slots = self.slot_count;
            let message = format!("{slots} requests are under way; try again in a second");
            Refusal::new(RequestReason::Busy, message)
        })
    }
}

impl Lease {
    /// What was taken stays taken when it fails: the request is over then.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.own.grow(bytes)?;
        self.whole.as_mut().map_or(Ok(()), |whole| whole.grow(bytes))
    }

    /// What has been taken so far.
    pub(crate) fn held_bytes(&self) -> usize {
        self.own.held_bytes()
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        if bytes > self.pool.memory_bytes.saturating_sub(self.held_bytes()) {
            return Err(self.never_fits());
        }
        let wanted = u32::try_from(bytes).map_err(|_| self.never_fits())?;
        let more = Arc::clone(&self.pool.memory).try_acquire_many_owned(wanted).map_err(|_| {
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

    fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn never_fits(&self) -> Refusal {
        let limit = self.pool.memory_bytes;
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
        assert_eq!(admission.taken(), (0, 60));
        drop(first);
        second.grow(41).expect("free again");
        second.grow(59).expect("to the last byte");
    }

    #[test]
    fn nobody_who_shares_takes_more_than_half() {
        let config = Config { max_concurrent_requests: 4, max_inflight_bytes: 100, ..Config::default() };
        let whole = Admission::new(&config);
        let [greedy, other, third] = [(); 3].map(|()| whole.half(&config));
        let slots = [greedy.slot(), greedy.slot()].map(|slot| slot.expect("half"));
        assert_eq!(greedy.slot().expect_err("more than half").reason, RequestReason::Busy);
        let others = [other.slot(), other.slot()].map(|slot| slot.expect("the other half"));
        assert_eq!(third.slot().expect_err("all is taken").reason, RequestReason::Busy);
        drop((slots, others));
        third.slot().expect("free again");

        let (mut first, mut second, mut last) = (greedy.lease(), other.lease(), third.lease());
        first.grow(50).expect("half");
        assert_eq!(first.grow(1).expect_err("more than half").reason, RequestReason::TooLarge);
        second.grow(50).expect("the other half");
        assert_eq!(last.grow(1).expect_err("all is taken").reason, RequestReason::Busy);
    }

    #[test]
    fn what_can_never_fit_is_not_told_to_come_back() {
        let mut lease = admission(1, 100).lease();
        lease.grow(50).expect("fits");
        assert_eq!(lease.grow(51).expect_err("never").reason, RequestReason::TooLarge);
    }
}
