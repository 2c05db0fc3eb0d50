//! The protocol's events, joined to the reader.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use datafusion_postgres::arrow_pg::datatypes::{df, into_pg_type};
use datafusion_postgres::pgwire::api::auth::StartupHandler;
use datafusion_postgres::pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionManager, PgWireServerHandlers, Type,
};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use futures::Sink;

use super::login::{Login, Session};
use super::reader::{Reader, Request};
use super::{answer, local};
use crate::databases::Databases;
use crate::{QueryEngine, QueryError, QueryOutput, output};

#[derive(Debug)]
pub(super) struct Handlers {
    sessions: Arc<Sessions>,
    startup: Arc<Login>,
    cancel: Arc<DefaultCancelHandler>,
}

impl Handlers {
    pub(super) fn new(databases: Databases) -> Result<Self, QueryError> {
        let connections = Arc::new(ConnectionManager::new());
        Ok(Self {
            sessions: Arc::default(),
            cancel: Arc::new(DefaultCancelHandler::new(Arc::clone(&connections))),
            startup: Arc::new(Login::new(databases, connections)?),
        })
    }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.sessions)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.sessions)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.startup)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.cancel)
    }
}

/// Reads and runs the statements of every connection, each by what it got when it logged in.
#[derive(Debug, Default)]
struct Sessions {
    parser: Arc<ByLogin>,
}

#[derive(Debug, Default)]
pub(super) struct ByLogin;

fn session_of<C: ClientInfo>(client: &C) -> PgWireResult<Session> {
    let session = client.session_extensions().get::<Session>();
    session.as_deref().cloned().ok_or_else(|| answer::error("28000", "log in first"))
}

impl Sessions {
    async fn respond<C>(&self, client: &mut C, request: &Request, sql: &str) -> PgWireResult<Response>
    where
        C: ClientInfo + Send + Sync,
    {
        let transaction = client.transaction_status();
        match request {
            Request::Local(statement) => local::respond(statement, client.metadata_mut(), transaction),
            Request::Read(statement) => {
                refuse_in_failed_transaction(transaction)?;
                let params = ParamValues::List(Vec::new());
                let answer = self.answer(client, statement.clone(), params, sql).await?;
                Ok(Response::Query(answer::rows(&answer, &Format::UnifiedText)?))
            }
        }
    }

    /// Within the client's own timeout, if it set one that is shorter than ours.
    async fn answer<C>(
        &self,
        client: &C,
        statement: Statement,
        params: ParamValues,
        sql: &str,
    ) -> PgWireResult<QueryOutput>
    where
        C: ClientInfo + Send + Sync,
    {
        let session = session_of(client)?;
        let answer = session.reader.answer(statement, params);
        let answer = match local::statement_timeout(client.metadata()) {
            Some(timeout) => tokio::time::timeout(timeout, answer)
                .await
                .map_err(|_| answer::error("57014", "canceling statement due to statement timeout"))?,
            None => answer.await,
        };
        answer.map_err(|error| answer::user_error(&error, sql))
    }
}

fn refuse_in_failed_transaction(transaction: TransactionStatus) -> PgWireResult<()> {
    if transaction == TransactionStatus::Error {
        let message = "current transaction is aborted, commands ignored until end of transaction block";
        return Err(answer::error("25P02", message));
    }
    Ok(())
}

