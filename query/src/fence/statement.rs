//! Compares a parsed statement with the allow-list.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectName, Query, Select, SetExpr, Spanned, TableFactor, Visit, Visitor, visit_relations,
};

use super::AllowList;
use crate::QueryError;

/// Tables that a plan may hold, with every CTE counted as often as it is used: each use plans it anew, so that thirty
/// lines of `b AS (SELECT * FROM a, a)` would be a billion tables.
const MAX_RELATIONS: u64 = 256;

pub(super) fn check(statement: &Statement, allowed: &AllowList) -> Result<(), QueryError> {
    let statement = match statement {
        Statement::Explain(explain) if explain.options.analyze => {
            return Err(QueryError::Refused("EXPLAIN ANALYZE runs the statement: use EXPLAIN".to_owned()));
        }
        Statement::Explain(explain) => explain.statement.as_ref(),
        other => other,
    };
    let Statement::Statement(statement) = statement else { return Err(not_a_read(&statement.to_string())) };
    match statement.as_ref() {
        ast::Statement::Query(_) => {}
        ast::Statement::ShowTables { .. } | ast::Statement::ShowColumns { .. } => return Ok(()),
        other => return Err(not_a_read(&other.to_string())),
    }
    let mut walk = Walk::new(allowed);
    match statement.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

pub(super) fn reads_no_table(statement: &Statement) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    let mut found = false;
    let walk = visit_relations(statement, |_| {
        found = true;
        ControlFlow::Break(())
    });
    matches!(statement.as_ref(), ast::Statement::Query(_)) && !found && walk.is_continue()
}

fn not_a_read(statement: &str) -> QueryError {
    let verb = statement.split_whitespace().next().unwrap_or("this").to_uppercase();
    QueryError::Refused(format!(
        "{verb} is refused: only SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES and DESCRIBE are answered"
    ))
}

/// Walks the tree once. CTE names count in the whole statement, not only in their scope: a name that is out of scope
/// finds no table when it is planned.
struct Walk<'a> {
    allowed: &'a AllowList,
    ctes: HashMap<String, u64>,
    called: HashSet<String>,
    queries: Vec<Frame>,
}

/// A query that is being walked: how many relations it unfolds to so far, and which of its CTEs are still to come.
struct Frame {
    relations: u64,
    pending: Vec<String>,
}

type Step = ControlFlow<Box<QueryError>>;

fn refuse(reason: impl Into<String>) -> Step {
    ControlFlow::Break(Box::new(QueryError::Refused(reason.into())))
}

impl<'a> Walk<'a> {
    fn new(allowed: &'a AllowList) -> Self {
        Self { allowed, ctes: HashMap::new(), called: HashSet::new(), queries: Vec::new() }
    }

    fn count(&mut self, relations: u64) -> Step {
        let Some(query) = self.queries.last_mut() else { return Step::Continue(()) };
        query.relations = query.relations.saturating_add(relations);
        if query.relations > MAX_RELATIONS {
            return refuse(format!(
                "the statement reads more than {MAX_RELATIONS} tables, CTEs counted as often as used"
            ));
        }
        Step::Continue(())
    }

    fn call(&mut self, name: &ObjectName) -> Step {
        let function = last_part(name);
        if !self.allowed.table_functions.contains(&function.as_str()) {
            return refuse(format!(
                "table function {function}() is refused: there is {}()",
                self.allowed.table_functions[0]
            ));
        }
        self.called.insert(name.to_string());
        Step::Continue(())
    }

    fn unknown_table(&self, name: &ObjectName) -> Step {
        let message = format!("unknown table '{name}': there are {}", self.allowed.tables.join(", "));
        Step::Break(Box::new(QueryError::invalid_at(message, name.span().start)))
    }
}

impl Visitor for Walk<'_> {
    type Break = Box<QueryError>;

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        if !query.locks.is_empty() {
            return refuse("FOR UPDATE and FOR SHARE are refused: nothing here can be locked");
        }
        check_body(&query.body)?;
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        let pending = ctes.map(|cte| normalized(&cte.alias.name)).collect::<Vec<_>>();
        for name in &pending {
            // Known before it is walked: a recursive one names itself.
            self.ctes.entry(name.clone()).or_insert(1);
        }
        self.queries.push(Frame { relations: 0, pending: pending.into_iter().rev().collect() });
        Step::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> Step {
        let done = self.queries.pop().expect("pushed before its children were visited");
        // A query's CTEs are its first children, in order.
        if let Some(name) = self.queries.last_mut().and_then(|parent| parent.pending.pop()) {
            let uses = self.ctes.entry(name).or_default();
            *uses = done.relations.max(*uses);
            return Step::Continue(());
        }
        self.count(done.relations)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        if select.into.is_some() {
            return refuse("SELECT INTO is refused: it would write a table");
        }
        Step::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                self.call(name)
            }
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => Step::Continue(()),
            other => refuse(format!("{other} is refused: a table, a sub-query or UNNEST may stand there")),
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Step {
        if self.called.contains(&name.to_string()) {
            return self.count(1);
        }
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(normalized).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [cte] if self.ctes.contains_key(*cte) => self.count(self.ctes[*cte].max(1)),
            [table] | ["public", table] | [crate::session::CATALOG, "public", table] if self.knows(table) => {
                self.count(1)
            }
            [schema, _] | [crate::session::CATALOG, schema, _] if self.allowed.schemas.contains(schema) => {
                self.count(1)
            }
            _ => self.unknown_table(name),
        }
    }
}

impl Walk<'_> {
    fn knows(&self, table: &str) -> bool {
        self.allowed.tables.binary_search_by(|known| known.as_str().cmp(table)).is_ok()
    }
}

/// The body of a query may be a write: `WITH x AS (...) DELETE FROM ...`.
fn check_body(body: &SetExpr) -> Step {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => Step::Continue(()),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        other => ControlFlow::Break(Box::new(not_a_read(&other.to_string()))),
    }
}

fn last_part(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normalized).unwrap_or_default()
}

/// As the planner does it: what is not quoted is lower case.
fn normalized(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}
