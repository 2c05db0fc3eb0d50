//! Questions that look at one row at a time: `SELECT` of expressions `FROM` one table `WHERE` a condition holds. Whoever
//! asks ten thousand of them of the same new rows need not plan and scan ten thousand times: the rows are read once. Most
//! differ in nothing but the text that one column must equal: what is left without it, their form, is computed once for all.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, LogicalPlan, Operator, Projection, TableScan, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use plimsoll_model::Table;

use crate::QueryError;

/// A question of that kind.
#[derive(Debug)]
pub struct RowWise {
    pub table: Table,
    /// Its condition asks, among other things, that this column equals this text: other rows must not be shown to its form.
    pub tag: Option<(String, String)>,
    pub form: RowForm,
}

/// A question without its tag, ready to be asked of batches of the table's rows. Two are equal when they answer alike.
#[derive(Debug)]
pub struct RowForm {
    /// What it reads, by name.
    pub columns: Vec<String>,
    steps: Vec<Step>,
    schema: SchemaRef,
}

#[derive(Debug, PartialEq, Eq)]
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
        let form = RowForm {
            columns: scan.projected_schema.fields().iter().map(|field| field.name().clone()).collect(),
            steps: Vec::new(),
            schema: Arc::clone(scan.projected_schema.inner()),
        };
        let mut found = Self { table, tag: None, form };
        for node in nodes.into_iter().rev() {
            found.add(node, scan, state)?;
        }
        Ok(Some(found))
    }

    fn add(&mut self, node: &LogicalPlan, scan: &TableScan, state: &SessionState) -> Result<()> {
        let (props, context) = (state.execution_props(), PhysicalPlanningContext::default());
        match node {
            LogicalPlan::Filter(filter) => {
                let mut conditions = split_conjunction(&filter.predicate);
                if self.form.steps.is_empty() {
                    let tag = conditions.iter().position(|condition| equality(condition).is_some());
                    self.tag = tag.and_then(|at| equality(conditions.remove(at)));
                }
                let Some(condition) = conjunction(conditions.into_iter().cloned()) else { return Ok(()) };
                let input: &DFSchema = filter.input.schema();
                self.form.steps.push(Step::Filter(create_physical_expr(&condition, input, props, &context)?));
            }
            LogicalPlan::Projection(projection) => {
                let input: &DFSchema = projection.input.schema();
                let exprs =
                    projection.expr.iter().map(|expr| create_physical_expr(expr, input, props, &context));
                let schema = Arc::clone(projection.schema.inner());
                self.form.steps.push(Step::Project(exprs.collect::<Result<_>>()?, Arc::clone(&schema)));
                self.form.schema = schema;
            }
            other => unreachable!("{} over {} was left out before", other.display(), scan.table_name),
        }
        Ok(())
    }
}

impl RowForm {
    /// Of rows that have the form's columns, in their order: the rows of the answer, and of which row each was made.
    pub fn ask(&self, rows: &RecordBatch) -> std::result::Result<(RecordBatch, UInt32Array), QueryError> {
        Ok(self.answer(rows.clone())?)
    }

    fn answer(&self, mut rows: RecordBatch) -> Result<(RecordBatch, UInt32Array)> {
        let mut positions: UInt32Array = (0_u32..).take(rows.num_rows()).collect();
        for step in &self.steps {
            if rows.num_rows() == 0 {
                return Ok((RecordBatch::new_empty(Arc::clone(&self.schema)), positions));
            }
            rows = match step {
                Step::Filter(condition) => {
                    let holds = condition.evaluate(&rows)?.into_array(rows.num_rows())?;
                    let holds: &BooleanArray = holds.as_boolean();
                    positions = filter(&positions, holds)?.as_primitive().clone();
                    filter_record_batch(&rows, holds)?
                }
                Step::Project(exprs, schema) => project(&rows, exprs, schema)?,
            };
        }
        Ok((rows, positions))
    }
}

impl PartialEq for RowForm {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns && self.steps == other.steps
    }
}

impl Eq for RowForm {}

impl Hash for RowForm {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.hash(state);
        for step in &self.steps {
            match step {
                Step::Filter(condition) => condition.hash(state),
                Step::Project(exprs, _) => exprs.hash(state),
            }
        }
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