#[async_trait]
impl SimpleQueryHandler for Sessions {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = session_of(client)?;
        let requests = session.reader.read(query).await.map_err(|error| answer::user_error(&error, query))?;
        let mut responses = Vec::with_capacity(requests.len());
        for request in &requests {
            responses.push(self.respond(client, request, query).await?);
        }
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Sessions {
    type Statement = Prepared;
    type QueryParser = ByLogin;

    fn query_parser(&self) -> Arc<Self::QueryParser> {
        Arc::clone(&self.parser)
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let transaction = client.transaction_status();
        match &portal.statement.statement {
            Prepared::Local(statement) => local::respond(statement, client.metadata_mut(), transaction),
            Prepared::Read(read) => {
                refuse_in_failed_transaction(transaction)?;
                let answer =
                    self.answer(client, read.statement.clone(), read.params(portal)?, &read.sql).await?;
                Ok(Response::Query(answer::rows(&answer, &portal.result_column_format)?))
            }
        }
    }
}

/// A statement that a client prepared.
#[derive(Clone, Debug)]
pub(super) enum Prepared {
    Local(Box<ast::Statement>),
    Read(Arc<PreparedRead>),
}

#[derive(Debug)]
pub(super) struct PreparedRead {
    sql: String,
    statement: Statement,
    schema: SchemaRef,
    /// In the order of `$1`, `$2`, ...; `None` where the statement doesn't tell.
    param_types: Vec<Option<DataType>>,
}

impl PreparedRead {
    fn wire_types(&self) -> PgWireResult<Vec<Type>> {
        let wire_type = |param: &Option<DataType>| param.as_ref().map_or(Ok(Type::UNKNOWN), into_pg_type);
        self.param_types.iter().map(wire_type).collect()
    }

    fn params(&self, portal: &Portal<Prepared>) -> PgWireResult<ParamValues> {
        let wire_types = self.wire_types()?;
        let wire_types: Vec<Option<&Type>> = wire_types.iter().map(Some).collect();
        let types: Vec<Option<&DataType>> = self.param_types.iter().map(Option::as_ref).collect();
        df::deserialize_parameters_with_server_types(portal, &types, &wire_types)
    }
}

#[derive(Debug)]
pub(super) struct Preparer {
    reader: Reader,
}

impl Preparer {
    pub(super) fn new(engine: QueryEngine) -> Result<Self, QueryError> {
        Ok(Self { reader: Reader::new(engine)? })
    }

    async fn prepare(&self, sql: &str) -> Result<Option<Prepared>, QueryError> {
        let mut requests = self.reader.read(sql).await?;
        let request = requests.pop();
        if !requests.is_empty() {
            return Err(QueryError::Refused("one statement at a time, please".to_owned()));
        }
        match request {
            None => Ok(None),
            Some(Request::Local(statement)) => Ok(Some(Prepared::Local(statement))),
            Some(Request::Read(statement)) => {
                let plan = self.reader.describe(statement.clone()).await?;
                let schema = output::plain_schema(plan.schema().as_arrow());
                let param_types = in_order(plan.get_parameter_types()?);
                let read = PreparedRead { sql: sql.to_owned(), statement, schema, param_types };
                Ok(Some(Prepared::Read(Arc::new(read))))
            }
        }
    }
}

fn in_order(types: HashMap<String, Option<DataType>>) -> Vec<Option<DataType>> {
    let number = |id: &str| id.trim_start_matches('$').parse::<u32>().unwrap_or(u32::MAX);
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by_key(|(id, _)| number(id));
    types.into_iter().map(|(_, data_type)| data_type).collect()
}

#[async_trait]
impl QueryParser for ByLogin {
    type Statement = Prepared;

    async fn parse_sql<C>(
        &self,
        client: &C,
        sql: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<Self::Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        session_of(client)?.prepare(sql).await.map_err(|error| answer::user_error(&error, sql))
    }

    fn get_parameter_types(&self, statement: &Self::Statement) -> PgWireResult<Vec<Type>> {
        match statement {
            Prepared::Local(_) => Ok(Vec::new()),
            Prepared::Read(read) => read.wire_types(),
        }
    }

    fn get_result_schema(
        &self,
        statement: &Self::Statement,
        column_format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        match statement {
            Prepared::Local(statement) => Ok(local::fields(statement)),
            Prepared::Read(read) => {
                answer::fields(&read.schema, column_format.unwrap_or(&Format::UnifiedText))
            }
        }
    }
}
