//! Reads and runs what wire clients send.
//!
//! A statement over our own tables takes the same path as on every other face, so it has the same answer. Only what
//! looks into PostgreSQL's catalog, or into no table at all, is rewritten for compatibility first: those rewrites are
//! lossy, and a dashboard's number must not depend on the protocol it came through.

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider};
use datafusion::common::ParamValues;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::datafusion_pg_functions;

use super::local;
use crate::fence::{self, AllowList};
use crate::session::{self, CATALOG, SCHEMA};
use crate::{QueryEngine, QueryError, QueryOutput};

const PG_CATALOG: &str = "pg_catalog";

#[derive(Clone, Debug)]
pub(super) struct Reader {
    engine: QueryEngine,
    template: Arc<SessionState>,
    /// Shared by all sessions, so that a table keeps its object id from one statement of `\d` to the next.
    pg_catalog: Arc<dyn SchemaProvider>,
    allowed: Arc<AllowList>,
    compatibility: Arc<PostgresCompatibilityParser>,
}

/// What a text turned out to be.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Local(Box<ast::Statement>),
    Read(Statement),
}

impl Reader {
    pub(super) fn new(engine: QueryEngine) -> Result<Self, QueryError> {
        let inner = engine.inner();
        let template = session::template(inner.people.environment())?;
        let catalog = session::catalog(inner.sources.tables()?)?;
        let context = SessionContext::new_with_state(template);
        context.register_catalog(CATALOG, Arc::clone(&catalog));
        setup_pg_catalog(&context, CATALOG, EmptyContextProvider)
            .map_err(|error| QueryError::from(*error))?;
        let pg_catalog = catalog
            .schema(PG_CATALOG)
            .ok_or_else(|| QueryError::Internal("the catalog of PostgreSQL was not installed".to_owned()))?;
        let mut template = context.state();
        datafusion_pg_functions::register_all(&mut template as &mut dyn FunctionRegistry);
        let allowed = Arc::new(inner.allowed.for_wire());
        let compatibility = Arc::new(PostgresCompatibilityParser::new());
        Ok(Self { engine, template: Arc::new(template), pg_catalog, allowed, compatibility })
    }

    /// The statements of a text: any number about the session, and at most one read.
    pub(super) async fn read(&self, sql: &str) -> Result<Vec<Request>, QueryError> {
        let reader = self.clone();
        let sql = sql.to_owned();
        // In the lane, whose stacks are made for it.
        self.engine.inner().people.run(|_| async move { reader.read_here(&sql) }).await
    }

    fn read_here(&self, sql: &str) -> Result<Vec<Request>, QueryError> {
        fence::admit_text(sql)?;
        if let Ok(statements) = Parser::parse_sql(&PostgreSqlDialect {}, sql)
            && statements.iter().any(local::is_local)
        {
            return self.sequence(statements);
        }
        Ok(vec![Request::Read(self.one_read(sql)?)])
    }

    fn sequence(&self, statements: Vec<ast::Statement>) -> Result<Vec<Request>, QueryError> {
        let mut requests = Vec::with_capacity(statements.len());
        let mut reads = 0;
        for statement in statements {
            if local::is_local(&statement) {
                requests.push(Request::Local(Box::new(statement)));
                continue;
            }
            reads += 1;
            if reads > 1 {
                return Err(QueryError::Refused("one statement at a time, please".to_owned()));
            }
            requests.push(Request::Read(self.one_read(&statement.to_string())?));
        }
        Ok(requests)
    }

    fn one_read(&self, sql: &str) -> Result<Statement, QueryError> {
        let refusal = match fence::admit(sql, &self.engine.inner().allowed) {
            Ok(statement) if !fence::reads_no_table(&statement) => return Ok(statement),
            Err(error @ QueryError::Refused(_)) => return Err(error),
            Err(error) => Some(error),
            Ok(_) => None,
        };
        self.compatible(sql).map_err(|error| refusal.unwrap_or(error))
    }

    fn compatible(&self, sql: &str) -> Result<Statement, QueryError> {
        let mut statements = self.compatibility.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => fence::admit_parsed(statement, &self.allowed),
            _ => Err(QueryError::Refused("one statement at a time, please".to_owned())),
        }
    }

    /// The plan, for the columns and parameters it tells a client of before it runs.
    pub(super) async fn describe(&self, statement: Statement) -> Result<LogicalPlan, QueryError> {
        let reader = self.clone();
        let work = |_| async move { session::plan(&reader.open()?, statement).await };
        self.engine.inner().people.run(work).await
    }

    pub(super) async fn answer(
        &self,
        statement: Statement,
        params: ParamValues,
    ) -> Result<QueryOutput, QueryError> {
        let reader = self.clone();
        let work = |stop| async move {
            let state = reader.open()?;
            reader.engine.inner().execute(&state, statement, params, &stop).await
        };
        self.engine.inner().people.run(work).await
    }

    fn open(&self) -> Result<SessionState, QueryError> {
        let inner = self.engine.inner();
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, inner.sources.tables()?)?;
        catalog.register_schema(PG_CATALOG, Arc::clone(&self.pg_catalog))?;
        Ok(session::open(&self.template, Arc::new(catalog), inner.clock.now()))
    }
}
