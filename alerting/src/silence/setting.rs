//! Silences as the binary and its APIs set and read them.

use plimsoll_model::Timestamp;

use crate::dispatch::mark_suppressed;
use crate::pipeline::Alerting;
use crate::silence::{Change, Silence, SilenceDraft, SilenceError, change, id_of};
use crate::store::StoreTransaction;
use crate::{AlertingError, Filter};

/// Those that are over count until they are forgotten.
const MAX_SILENCES: u32 = 10_000;

impl Alerting {
    /// Those whose matchers the filter takes, in the order of Alertmanager's lists: what is active, what will be, what is
    /// over.
    pub fn silences(&self, filter: &Filter, now: Timestamp) -> Result<Vec<Silence>, AlertingError> {
        let mut silences = self.inner.store.silences()?;
        silences.retain(|silence| silence.has_all(filter));
        Silence::sort(&mut silences, now);
        Ok(silences)
    }

    pub fn silence(&self, id: &str) -> Result<Option<Silence>, AlertingError> {
        self.inner.store.silence(id)
    }

    /// Makes a silence, or edits the one that the draft names, and returns its id: another than the draft's when the edit
    /// would have changed what was silenced in the past. It is durable and in force when this returns.
    pub async fn set_silence(&self, draft: SilenceDraft, now: Timestamp) -> Result<String, SilenceError> {
        self.inner.last_pass.note(now);
        let clocks = self.clocks();
        let written = self.inner.store.transact(move |store| {
            let set = match set(store, draft, now) {
                Ok(set) => set,
                Err(SilenceError::Store(error)) => return Err(error),
                Err(refused) => return Ok(Err(refused)),
            };
            Ok(Ok((set, mark_suppressed(store, &clocks, now)?)))
        });
        let (silence, decisions) = written.await??;
        tracing::info!(silence_id = silence.id, created_by = silence.created_by, "silence set");
        self.publish(decisions);
        Ok(silence.id)
    }

    /// Ends it now. One that is over already stays as it is.
    pub async fn expire_silence(&self, id: &str, now: Timestamp) -> Result<(), SilenceError> {
        self.inner.last_pass.note(now);
        let (clocks, id) = (self.clocks(), id.to_owned());
        let written = self.inner.store.transact(move |store| {
            let Some(silence) = store.silence(&id)? else {
                return Ok(None);
            };
            if let Some(ended) = silence.expired(now) {
                store.put_silence(&ended)?;
                tracing::info!(silence_id = id, "silence expired");
            }
            Ok(Some(mark_suppressed(store, &clocks, now)?))
        });
        self.publish(written.await?.ok_or(SilenceError::NotFound)?);
        Ok(())
    }
}

fn set(store: &StoreTransaction<'_>, draft: SilenceDraft, now: Timestamp) -> Result<Silence, SilenceError> {
    let before = match &draft.id {
        Some(id) => store.silence(id)?,
        None => None,
    };
    let Change { ended, mut set } = change(before.as_ref(), draft, now)?;
    if set.id.is_empty() {
        let kept = store.silence_count()?;
        if kept >= MAX_SILENCES {
            let words = format!("exceeded maximum number of silences: {kept} (limit: {MAX_SILENCES})");
            return Err(SilenceError::Invalid(words));
        }
        set.id = free_id(store, &set)?;
    }
    for silence in ended.iter().chain([&set]) {
        store.put_silence(silence)?;
    }
    Ok(set)
}

fn free_id(store: &StoreTransaction<'_>, silence: &Silence) -> Result<String, AlertingError> {
    let mut salt = 0;
    loop {
        let id = id_of(silence, salt);
        if store.silence(&id)?.is_none() {
            return Ok(id);
        }
        salt += 1;
    }
}
