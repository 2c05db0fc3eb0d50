//! Questions that look at one row at a time: `SELECT` of expressions `FROM` one table `WHERE` a condition holds. Whoever
//! asks ten thousand of them of the same new rows need not plan and scan ten thousand times: the rows are read once, and
//! each question is a handful of expressions over them.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, LogicalPlan, Operator, Projection, TableScan, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use plimsoll_model::Table;

use crate::QueryError;

/// A question of that kind, ready to be asked of batches of the table's rows.
#[derive(Debug)]
pub struct RowWise {
    pub table: Table,
    /// What it reads, by name.
    pub columns: Vec<String>,
    /// Its condition asks, among other things, that this column equals this text: other rows need not be shown to it.
    pub tag: Option<(String, String)>,
    steps: Vec<Step>,
    schema: SchemaRef,
}

#[derive(Debug)]
enum Step {
    Filter(Arc<dyn PhysicalExpr>),
    Project(Vec<Arc<dyn PhysicalExpr>>, SchemaRef),
}

impl RowWise {
    /// `None` when the optimized plan is of another kind.
    pub(crate) fn of(plan: &LogicalPlan, state: &SessionState) -> Result<Option<Self>> {
        let mut nodes = Vec::new();
        let mut node = plan;
        let scan = loop {
            match node {
                LogicalPlan::Projection(Projection { input, .. })
                | LogicalPlan::Filter(Filter { input, .. }) => {
                    nodes.push(node);
                    node = input;
                }
                LogicalPlan::SubqueryAlias(alias) => node = &alias.input,
                LogicalPlan::TableScan(scan) if scan.fetch.is_none() => break scan,
                _ => return Ok(None),
            }
        };
        let Some(table) = Table::from_name(scan.table_name.table()) else { return Ok(None) };
        if !nodes.iter().all(|node| is_row_wise(node)) {
            return Ok(None);
        }
        let mut found = Self {
            table,
            columns: scan.projected_schema.fields().iter().map(|field| field.name().clone()).collect(),
            tag: None,
            steps: Vec::new(),
            schema: Arc::clone(scan.projected_schema.inner()),
        };
        for node in nodes.into_iter().rev() {
            found.add(node, scan, state)?;
        }
        Ok(Some(found))
    }

    fn add(&mut self, node: &LogicalPlan, scan: &TableScan, state: &SessionState) -> Result<()> {
        let (props, context) = (state.execution_props(), PhysicalPlanningContext::default());
        match node {
            LogicalPlan::Filter(filter) => {
                let is_first = self.steps.is_empty();
                if is_first {
                    self.tag = split_conjunction(&filter.predicate).into_iter().find_map(equality);
                }
                let input: &DFSchema = filter.input.schema();
                self.steps.push(Step::Filter(create_physical_expr(
                    &filter.predicate,
                    input,
                    props,
                    &context,
                )?));
            }
            LogicalPlan::Projection(projection) => {
                let input: &DFSchema = projection.input.schema();
                let exprs =
                    projection.expr.iter().map(|expr| create_physical_expr(expr, input, props, &context));
                let schema = Arc::clone(projection.schema.inner());
                self.steps.push(Step::Project(exprs.collect::<Result<_>>()?, Arc::clone(&schema)));
                self.schema = schema;
            }
            other => unreachable!("{} over {} was left out before", other.display(), scan.table_name),
        }
        Ok(())
    }

    /// Of rows that have the question's columns, in their order, the rows of its answer.
    pub fn ask(&self, rows: &RecordBatch) -> std::result::Result<RecordBatch, QueryError> {
        Ok(self.answer(rows)?)
    }

    fn answer(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let mut rows = rows.clone();
        for step in &self.steps {
            if rows.num_rows() == 0 {
                return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
            }
            rows = match step {
                Step::Filter(condition) => {
                    let holds = condition.evaluate(&rows)?.into_array(rows.num_rows())?;
                    let holds: &BooleanArray = holds.as_boolean();
                    filter_record_batch(&rows, holds)?
                }
                Step::Project(exprs, schema) => project(&rows, exprs, schema)?,
            };
        }
        Ok(rows)
    }
}

/// The types are those of the values: the optimizer may have changed them underway.
fn project(rows: &RecordBatch, exprs: &[Arc<dyn PhysicalExpr>], schema: &Schema) -> Result<RecordBatch> {
    let columns = exprs.iter().map(|expr| expr.evaluate(rows)?.into_array(rows.num_rows()));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<_> = fields
        .map(|(field, column)| {
            field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true)
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

/// No expression looks beyond its row, or would say something else tomorrow.
fn is_row_wise(node: &LogicalPlan) -> bool {
    let mut is_plain = true;
    let looked = node.apply_expressions(|expr| {
        expr.apply(|expr| {
            is_plain &= match expr {
                Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
                Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Unnest(_)
                | Expr::Placeholder(_) => false,
                _ => true,
            };
            Ok(TreeNodeRecursion::Continue)
        })
    });
    looked.is_ok() && is_plain
}

fn equality(condition: &Expr) -> Option<(String, String)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) | (Expr::Literal(value, _), Expr::Column(column)) => {
            Some((column.name.clone(), text(value)?))
        }
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
