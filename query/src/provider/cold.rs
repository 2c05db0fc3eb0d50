//! Scans the Parquet files of a snapshot and shows them in the table's own schema.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, DataFusionError, Result, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::expressions::{cast, col};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use plimsoll_lake::{DataFile, physical_schema};
use plimsoll_model::Table;

use super::{moment, pruning};
use crate::objects::lake_url;

const TIME: &str = "time";
const TIME_NANOS: &str = "time_nanos";

pub(super) fn scan(
    session: &dyn Session,
    table: Table,
    files: &[&DataFile],
    projection: Option<&Vec<usize>>,
    filters: &[Expr],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let (shown, stored) = (table.schema(), physical_schema(table));
    let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..shown.fields().len()).collect());
    let wanted = shown.project(&wanted)?;
    let source = source(session, table, &stored, filters)?;
    let config = FileScanConfigBuilder::new(lake_url(), Arc::new(source))
        .with_file_groups(groups(session, &stored, files)?)
        .with_projection_indices(Some(stored_columns(&wanted, &stored)?))?
        .with_limit(limit)
        .build();
    as_shown(session, &wanted, DataSourceExec::from_data_source(config))
}

fn source(
    session: &dyn Session,
    table: Table,
    stored: &SchemaRef,
    filters: &[Expr],
) -> Result<ParquetSource> {
    let global = session.config_options().execution.parquet.clone();
    let options = TableParquetOptions { global, ..TableParquetOptions::default() };
    let environment = session.runtime_env();
    let reader = CachedParquetFileReaderFactory::new(
        environment.object_store(lake_url())?,
        environment.cache_manager.get_file_metadata_cache(),
    );
    let source = ParquetSource::new(Arc::clone(stored))
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(Arc::new(reader));
    Ok(match predicate(session, table, stored, filters)? {
        Some(predicate) => source.with_predicate(predicate),
        None => source,
    })
}

fn predicate(
    session: &dyn Session,
    table: Table,
    stored: &SchemaRef,
    filters: &[Expr],
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    // Said twice, it would be looked at twice.
    let ours = filters.iter().filter(|filter| !pruning::is_handed_down(filter, table));
    let on_files = ours.filter_map(|filter| pruning::on_files(filter, table));
    let Some(filter) = conjunction(on_files) else { return Ok(None) };
    let schema = DFSchema::try_from(Arc::clone(stored))?;
    session.create_physical_expr(filter, &schema).map(Some)
}

/// Spread over as many groups as there are threads; a scan reads its groups side by side.
fn groups(session: &dyn Session, stored: &Schema, files: &[&DataFile]) -> Result<Vec<FileGroup>> {
    let files = files.iter().map(|file| partitioned(file, stored)).collect::<Result<Vec<_>>>()?;
    Ok(FileGroup::new(files).split_files(session.config().target_partitions()))
}

/// Row counts come from the commit, so `count(*)` opens no file.
fn partitioned(file: &DataFile, stored: &Schema) -> Result<PartitionedFile> {
    let path = file
        .path
        .to_str()
        .ok_or_else(|| DataFusionError::Internal(format!("the path {} is not UTF-8", file.path.display())))?;
    let mut statistics = Statistics::new_unknown(stored);
    if let Ok(rows) = usize::try_from(file.rows) {
        statistics.num_rows = Precision::Exact(rows);
    }
    Ok(PartitionedFile::new(path, file.size_bytes).with_statistics(Arc::new(statistics)))
}

fn stored_columns(wanted: &Schema, stored: &Schema) -> Result<Vec<usize>> {
    let mut columns = Vec::with_capacity(wanted.fields().len() + 1);
    for field in wanted.fields() {
        columns.push(stored.index_of(field.name())?);
        if field.name() == TIME {
            columns.push(stored.index_of(TIME_NANOS)?);
        }
    }
    Ok(columns)
}

/// Puts `time` together from its two columns, and widens whatever else is stored in another type than it is shown.
fn as_shown(
    session: &dyn Session,
    wanted: &Schema,
    scan: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if wanted.fields().is_empty() {
        return Ok(scan);
    }
    let stored = scan.schema();
    let mut columns = Vec::with_capacity(wanted.fields().len());
    for field in wanted.fields() {
        let column = col(field.name(), &stored)?;
        let column = if field.name() == TIME {
            let parts = vec![column, col(TIME_NANOS, &stored)?];
            let options = Arc::new(session.config_options().clone());
            Arc::new(ScalarFunctionExpr::try_new(moment::function(), parts, &stored, options)?)
        } else if column.data_type(&stored)? == *field.data_type() {
            column
        } else {
            cast(column, &stored, field.data_type().clone())?
        };
        columns.push((column, field.name().clone()));
    }
    Ok(Arc::new(ProjectionExec::try_new(columns, scan)?))
}
