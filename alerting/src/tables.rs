//! The pipeline's state as SQL sees it.

use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use plimsoll_model::{StateTable, batch_from_rows};
use serde_json::Value;

use crate::AlertingError;
use crate::pipeline::LastPass;
use crate::store::Store;

pub(crate) fn all(store: &Store, seen: &Arc<LastPass>) -> Vec<Arc<dyn StateTable>> {
    let kinds = [Kind::Alerts, Kind::Incidents, Kind::Notifications, Kind::Silences, Kind::Audit];
    kinds
        .into_iter()
        .map(|kind| {
            Arc::new(View { kind, store: store.clone(), seen: Arc::clone(seen) }) as Arc<dyn StateTable>
        })
        .collect()
}

#[derive(Debug)]
struct View {
    kind: Kind,
    store: Store,
    seen: Arc<LastPass>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Alerts,
    Incidents,
    Notifications,
    Silences,
    Audit,
}

impl StateTable for View {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Alerts => "alerts",
            Kind::Incidents => "incidents",
            Kind::Notifications => "notifications",
            Kind::Silences => "silences",
            Kind::Audit => "audit",
        }
    }

    fn schema(&self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 5]> =
            LazyLock::new(|| [alerts(), incidents(), notifications(), silences(), audit()]);
        Arc::clone(&SCHEMAS[self.kind as usize])
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        Ok(batch_from_rows(&self.schema(), &self.values()?)?)
    }
}

impl View {
    fn values(&self) -> Result<Vec<Value>, AlertingError> {
        match self.kind {
            Kind::Alerts => self.store.alert_rows(),
            Kind::Incidents => self.store.incident_rows(),
            Kind::Notifications => self.store.notification_rows(),
            Kind::Silences => self.store.silence_rows(self.seen.now()),
            Kind::Audit => self.store.audit_rows(),
        }
    }
}

fn alerts() -> SchemaRef {
    schema(vec![
        text("alertname"),
        text("fingerprint"),
        text("state"),
        text("severity"),
        text("service"),
        map("labels"),
        map("annotations"),
        time("starts_at"),
        time("ends_at"),
        time("updated_at"),
        text("incident_id"),
        text("inhibited_by"),
        text("silenced_by"),
    ])
}

fn incidents() -> SchemaRef {
    schema(vec![
        text("incident_id"),
        text("state"),
        time("opened_at"),
        time("resolved_at"),
        map("group_labels"),
        text("receiver"),
        Field::new("alerts", DataType::Int64, true),
        text("summary"),
        text("urgency"),
        Field::new("step", DataType::Int64, true),
        Field::new("round", DataType::Int64, true),
        time("next_step_at"),
        text("acknowledged_by"),
        time("acknowledged_at"),
        text("notes"),
    ])
}

fn notifications() -> SchemaRef {
    schema(vec![
        text("id"),
        text("incident_id"),
        text("receiver"),
        text("integration"),
        text("outcome"),
        text("reason"),
        Field::new("attempts", DataType::Int64, true),
        time("created_at"),
        time("sent_at"),
        text("receipt"),
        text("error"),
    ])
}

fn audit() -> SchemaRef {
    schema(vec![
        time("time"),
        text("actor"),
        text("way"),
        text("action"),
        text("incident_id"),
        text("details"),
    ])
}

fn silences() -> SchemaRef {
    schema(vec![
        text("id"),
        text("state"),
        text("matchers"),
        time("starts_at"),
        time("ends_at"),
        time("updated_at"),
        text("created_by"),
        text("comment"),
    ])
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true)
}

/// Entry names as in the lake's tables, so that both kinds of map behave alike in SQL.
fn map(name: &str) -> Field {
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    let entries = Field::new("key_value", DataType::Struct(entries), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), true)
}
