//! Who asks, and for which tenant: the database that a client names is the tenant, its password the tenant's token.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::noop::NoopStartupHandler;
use datafusion_postgres::pgwire::api::auth::{StartupHandler, save_startup_parameters_to_metadata};
use datafusion_postgres::pgwire::api::{
    ClientInfo, ConnectionManager, METADATA_DATABASE, PgWireConnectionState,
};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::{Authentication, Startup};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::{Sink, SinkExt};
use plimsoll_model::TenantName;

use super::handlers::Preparer;
use crate::databases::Databases;
use crate::session::CATALOG;
use crate::{QueryEngine, QueryError};

/// What a connection's statements are read by. Kept beside its settings, which a client may set to whatever it likes.
pub(super) type Session = Arc<Preparer>;

#[derive(Debug)]
pub(super) struct Login {
    databases: Databases,
    /// One for each engine, because each keeps PostgreSQL's view of its tables.
    sessions: Vec<(QueryEngine, Session)>,
    open: OpenDoor,
}

/// Lets everyone in.
#[derive(Debug)]
struct OpenDoor {
    connections: Arc<ConnectionManager>,
}

impl NoopStartupHandler for OpenDoor {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(Arc::clone(&self.connections))
    }
}

/// What a client said first, until it has shown its token.
struct Waiting(Mutex<Option<Startup>>);

impl Login {
    pub(super) fn new(databases: Databases, connections: Arc<ConnectionManager>) -> Result<Self, QueryError> {
        let session = |engine: &QueryEngine| {
            Ok::<_, QueryError>((engine.clone(), Arc::new(Preparer::new(engine.clone())?)))
        };
        let sessions = databases.all().map(|database| session(&database.engine)).collect::<Result<_, _>>()?;
        Ok(Self { databases, sessions, open: OpenDoor { connections } })
    }

    fn session(&self, database: &str, token: Option<&str>) -> Option<Session> {
        let engine = self.databases.engine(self.tenant(database), token).ok()?;
        let found = self.sessions.iter().find(|(known, _)| known.is(engine));
        found.map(|(_, session)| Arc::clone(session))
    }

    /// Clients insist on naming some database, often their user's name; where there is only one tenant, any will do.
    fn tenant<'n>(&self, database: &'n str) -> &'n str {
        let is_usual = [CATALOG, "postgres"].contains(&database);
        if is_usual || !self.databases.has_others() { DEFAULT } else { database }
    }

    async fn let_in<C>(&self, client: &mut C, session: Session, startup: Startup) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        client.session_extensions().insert::<Session>(session);
        self.open.on_startup(client, PgWireFrontendMessage::Startup(startup)).await
    }
}

#[async_trait]
impl StartupHandler for Login {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(startup) => {
                save_startup_parameters_to_metadata(client, &startup);
                if let Some(session) = self.session(&database(client), None) {
                    return self.let_in(client, session, startup).await;
                }
                // Whoever names a database that isn't there is asked as well, or asking would tell which ones are.
                client.session_extensions().insert(Waiting(Mutex::new(Some(startup))));
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                let ask = PgWireBackendMessage::Authentication(Authentication::CleartextPassword);
                client.send(ask).await?;
                Ok(())
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let password = password.into_password()?;
                let waiting = client.session_extensions().get::<Waiting>();
                let startup = waiting.and_then(|waiting| waiting.0.lock().ok()?.take());
                let session = self.session(&database(client), Some(&password.password));
                match (startup, session) {
                    (Some(startup), Some(session)) => self.let_in(client, session, startup).await,
                    _ => Err(refused(&database(client))),
                }
            }
            _ => Ok(()),
        }
    }
}

const DEFAULT: &str = "default";

fn database<C: ClientInfo>(client: &C) -> String {
    client.metadata().get(METADATA_DATABASE).cloned().unwrap_or_else(|| CATALOG.to_owned())
}

fn refused(database: &str) -> PgWireError {
    let message = format!(
        "no tenant's database \"{}\" opens with this password: the database is the tenant's name, or \
         \"{CATALOG}\", and the password its query token",
        database.chars().take(TenantName::MAX_BYTES).collect::<String>()
    );
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), "28P01".to_owned(), message)))
}
