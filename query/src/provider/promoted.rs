//! `attributes['http.route'] = '/shop'` and the column `http_route` say the same of rows that the collector wrote, but
//! a column is read at a fraction of the price of a map, and has statistics.
//!
//! The column is only ever used to leave rows out: it must equal, or be null, as it is in rows that are older than it.
//! DataFusion applies the filter on the map to what is left, so that answers are those of the map.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator, col};
use plimsoll_model::{Promoted, Table};

/// What the promoted column must satisfy for `filter`, a comparison of one map entry with constants, to hold.
pub(super) fn in_place_of_map(filter: &Expr, table: Table) -> Option<Expr> {
    let (column, comparison) = match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
            compared(left, *op, right, table).or_else(|| compared(right, op.swap()?, left, table))?
        }
        Expr::Like(like) if !like.negated && is_text(&like.pattern) => {
            let column = promoted(&like.expr, table)?;
            (column, Expr::Like(Like { expr: Box::new(col(column)), ..like.clone() }))
        }
        Expr::InList(list) if !list.negated && list.list.iter().all(is_text) => {
            let column = promoted(&list.expr, table)?;
            let expr = Box::new(col(column));
            (column, Expr::InList(InList { expr, ..list.clone() }))
        }
        _ => return None,
    };
    Some(comparison.or(col(column).is_null()))
}

fn compared(entry: &Expr, operator: Operator, text: &Expr, table: Table) -> Option<(&'static str, Expr)> {
    let column = promoted(entry, table).filter(|_| is_text(text))?;
    let (left, right) = (Box::new(col(column)), Box::new(text.clone()));
    Some((column, Expr::BinaryExpr(BinaryExpr { left, op: operator, right })))
}

/// The column of `attributes['key']`, where there is one.
fn promoted(entry: &Expr, table: Table) -> Option<&'static str> {
    let Expr::ScalarFunction(call) = entry else { return None };
    let [Expr::Column(Column { name: map, .. }), key] = call.args.as_slice() else { return None };
    let key = text(key).filter(|_| call.func.name() == "get_field")?;
    let found = Promoted::of(table).find(|promoted| promoted.map == map && promoted.key == key)?;
    Some(found.column)
}

/// Those that don't hold where the entry is missing.
const fn is_comparison(operator: Operator) -> bool {
    matches!(operator, Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

fn is_text(expr: &Expr) -> bool {
    text(expr).is_some()
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::functions::core::get_field;
    use datafusion::logical_expr::expr::ScalarFunction;
    use datafusion::prelude::lit;

    use super::*;

    fn entry(map: &str, key: &str) -> Expr {
        Expr::ScalarFunction(ScalarFunction {
            func: Arc::clone(&get_field()),
            args: vec![col(map), lit(key)],
        })
    }

    #[track_caller]
    fn check(filter: &Expr, expected: Option<&str>) {
        let found = in_place_of_map(filter, Table::Spans).map(|expr| expr.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn a_comparison_with_a_promoted_entry_is_one_with_its_column_or_with_nothing() {
        let route = || entry("attributes", "http.route");
        check(&route().eq(lit("/shop")), Some(r#"http_route = Utf8("/shop") OR http_route IS NULL"#));
        check(&lit("a").lt(route()), Some(r#"http_route > Utf8("a") OR http_route IS NULL"#));
        check(&route().like(lit("/s%")), Some(r#"http_route LIKE Utf8("/s%") OR http_route IS NULL"#));
        let either = route().in_list(vec![lit("a"), lit("b")], false);
        check(&either, Some(r#"http_route IN ([Utf8("a"), Utf8("b")]) OR http_route IS NULL"#));
        let service = entry("resource", "service.name").eq(lit("odoo"));
        check(&service, Some(r#"service_name = Utf8("odoo") OR service_name IS NULL"#));
    }

    #[test]
    fn whatever_holds_without_the_entry_or_of_another_map_stays_as_it_is() {
        let route = || entry("attributes", "http.route");
        check(&route().is_null(), None);
        check(&route().not_eq(lit("/shop")), None);
        check(&route().not_like(lit("/s%")), None);
        check(&route().in_list(vec![lit("a")], true), None);
        check(&route().eq(col("name")), None);
        check(&entry("resource", "http.route").eq(lit("/shop")), None);
        check(&entry("attributes", "url.path").eq(lit("/shop")), None);
        // An old spelling: the column prefers the current one, so it may say something else.
        check(&entry("attributes", "http.method").eq(lit("GET")), None);
    }
}
