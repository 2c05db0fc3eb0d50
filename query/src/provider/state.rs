//! A small table that another room lends, rendered at the moment of the question.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use plimsoll_model::StateTable;

pub(crate) struct StateRows {
    table: Arc<dyn StateTable>,
    /// Asked for once a statement.
    rows: OnceLock<RecordBatch>,
}

impl StateRows {
    pub(crate) fn of(table: Arc<dyn StateTable>) -> Self {
        Self { table, rows: OnceLock::new() }
    }

    fn rows(&self) -> Result<RecordBatch> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows.clone());
        }
        let rows = self.table.rows().map_err(DataFusionError::External)?;
        Ok(self.rows.get_or_init(|| rows).clone())
    }
}

impl fmt::Debug for StateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateRows").field("table", &self.table.name()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for StateRows {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batches = [vec![self.rows()?]];
        Ok(MemorySourceConfig::try_new_exec(&batches, self.table.schema(), projection.cloned())?)
    }
}
