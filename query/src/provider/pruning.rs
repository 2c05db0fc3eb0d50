//! Filters as seen from the files: which ones can't matter, and what to tell the Parquet reader about the others.
//!
//! Files hold timestamps rounded down to microseconds. A comparison with one is therefore translated to a weaker one
//! that no wanted row fails; DataFusion applies the exact filter above the scan.

use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr, lit};
use plimsoll_lake::{DataFile, LateRows};
use plimsoll_model::{Table, Timestamp};

use super::promoted;

/// The event times that filters leave, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeRange {
    earliest: i64,
    latest: i64,
}

impl TimeRange {
    pub(super) fn touches_file(&self, file: &DataFile) -> bool {
        self.touches(file.min_time, file.max_time)
    }

    pub(super) fn touches_rows(&self, rows: &LateRows) -> bool {
        self.touches(rows.outline().earliest, rows.outline().latest)
    }

    fn touches(&self, earliest: Timestamp, latest: Timestamp) -> bool {
        latest.nanos() >= self.earliest && earliest.nanos() <= self.latest
    }
}

pub(super) fn time_range(filters: &[Expr]) -> TimeRange {
    let mut range = TimeRange { earliest: i64::MIN, latest: i64::MAX };
    for filter in filters.iter().flat_map(split_conjunction) {
        let Some((column, operator, nanos)) = comparison(filter) else { continue };
        if column.name != "time" {
            continue;
        }
        if matches!(operator, Operator::Gt | Operator::GtEq | Operator::Eq) {
            range.earliest = range.earliest.max(nanos);
        }
        if matches!(operator, Operator::Lt | Operator::LtEq | Operator::Eq) {
            range.latest = range.latest.min(nanos);
        }
    }
    range
}

/// What the files' columns must satisfy for `filter` to hold; `None` when they can't tell.
pub(super) fn on_files(filter: &Expr, table: Table) -> Option<Expr> {
    if let Some((column, operator, nanos)) = comparison(filter) {
        return rounded(column, operator, nanos);
    }
    if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter {
        match (op, on_files(left, table), on_files(right, table)) {
            (Operator::And, Some(left), Some(right)) => return Some(left.and(right)),
            (Operator::And, Some(one), None) | (Operator::And, None, Some(one)) => return Some(one),
            (Operator::Or, Some(left), Some(right)) => return Some(left.or(right)),
            (Operator::And | Operator::Or, _, _) => return None,
            _ => {}
        }
    }
    let promoted = promoted::in_place_of_map(filter, table);
    promoted.or_else(|| {
        same_in_files(filter, &table.schema()).unwrap_or(false).then(|| unqualified(filter.clone()))
    })
}

/// Whether DataFusion hands the filter down to the files by itself: a column that is stored as it is shown, compared with a
/// constant. What it takes out of a map it looks at above the scan.
pub(super) fn is_handed_down(filter: &Expr, table: Table) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, right, .. }) = filter else { return false };
    let is_plain = matches!(
        (left.as_ref(), right.as_ref()),
        (Expr::Column(_), Expr::Literal(..)) | (Expr::Literal(..), Expr::Column(_))
    );
    is_plain && same_in_files(filter, &table.schema()).unwrap_or(false)
}

/// `column <op> moment`, whichever side the column is on.
fn comparison(filter: &Expr) -> Option<(&Column, Operator, i64)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), _), _)) => {
            Some((column, *op, *nanos))
        }
        (Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), _), _), Expr::Column(column)) => {
            Some((column, op.swap()?, *nanos))
        }
        _ => None,
    }
}

fn rounded(column: &Column, operator: Operator, nanos: i64) -> Option<Expr> {
    let operator = match operator {
        Operator::Gt | Operator::GtEq => Operator::GtEq,
        Operator::Lt | Operator::LtEq => Operator::LtEq,
        Operator::Eq => Operator::Eq,
        _ => return None,
    };
    let micros = ScalarValue::TimestampMicrosecond(Some(nanos.div_euclid(1_000)), Some("UTC".into()));
    Some(binary_expr(Expr::Column(Column::from_name(&column.name)), operator, lit(micros)))
}

/// True when the filter reads only columns that are stored as they are shown, and gives the same answer each time.
fn same_in_files(filter: &Expr, schema: &Schema) -> Result<bool> {
    let mut same = !filter.is_volatile();
    filter.apply(|expr| {
        same &= match expr {
            Expr::Column(column) => schema.field_with_name(&column.name).is_ok_and(|field| {
                !matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _))
            }),
            Expr::OuterReferenceColumn(..)
            | Expr::Placeholder(_)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_) => false,
            _ => true,
        };
        Ok(if same { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(same)
}

fn unqualified(filter: Expr) -> Expr {
    let stripped = filter.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    });
    stripped.expect("renaming a column can't fail").data
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::col;

    use super::*;

    fn moment(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    fn file(min: i64, max: i64) -> DataFile {
        let (min_time, max_time) = (Timestamp::from_nanos(min), Timestamp::from_nanos(max));
        DataFile { path: "x.parquet".into(), size_bytes: 1, rows: 1, min_time, max_time, added: max_time }
    }

    #[test]
    fn a_file_is_left_out_only_when_all_its_times_are_outside() {
        let filters =
            [col("time").gt_eq(moment(10)).and(moment(20).gt(col("spans.time"))), col("name").eq(lit("x"))];
        let range = time_range(&filters);
        assert_eq!(range, TimeRange { earliest: 10, latest: 20 });
        assert!(range.touches_file(&file(0, 10)));
        assert!(range.touches_file(&file(20, 30)));
        assert!(!range.touches_file(&file(0, 9)));
        assert!(!range.touches_file(&file(21, 30)));
    }

    #[test]
    fn a_time_under_or_limits_nothing() {
        let range = time_range(&[col("time").gt(moment(10)).or(col("name").eq(lit("x")))]);
        assert!(range.touches_file(&file(0, 1)));
    }

    #[test]
    fn comparisons_are_weakened_to_whole_microseconds() {
        let check = |filter: Expr, expected: &str| {
            assert_eq!(
                on_files(&filter, Table::Spans).map(|expr| expr.to_string()).as_deref(),
                Some(expected)
            );
        };
        check(col("time").gt(moment(1_999)), r#"time >= TimestampMicrosecond(1, Some("UTC"))"#);
        check(col("time").lt(moment(-1)), r#"time <= TimestampMicrosecond(-1, Some("UTC"))"#);
        check(col("spans.name").eq(lit("x")), r#"name = Utf8("x")"#);
        assert_eq!(on_files(&col("time").not_eq(moment(1)), Table::Spans), None);
        assert_eq!(on_files(&col("time").eq(col("ingest_time")), Table::Spans), None);
        let either = col("time").eq(col("ingest_time")).or(col("name").eq(lit("x")));
        assert_eq!(on_files(&either, Table::Spans), None);
    }
}
