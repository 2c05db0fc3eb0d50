//! The one entrance for every statement, whoever asks.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use plimsoll_lake::Lake;
use plimsoll_model::{BusinessClock, Clock, StateTable, Table, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::cancel::cancellable;
use crate::config::{CONCURRENT_EVALUATIONS, CONCURRENT_STATEMENTS, RESULT_LIMIT_BYTES};
use crate::fence::{self, AllowList};
use crate::functions::business_clock::{self, IN_CALENDAR};
use crate::lane::{self, Lane, LaneStats};
use crate::row_wise::RowWise;
use crate::session::{self, Sources};
use crate::views::Views;
use crate::{Config, QueryError, QueryOutput, output};

/// A positional parameter (`$1`, ...) of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Timestamp),
}

#[derive(Clone, Debug)]
pub struct Description {
    pub schema: SchemaRef,
    pub reads_now: bool,
    /// Lake tables the statement reads, so that evaluation can be driven by what arrived.
    pub tables: Vec<Table>,
    /// Calendars that it names, so that a check can tell those that nobody defined.
    pub calendars: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct QueryEngine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) people: Arc<Lane>,
    rules: Arc<Lane>,
    people_template: SessionState,
    rules_template: SessionState,
    pub(crate) sources: Sources,
    pub(crate) allowed: AllowList,
    pub(crate) clock: Arc<dyn Clock>,
    max_rows: usize,
}

