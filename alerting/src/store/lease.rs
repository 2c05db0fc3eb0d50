//! Who decides and sends, when two processes share one PostgreSQL.
//!
//! Two things together say it. The row `lease` names the holder and counts the holders (`epoch`); it holds for `LEASE`
//! on the database's clock and is renewed every second. And the holder's session has an advisory lock, which the server
//! lets go of the moment that session ends. So a stand-by takes over
//! - within a second or so when the holder's process is gone: the lock is free;
//! - after `LEASE` when the holder is there and hangs, or can't reach the database: the row ran out. A send begins only
//!   with `ENOUGH` of the lease left, so that what is under way has ended by then. One that takes longer, of a process
//!   that can't write down how it ended, is one whose reply nobody knows.
//!
//! A lock that is free because the server itself began anew says nothing about the holder, nor does one that the holder
//! has yet to get: then only the row counts.
//!
//! Fencing: each transaction that writes first asks for the row, under a shared lock that whoever takes over needs for
//! itself alone. A holder that was paused and lost its lease finds another name there, writes nothing, and stands by.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::postgres::Session;
use super::sql::{Sql, values};
use crate::AlertingError;

/// The table, which no migration knows: SQLite has one process and needs none.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS lease (
        one            BIGINT PRIMARY KEY CHECK (one = 1),
        holder         TEXT NOT NULL,
        epoch          BIGINT NOT NULL,
        expires_at     TIMESTAMPTZ NOT NULL,
        has_lock       BOOLEAN NOT NULL,
        server_started TIMESTAMPTZ NOT NULL
    );
    INSERT INTO lease VALUES (1, '', 0, '-infinity', false, '-infinity') ON CONFLICT (one) DO NOTHING;
    ";

/// Held while a transaction writes, alone while the lease changes hands.
const FENCE: &str = "hashtext('plimsoll fence'), hashtext(current_schema())";
/// Held by the leader's session for as long as that lives.
const ALIVE: &str = "hashtext('plimsoll leader'), hashtext(current_schema())";
const LEASE: &str = "interval '15 seconds'";
/// Most sends take a fraction of it.
const ENOUGH: &str = "interval '8 seconds'";

/// What this process knows of the lease.
#[derive(Debug)]
pub(super) struct Lease {
    leads: AtomicBool,
    epoch: AtomicI64,
    /// How often this process became the leader.
    taken: AtomicU64,
    /// A name that no other process has; made by the first session.
    holder: Mutex<Option<String>>,
}

impl Lease {
    pub(super) const fn new(leads: bool) -> Self {
        Self {
            leads: AtomicBool::new(leads),
            epoch: AtomicI64::new(0),
            taken: AtomicU64::new(0),
            holder: Mutex::new(None),
        }
    }

    pub(super) fn leads(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Renews the lease, takes it when nobody has it, or finds that another does; within a transaction.
    pub(super) fn seek(&self, session: &Session) -> Result<bool, AlertingError> {
        let holder = self.holder(session)?;
        let leads = self.seek_as(session, &holder)?;
        if leads != self.leads.swap(leads, Ordering::AcqRel) {
            if leads {
                self.taken.fetch_add(1, Ordering::AcqRel);
            }
            let epoch = self.epoch.load(Ordering::Acquire);
            tracing::info!(
                leads,
                epoch,
                "this process {}",
                if leads { "decides and sends" } else { "stands by" }
            );
        }
        Ok(leads)
    }

    fn seek_as(&self, session: &Session, holder: &str) -> Result<bool, AlertingError> {
        let sql = Sql::Postgres(session);
        // Whoever writes now holds it: the lease can't change hands, but its holder may go on renewing.
        let is_free: bool = sql.single(&format!("SELECT pg_try_advisory_xact_lock({FENCE})"), &[])?;
        let query = "SELECT holder, epoch, expires_at < clock_timestamp() AS has_expired,
                 has_lock AND server_started = pg_postmaster_start_time() AS lock_counts FROM lease";
        let found = sql.first(query, &[], |row| {
            let facts: (bool, bool) = (row.get("has_expired")?, row.get("lock_counts")?);
            Ok((row.get::<String>("holder")?, row.get::<i64>("epoch")?, facts.0, facts.1))
        })?;
        let Some((named, epoch, has_expired, lock_counts)) = found else {
            return Err(AlertingError::Database("the lease's row is gone".to_owned()));
        };
        if named == holder && epoch == self.epoch.load(Ordering::Acquire) {
            return self.write(session, holder, epoch).map(|()| true);
        }
        Self::let_go(session)?;
        if is_free && (has_expired || (lock_counts && Self::mark_alive(session)?)) {
            return self.write(session, holder, epoch + 1).map(|()| true);
        }
        Ok(false)
    }

    fn write(&self, session: &Session, holder: &str, epoch: i64) -> Result<(), AlertingError> {
        let has_lock = session.is_marked_alive() || Self::mark_alive(session)?;
        let update = format!(
            "UPDATE lease SET holder = ?1, epoch = ?2, expires_at = clock_timestamp() + {LEASE}, has_lock = ?3,
                 server_started = pg_postmaster_start_time()"
        );
        Sql::Postgres(session).execute(&update, values![holder, epoch, has_lock])?;
        self.epoch.store(epoch, Ordering::Release);
        Ok(())
    }

    /// Of a lease that was lost: the new holder is waiting for the lock.
    fn let_go(session: &Session) -> Result<(), AlertingError> {
        if session.is_marked_alive() {
            Sql::Postgres(session).single::<bool>(&format!("SELECT pg_advisory_unlock({ALIVE})"), &[])?;
            session.mark_alive(false);
        }
        Ok(())
    }

    fn mark_alive(session: &Session) -> Result<bool, AlertingError> {
        let marked: bool =
            Sql::Postgres(session).single(&format!("SELECT pg_try_advisory_lock({ALIVE})"), &[])?;
        session.mark_alive(marked);
        Ok(marked)
    }

    /// Within a transaction that is about to write.
    pub(super) fn fence(&self, session: &Session) -> Result<(), AlertingError> {
        let sql = Sql::Postgres(session);
        sql.first(&format!("SELECT pg_advisory_xact_lock_shared({FENCE})"), &[], |_| Ok(()))?;
        let query = "SELECT count(*) FROM lease WHERE holder = ?1 AND epoch = ?2";
        self.check(sql, query)
    }

    /// Whether a send may begin: enough of the lease is left for it to end.
    pub(super) fn covers_a_send(&self, session: &Session) -> Result<bool, AlertingError> {
        let query = format!(
            "SELECT count(*) FROM lease WHERE holder = ?1 AND epoch = ?2
                 AND expires_at > clock_timestamp() + {ENOUGH}"
        );
        match self.check(Sql::Postgres(session), &query) {
            Err(AlertingError::StandsBy) => Ok(false),
            checked => checked.map(|()| true),
        }
    }

    fn check(&self, sql: Sql<'_>, query: &str) -> Result<(), AlertingError> {
        let holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let epoch = self.epoch.load(Ordering::Acquire);
        if self.leads() && sql.single(query, values![holder.unwrap_or_default(), epoch])? {
            return Ok(());
        }
        Err(AlertingError::StandsBy)
    }

    fn holder(&self, session: &Session) -> Result<String, AlertingError> {
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = &*holder {
            return Ok(holder.clone());
        }
        let made: String = Sql::Postgres(session).single("SELECT CAST(gen_random_uuid() AS TEXT)", &[])?;
        Ok(holder.insert(made).clone())
    }
}
