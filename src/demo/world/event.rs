//! A business event: an OTLP log record with a name, and the attributes that the product's tables have columns for.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use plimsoll_model::Timestamp;

use super::World;
use super::order::Order;
use super::places::{DATABASE, Warehouse};
use super::work::Done;
use crate::demo::telemetry::{float, int, log, text};

/// What happened to which record, in the words of Odoo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) model: &'static str,
    pub(super) method: &'static str,
    pub(super) workload: &'static str,
}

impl World {
    /// States `fact` about record `id` at the moment `done` ended. `extra` is what only this kind of event knows.
    pub(super) fn state(&mut self, fact: Fact, id: i64, done: &Done, extra: Vec<KeyValue>) {
        let (outcome, severity) = match done.error {
            None => ("ok", SeverityNumber::Info),
            Some(_) => ("failed", SeverityNumber::Warn),
        };
        let mut attributes = vec![
            text("event.id", event_id(fact, id, done)),
            text("business.outcome", outcome),
            float("business.duration", done.took.as_secs_f64()),
            text("business.workload", fact.workload),
            text("odoo.model", fact.model),
            int("odoo.res_id", id),
            text("odoo.method", fact.method),
            text("odoo.db", DATABASE),
        ];
        attributes.extend(done.error.map(|error| text("error.type", error)));
        attributes.extend(extra);
        let mut record = log(done.at, severity, "", attributes);
        record.body = None;
        record.event_name = fact.name.to_owned();
        record.trace_id = done.trace_id.to_vec();
        record.span_id = done.span_id.to_vec();
        self.say_log(done.worker, done.at, record);
    }
}

/// Database, model, record and transition; a failed attempt is a transition of its own.
fn event_id(fact: Fact, id: i64, done: &Done) -> String {
    let transition = fact.name.rsplit('.').next().unwrap_or(fact.name);
    let model = fact.model;
    match done.error {
        None => format!("{DATABASE}/{model}/{id}/{transition}"),
        Some(_) => format!("{DATABASE}/{model}/{id}/{transition}/failed-at-{}", done.at.nanos()),
    }
}

/// Where it happened.
pub(super) fn place(warehouse: &Warehouse) -> Vec<KeyValue> {
    vec![text("business.company", warehouse.company), text("business.warehouse", warehouse.code)]
}

/// Everything an order's steps have in common.
pub(super) fn of_order(order: &Order) -> Vec<KeyValue> {
    let mut attributes = place(order.warehouse);
    attributes.extend([
        text("business.process_id", order.reference()),
        text("business.channel", order.channel.name()),
        text("business.carrier", order.carrier),
        text("business.customer", &order.customer),
        text("business.user_group", order.channel.user_group()),
        float("business.amount", order.amount),
        text("business.currency", order.warehouse.currency),
        text("business.due", order.due.to_rfc3339()),
    ]);
    attributes
}

/// The next pick-up of the carriers, every two hours: when an order that is confirmed now has to leave.
pub(super) fn next_pick_up(at: Timestamp) -> Timestamp {
    let two_hours = std::time::Duration::from_secs(7_200);
    at.floor_to(two_hours) + two_hours
}
