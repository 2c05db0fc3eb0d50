//! `slos` as SQL sees it: one row per objective and group, as of the last pass of the evaluator.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use plimsoll_model::{Labels, StateTable, Table, batch_from_rows};
use serde::Serialize;

/// Clones share the rows, so that the engine can have the table before the evaluator, which needs the engine, exists.
#[derive(Clone, Debug, Default)]
pub struct SloTable(Arc<Mutex<Vec<SloRow>>>);

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SloRow {
    pub(crate) slo: String,
    pub(crate) service: String,
    pub(crate) team: Option<String>,
    /// Percent.
    pub(crate) objective: f64,
    pub(crate) window: String,
    pub(crate) groups: Labels,
    pub(crate) state: &'static str,
    pub(crate) severity: Option<String>,
    pub(crate) good: u64,
    pub(crate) total: u64,
    /// Events of the window that the business clock leaves out.
    pub(crate) not_counted: u64,
    /// The calendar whose line holds now, if it is not the objective's own.
    pub(crate) line: Option<String>,
    pub(crate) budget_left: f64,
    /// Share of the whole window's budget; where history is shorter, of what it will be at this rate of events.
    pub(crate) budget_spent: f64,
    /// `burn_1h` and so on.
    #[serde(flatten)]
    pub(crate) burns: BTreeMap<String, f64>,
    pub(crate) last_event_time: Option<i64>,
    pub(crate) coverage: String,
    /// Why what burns is no alert.
    pub(crate) waiting: Option<String>,
}

const BURN_COLUMNS: [&str; 7] =
    ["burn_1h", "burn_5m", "burn_6h", "burn_30m", "burn_1d", "burn_2h", "burn_3d"];

impl SloTable {
    pub(crate) fn show(&self, rows: Vec<SloRow>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }
}

impl StateTable for SloTable {
    fn name(&self) -> &'static str {
        "slos"
    }

    fn schema(&self) -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(schema);
        SCHEMA.clone()
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(batch_from_rows(&self.schema(), &rows)?)
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let float = |name: &str| Field::new(name, DataType::Float64, true);
    let groups = Table::SliSlices.schema();
    let groups = groups.field_with_name("groups").expect("slices have groups").clone();
    let mut fields =
        vec![text("slo"), text("service"), text("team"), float("objective"), text("window"), groups];
    fields.extend([text("state"), text("severity")]);
    fields.extend(["good", "total", "not_counted"].map(|name| Field::new(name, DataType::Int64, true)));
    fields.push(text("line"));
    fields.extend(["budget_left", "budget_spent"].map(float));
    fields.extend(BURN_COLUMNS.map(float));
    let moment = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    fields.push(Field::new("last_event_time", moment, true));
    fields.extend([text("coverage"), text("waiting")]);
    Arc::new(Schema::new(fields))
}
