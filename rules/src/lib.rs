//! Objectives, slices, burn rates and alert rules: decides THAT something is wrong.
//!
//! Files become a [`RuleSet`]; the [`Evaluator`] reduces each objective's events to ten-second slices, judges burn
//! rates over running sums, asks each alert rule its query, and states every active alert at every pass. Who hears of
//! it is decided elsewhere.

mod bounds;
mod cells;
mod durations;
mod finding;
mod template;

mod alert_rule;
mod calendar;
mod files;
mod objective;
mod packs;

pub mod burn;
mod evaluator;
mod indicator;
pub mod instance;
mod instances;
mod sentences;
pub mod slices;
mod slo_table;
mod store;
mod waterline;

mod config;

pub use alert_rule::{AlertRule, RuleGroup};
pub use calendar::{Calendar, CalendarBook, CalendarTable, Calendars, Kind, Period, Span};
pub use config::Config;
pub use evaluator::{Evaluator, Known, Succession};
pub use files::{CheckedObjective, RuleSet, expand};
pub use finding::Finding;
pub use objective::{
    Alerting, Blindness, BudgetAlerts, Budgeting, BurnCondition, BusinessClock, Component, Objective, Op,
    OtherLine, Part, SeverityNames, Sli,
};
pub use packs::Pack;
pub use slo_table::SloTable;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(pub String);
