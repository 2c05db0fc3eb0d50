//! Which running Plimsoll is asked, for whom: the options that every client of it has.

use std::path::PathBuf;

use clap::Args;

use crate::server::Server;

#[derive(Debug, Args)]
pub(super) struct Door {
    /// The console's address of the Plimsoll to ask.
    #[arg(long, default_value = "http://127.0.0.1:8088", value_name = "URL")]
    url: String,
    /// Whose data.
    #[arg(long, default_value = "default", value_name = "NAME")]
    tenant: String,
    /// The file with the tenant's query token, where it has one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Door {
    pub(super) fn open(&self) -> anyhow::Result<Server> {
        Server::at(&self.url, &self.tenant, self.token_file.as_deref())
    }
}
