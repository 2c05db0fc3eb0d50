//! Tables as DataFusion sees them: rows in memory and rows in Parquet are one table.

mod cold;
mod late;
mod moment;
mod promoted;
mod pruning;
mod state;
mod tail;

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use plimsoll_lake::{Lake, TableSnapshot};
use plimsoll_model::{StateTable, Table};

pub(crate) use state::StateRows;

type TakeSnapshot = Box<dyn FnOnce() -> Result<TableSnapshot> + Send + Sync>;

/// A table of the lake within one statement. The first scan takes the snapshot; a self-join sees the same.
pub(crate) struct LakeTable {
    table: Table,
    snapshot: LazyLock<Result<TableSnapshot>, TakeSnapshot>,
}

impl LakeTable {
    pub(crate) fn of(lake: Lake, table: Table) -> Self {
        Self::taking(table, Box::new(move || Ok(lake.snapshot(table))))
    }

    /// With the rows that `tail` has and the lake hasn't yet.
    pub(crate) fn with_tail(lake: Lake, table: Table, tail: Arc<dyn StateTable>) -> Self {
        Self::taking(table, Box::new(move || tail::joined(lake.snapshot(table), tail.as_ref())))
    }

    fn taking(table: Table, take: TakeSnapshot) -> Self {
        Self { table, snapshot: LazyLock::new(take) }
    }

    fn snapshot(&self) -> Result<&TableSnapshot> {
        self.snapshot.as_ref().map_err(|error| DataFusionError::External(error.to_string().into()))
    }

    fn scan_hot(&self, projection: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
        let batches = self.snapshot()?.hot.clone();
        Ok(MemorySourceConfig::try_new_exec(&[batches], self.table.schema(), projection.cloned())?)
    }
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeTable").field("table", &self.table).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// A filter helps to leave out files, row groups and rows; DataFusion applies it again above.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (range, snapshot) = (pruning::time_range(filters), self.snapshot()?);
        let mut scans = Vec::new();
        let files: Vec<_> = snapshot.cold.iter().filter(|file| range.touches_file(file)).collect();
        if !files.is_empty() {
            scans.push(cold::scan(session, self.table, &files, projection, filters, limit)?);
        }
        let late: Vec<_> = snapshot.late.iter().filter(|rows| range.touches_rows(rows)).cloned().collect();
        if !late.is_empty() {
            scans.push(late::scan(session, self.table, &late, projection, limit)?);
        }
        if !snapshot.hot.is_empty() || scans.is_empty() {
            scans.insert(0, self.scan_hot(projection)?);
        }
        match scans.len() {
            1 => Ok(scans.remove(0)),
            _ => UnionExec::try_new(scans),
        }
    }
}
