//! The named steps between an alert and its mark as sent. A test's process dies at one of them; any other walks past.

pub(crate) const RECEIVE_MERGED: &str = "receive: merged, not committed";
pub(crate) const RECEIVE_STORED: &str = "receive: stored";
pub(crate) const DISPATCH_DECIDED: &str = "dispatch: decided, not committed";
pub(crate) const DISPATCH_QUEUED: &str = "dispatch: in the outbox";
pub(crate) const DELIVER_CLAIMED: &str = "deliver: claimed";
pub(crate) const DELIVER_SENDING: &str = "deliver: about to send";
pub(crate) const DELIVER_SENT: &str = "deliver: sent, not marked";
pub(crate) const DELIVER_MARKING: &str = "deliver: mark not committed";
pub(crate) const DELIVER_MARKED: &str = "deliver: marked";

#[cfg(not(test))]
pub(crate) const fn reached(_step: &'static str) {}

#[cfg(test)]
pub(crate) use crate::tests::kill::reached;
