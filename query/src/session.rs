//! What one statement sees: tables that share a snapshot, functions, and a `now()` of its own.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::common::config::Dialect;
use datafusion::execution::context::{SQLOptions, SessionState};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use plimsoll_lake::Lake;
use plimsoll_model::{StateTable, Table, Timestamp};

use crate::provider::{LakeTable, StateRows};
use crate::views::{LakeTables, Views, WithViews};
use crate::{QueryError, functions, lane};

/// The database's name, as PostgreSQL clients see it.
pub(crate) const CATALOG: &str = "plimsoll";
pub(crate) const SCHEMA: &str = "public";

/// Where rows come from: the lake, and whoever lends a table.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) lake: Lake,
    pub(crate) state: Vec<Arc<dyn StateTable>>,
    pub(crate) views: Views,
    /// Plans them.
    pub(crate) planner: Arc<SessionState>,
}

impl Sources {
    pub(crate) fn table_names(&self) -> Vec<String> {
        let lake = Table::ALL.into_iter().map(Table::name);
        let state = self.own_state().map(|table| table.name());
        lake.chain(state)
            .chain([self.lake_tables().name()])
            .map(str::to_owned)
            .chain(self.views.names())
            .collect()
    }

    /// Fresh providers: the first scan of a table takes its snapshot, every other scan of the statement shares it.
    pub(crate) fn tables(&self) -> Result<Arc<dyn SchemaProvider>, QueryError> {
        let schema = MemorySchemaProvider::new();
        for table in Table::ALL {
            let provider = Arc::new(self.lake_table(table));
            schema.register_table(table.name().to_owned(), provider)?;
        }
        for table in self.own_state() {
            let provider = Arc::new(StateRows::of(Arc::clone(table)));
            schema.register_table(table.name().to_owned(), provider)?;
        }
        let sizes: Arc<dyn StateTable> = Arc::new(self.lake_tables());
        schema.register_table(sizes.name().to_owned(), Arc::new(StateRows::of(sizes)))?;
        Ok(Arc::new(WithViews {
            tables: Arc::new(schema),
            views: self.views.clone(),
            planner: Arc::clone(&self.planner),
        }))
    }

    fn lake_tables(&self) -> LakeTables {
        LakeTables(self.lake.clone())
    }

    /// State under the name of a table of the lake is that table's newest rows.
    fn lake_table(&self, table: Table) -> LakeTable {
        match self.state.iter().find(|state| state.name() == table.name()) {
            Some(tail) => LakeTable::with_tail(self.lake.clone(), table, Arc::clone(tail)),
            None => LakeTable::of(self.lake.clone(), table),
        }
    }

    fn own_state(&self) -> impl Iterator<Item = &Arc<dyn StateTable>> {
        self.state.iter().filter(|state| Table::from_name(state.name()).is_none())
    }
}

/// What all sessions of a lane share; made once, since the functions alone are a few hundred.
pub(crate) fn template(environment: Arc<RuntimeEnv>) -> Result<SessionState, QueryError> {
    let mut state = SessionStateBuilder::new()
        .with_config(config())
        .with_runtime_env(environment)
        .with_default_features()
        .with_table_factories(HashMap::new())
        .with_file_formats(Vec::new())
        .build();
    functions::limit(&mut state)?;
    Ok(state)
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(lane::parallelism());
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    // One side of a join fits into memory or the query is refused, so the larger one needn't be copied into partitions.
    options.optimizer.hash_join_single_partition_threshold = 512 << 20;
    options.optimizer.hash_join_single_partition_threshold_rows = 8_000_000;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    config
}

/// A session for one statement at one moment.
pub(crate) fn open(
    template: &SessionState,
    catalog: Arc<dyn CatalogProvider>,
    now: Timestamp,
) -> SessionState {
    let mut state = template.clone();
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), catalog);
    state.register_catalog_list(Arc::new(catalogs));
    let mut props = ExecutionProps::new().with_query_execution_start_time(now.to_utc());
    props.config_options = Some(Arc::clone(state.config_options()));
    *state.execution_props_mut() = props;
    state
}

/// A catalog with nothing but these tables.
pub(crate) fn catalog(tables: Arc<dyn SchemaProvider>) -> Result<Arc<dyn CatalogProvider>, QueryError> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, tables)?;
    Ok(Arc::new(catalog))
}

/// Plans an admitted statement. DataFusion's own switches are the fence's second layer.
pub(crate) async fn plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan, QueryError> {
    let plan = state.statement_to_plan(statement).await?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|error| QueryError::Refused(error.strip_backtrace()))?;
    Ok(plan)
}
