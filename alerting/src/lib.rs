//! Route, group, dedup, outbox and receivers: decides WHO hears of it.
//!
//! An alert is stored (`receive`), put into the groups its routes give it and, when a group is due, worded once for
//! each integration (`dispatch`: decision and outbox row are one transaction), then sent (`deliver`). Every step can be
//! the last before a crash: the next process goes on from the store.

mod config;
mod error;

mod matcher;
mod route;
mod time_interval;

mod dedup;
mod grouping;
mod inhibit;
mod merge;

mod message;
mod notification;
mod template;

mod escalation;
mod incident;
mod schedule;

mod store;

mod deliver;
mod dispatch;
mod fence;
mod heartbeat;
mod ledger;
mod pipeline;
mod receiver;
mod silence;
mod steps;
mod tables;
mod view;

pub use config::{Config, Environment, Finding, Outbound, PagerDutyIncidents, Routing, Sending};
pub use deliver::{
    DeliveredAlert, Delivery, DeliveryStats, INTEGRATION_KINDS, RateLimit, RateLimits, SecondChannels,
};
pub use error::AlertingError;
pub use fence::{Fence, Network};
pub use heartbeat::{Heartbeat, HeartbeatConfig, HeartbeatStats};
pub use incident::{
    Acted, Actor, IncidentAction, IncidentDetail, IncidentState, LinkKey, LinkState, LinkedIncident,
    OnCallShift, PagerDutyAnswer, Way, WebhookSecret,
};
pub use matcher::{Filter, FilterError};
pub use pipeline::Alerting;
pub use route::labels_of;
pub use silence::{Silence, SilenceDraft, SilenceError, SilenceMatcher, SilenceState};
pub use store::{Connecting, Database, DatabaseServer};
pub use view::{AlertFilter, AlertView, GroupView};

#[cfg(test)]
mod tests;
