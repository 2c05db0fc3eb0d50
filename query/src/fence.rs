//! What may be asked: one read, of known tables, with a bounded number of terms.
//!
//! Two steps. The [`text`] is counted before anything recursive touches it, because a chain of 20,000 terms becomes a
//! tree that deep, and planning or merely dropping that kills the process. Then the parsed [`statement`] is compared
//! with an allow-list. DataFusion's own switches (no DDL, no DML, no statements) come third, in `session`.

mod statement;
mod text;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use crate::QueryError;

/// Parentheses, brackets and sub-queries within each other; also the parser's own limit.
const MAX_DEPTH: usize = 50;

/// What a statement may name.
#[derive(Clone, Debug)]
pub(crate) struct AllowList {
    /// In lower case, sorted.
    tables: Vec<String>,
    schemas: &'static [&'static str],
    table_functions: &'static [&'static str],
}

impl AllowList {
    /// For people and rules.
    pub(crate) fn new(mut tables: Vec<String>) -> Self {
        tables.sort_unstable();
        Self { tables, schemas: &["information_schema"], table_functions: &["generate_series"] }
    }

    /// The same for clients of the wire, who look into PostgreSQL's catalog first.
    pub(crate) fn for_wire(&self) -> Self {
        Self {
            tables: self.tables.clone(),
            schemas: &["information_schema", "pg_catalog"],
            table_functions: &["generate_series", "pg_get_keywords"],
        }
    }
}

/// Reads one statement and lets it pass, or says why not and where.
pub(crate) fn admit(sql: &str, allowed: &AllowList) -> Result<Statement, QueryError> {
    text::check(sql)?;
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .with_recursion_limit(MAX_DEPTH)
        .build()?
        .parse_statements()?;
    let Some(statement) = statements.pop_front() else {
        return Err(QueryError::invalid("there is no statement in this text"));
    };
    if !statements.is_empty() {
        return Err(QueryError::Refused("one statement at a time, please".to_owned()));
    }
    let statement = unfold(statement)?;
    statement::check(&statement, allowed)?;
    Ok(statement)
}

/// True for `SELECT version()` and its like.
pub(crate) fn reads_no_table(statement: &Statement) -> bool {
    statement::reads_no_table(statement)
}

/// Counts the terms of a text that another parser will read.
pub(crate) fn admit_text(sql: &str) -> Result<(), QueryError> {
    text::check(sql)
}

/// Looks at a statement that another parser read.
pub(crate) fn admit_parsed(statement: ast::Statement, allowed: &AllowList) -> Result<Statement, QueryError> {
    let statement = Statement::Statement(Box::new(statement));
    statement::check(&statement, allowed)?;
    Ok(statement)
}

/// `DESCRIBE spans` is for people, and the planner knows it only as `SHOW COLUMNS`.
fn unfold(statement: Statement) -> Result<Statement, QueryError> {
    let Statement::Statement(inner) = &statement else { return Ok(statement) };
    let ast::Statement::ExplainTable { table_name, .. } = inner.as_ref() else { return Ok(statement) };
    let columns = format!("SHOW COLUMNS FROM {table_name}");
    let mut statements = DFParserBuilder::new(columns.as_str()).build()?.parse_statements()?;
    statements.pop_front().ok_or_else(|| QueryError::invalid("DESCRIBE what?"))
}

#[cfg(test)]
mod tests;
