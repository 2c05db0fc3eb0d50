//! State that lives outside the lake but is asked for in SQL: alerts, incidents, objectives.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

/// A small table that its owner renders at the moment of the question.
pub trait StateTable: std::fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;

    fn schema(&self) -> SchemaRef;

    /// Every row as of now, in the schema above. Called once a query; must not block on I/O for long.
    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>>;
}