impl QueryEngine {
    pub fn new(
        config: Config,
        lake: Lake,
        state: Vec<Arc<dyn StateTable>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueryError> {
        lane::clear_spill(&config.spill_dir);
        let people = Arc::new(Lane::new("query", CONCURRENT_STATEMENTS, &config)?);
        let rules = Arc::new(Lane::new("rules", CONCURRENT_EVALUATIONS, &config)?);
        let people_template = session::template(people.environment())?;
        let planner = Arc::new(people_template.clone());
        let sources = Sources { lake, state, views: Views::new(config.views), planner };
        let inner = Inner {
            people_template,
            rules_template: session::template(rules.environment())?,
            people,
            rules,
            allowed: AllowList::new(sources.table_names()),
            sources,
            clock,
            max_rows: config.max_rows,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// For another tenant: its sessions have nothing but these tables, and share threads, memory and limits with those of
    /// this one.
    #[must_use]
    pub fn for_tenant(&self, lake: Lake, state: Vec<Arc<dyn StateTable>>) -> Self {
        let Inner { people, rules, people_template, rules_template, clock, max_rows, sources, .. } =
            self.inner.as_ref();
        let (views, planner) = (sources.views.clone(), Arc::clone(&sources.planner));
        let sources = Sources { lake, state, views, planner };
        let inner = Inner {
            people: Arc::clone(people),
            rules: Arc::clone(rules),
            people_template: people_template.clone(),
            rules_template: rules_template.clone(),
            allowed: AllowList::new(sources.table_names()),
            sources,
            clock: Arc::clone(clock),
            max_rows: *max_rows,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The same engine whose statements may ask calendars as well: `in_calendar` and `next_cutoff`.
    pub fn with_business_clock(&self, asked: &Arc<dyn BusinessClock>) -> Result<Self, QueryError> {
        let mut engine = self.for_tenant(self.inner.sources.lake.clone(), self.inner.sources.state.clone());
        let inner = Arc::get_mut(&mut engine.inner)
            .ok_or_else(|| QueryError::Internal("a new engine is shared already".to_owned()))?;
        let mut planner = inner.sources.planner.as_ref().clone();
        for state in [&mut inner.people_template, &mut inner.rules_template, &mut planner] {
            business_clock::register(state, asked)?;
        }
        inner.sources.planner = Arc::new(planner);
        Ok(engine)
    }

    /// One statement from a person: behind the fence, within every limit. `now()` is the clock's.
    pub async fn sql(&self, sql: &str, params: &[Param]) -> Result<QueryOutput, QueryError> {
        let now = self.inner.clock.now();
        self.answer(Face::People, sql, params, now).await
    }

    /// One statement from a rule, at a moment: `now()` is `now`, whatever the clock says. The same fence, limits of
    /// its own, never queued behind people's queries.
    pub async fn evaluate(
        &self,
        sql: &str,
        params: &[Param],
        now: Timestamp,
    ) -> Result<QueryOutput, QueryError> {
        self.answer(Face::Rules, sql, params, now).await
    }

    /// The columns a statement would give, and whether it calls `now()`; runs nothing. For checking rules at load.
    pub async fn describe(&self, sql: &str) -> Result<Description, QueryError> {
        let work = Arc::clone(&self.inner).explain(sql.to_owned());
        self.inner.rules.run(|_| work).await
    }

    /// The statement as a question of single rows; `None` when it is none, or when the table has rows that the lake hasn't.
    pub async fn row_wise(&self, sql: &str) -> Result<Option<RowWise>, QueryError> {
        let (inner, sql) = (Arc::clone(&self.inner), sql.to_owned());
        let work = |_| async move {
            let statement = fence::admit(&sql, &inner.allowed)?;
            let state = inner.open(Face::Rules, inner.clock.now())?;
            let plan = session::plan(&state, statement).await?;
            if reads_now(&plan)? {
                return Ok(None);
            }
            Ok(RowWise::of(&state.optimize(&plan)?, &state)?)
        };
        self.inner.rules.run(work).await
    }

    /// Shows every row of [from, to) to `add`, batch by batch, in the rules' lane: for who asks many questions of the same
    /// rows. There is no limit on rows, for none is kept.
    pub async fn fold_rows<T: Send + 'static>(
        &self,
        table: Table,
        columns: &[String],
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
        mut into: T,
        add: impl Fn(&mut T, RecordBatch) -> Result<(), QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let inner = Arc::clone(&self.inner);
        let columns: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let sql = format!("SELECT {} FROM {table} WHERE time >= $1 AND time < $2", columns.join(", "));
        let work = |stop: CancellationToken| async move {
            let statement = fence::admit(&sql, &inner.allowed)?;
            let state = inner.open(Face::Rules, now)?;
            let plan = session::plan(&state, statement).await?;
            let plan = plan.replace_params_with_values(&values(&[Param::Time(from), Param::Time(to)]))?;
            let plan = cancellable(state.create_physical_plan(&plan).await?, &stop)?;
            let mut rows = execute_stream(plan, state.task_ctx())?;
            while let Some(batch) = rows.next().await {
                add(&mut into, batch?)?;
            }
            Ok(into)
        };
        self.inner.rules.run(work).await
    }

    async fn answer(
        &self,
        face: Face,
        sql: &str,
        params: &[Param],
        now: Timestamp,
    ) -> Result<QueryOutput, QueryError> {
        let (inner, sql, params) = (Arc::clone(&self.inner), sql.to_owned(), values(params));
        let lane = match face {
            Face::People => &self.inner.people,
            Face::Rules => &self.inner.rules,
        };
        let work = |stop| async move {
            let statement = fence::admit(&sql, &inner.allowed)?;
            let state = inner.open(face, now)?;
            inner.execute(&state, statement, params, &stop).await
        };
        lane.run(work).await
    }

    /// How full the lanes of people and of rules are.
    #[must_use]
    pub fn lanes(&self) -> [LaneStats; 2] {
        [self.inner.people.stats("people"), self.inner.rules.stats("rules")]
    }

    /// Whether both are clones of one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

#[derive(Clone, Copy, Debug)]
enum Face {
    People,
    Rules,
}

impl Inner {
    fn open(&self, face: Face, now: Timestamp) -> Result<SessionState, QueryError> {
        let template = match face {
            Face::People => &self.people_template,
            Face::Rules => &self.rules_template,
        };
        Ok(session::open(template, session::catalog(self.sources.tables()?)?, now))
    }

    /// Plans and runs an admitted statement in its session.
    pub(crate) async fn execute(
        &self,
        state: &SessionState,
        statement: Statement,
        params: ParamValues,
        stop: &CancellationToken,
    ) -> Result<QueryOutput, QueryError> {
        let plan = session::plan(state, statement).await?;
        let plan = plan.replace_params_with_values(&params)?;
        let plan = state.create_physical_plan(&plan).await?;
        self.run(state, cancellable(plan, stop)?).await
    }

    async fn run(
        &self,
        state: &SessionState,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<QueryOutput, QueryError> {
        let schema = plan.schema();
        let mut rows = execute_stream(plan, state.task_ctx())?;
        let mut answer = Answer { max_rows: self.max_rows, rows: 0, bytes: 0, batches: Vec::new() };
        while let Some(batch) = rows.next().await {
            answer.push(batch?)?;
        }
        output::plain(&schema, answer.batches)
    }

    async fn explain(self: Arc<Self>, sql: String) -> Result<Description, QueryError> {
        let statement = fence::admit(&sql, &self.allowed)?;
        let state = self.open(Face::Rules, self.clock.now())?;
        let plan = session::plan(&state, statement).await?;
        Ok(Description {
            schema: output::plain_schema(plan.schema().as_arrow()),
            reads_now: reads_now(&plan)?,
            tables: tables(&plan)?,
            calendars: calendars(&plan)?,
        })
    }
}

/// Batches on their way into an answer, within its limits.
struct Answer {
    max_rows: usize,
    rows: usize,
    bytes: usize,
    batches: Vec<RecordBatch>,
}

impl Answer {
    fn push(&mut self, batch: RecordBatch) -> Result<(), QueryError> {
        self.rows += batch.num_rows();
        self.bytes += batch.columns().iter().map(|column| output::sliced_bytes(column)).sum::<usize>();
        if self.rows > self.max_rows {
            let limit = self.max_rows;
            return Err(QueryError::Limit(format!(
                "more than {limit} rows (query.max_rows): add LIMIT or aggregate"
            )));
        }
        if self.bytes > RESULT_LIMIT_BYTES {
            let limit = RESULT_LIMIT_BYTES / (1024 * 1024);
            return Err(QueryError::Limit(format!(
                "the answer is bigger than {limit} MiB: ask for fewer columns or rows"
            )));
        }
        self.batches.push(batch);
        Ok(())
    }
}

fn values(params: &[Param]) -> ParamValues {
    ParamValues::from(params.iter().map(value).collect::<Vec<_>>())
}

fn value(param: &Param) -> ScalarValue {
    match param {
        Param::Null => ScalarValue::Null,
        Param::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Param::Int(value) => ScalarValue::Int64(Some(*value)),
        Param::Float(value) => ScalarValue::Float64(Some(*value)),
        Param::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        Param::Time(value) => ScalarValue::TimestampNanosecond(Some(value.nanos()), Some("UTC".into())),
    }
}

const CLOCK_FUNCTIONS: [&str; 3] = ["now", "current_date", "current_time"];

fn reads_now(plan: &LogicalPlan) -> Result<bool, QueryError> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    found |= CLOCK_FUNCTIONS.contains(&call.func.name());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

fn calendars(plan: &LogicalPlan) -> Result<Vec<String>, QueryError> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr
                    && call.func.name() == IN_CALENDAR
                    && let Some(Expr::Literal(name, _)) = call.args.first()
                {
                    names.extend(name.try_as_str().flatten().map(str::to_owned));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn tables(plan: &LogicalPlan) -> Result<Vec<Table>, QueryError> {
    let mut tables = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.extend(Table::from_name(scan.table_name.table()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    tables.sort_unstable();
    tables.dedup();
    Ok(tables)
}

#[cfg(test)]
mod tests;
