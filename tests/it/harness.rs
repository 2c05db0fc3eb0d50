//! What every product test stands on: a process of its own in a folder of its own, programs that talk to it, and
//! waiting for a condition instead of a number of seconds.

mod http_sink;
mod memory;
mod otlp;
mod ports;
mod process;
mod programs;
mod raw;
mod scrape;
mod setup;
mod smtp;
mod time;

pub(crate) use http_sink::{HttpSink, Received};
pub(crate) use memory::{Memory, descriptors};
pub(crate) use otlp::{Event, Sender, request};
pub(crate) use ports::closed_port;
pub(crate) use process::Plimsoll;
pub(crate) use programs::{finish, node, output, python, root, tool};
pub(crate) use raw::{Answer, EXPORT_LOGS, Http2, Outcome, RawLogs, WAYS, Way, framed, gzip, http1, zstd};
pub(crate) use scrape::Scrape;
pub(crate) use setup::Setup;
pub(crate) use smtp::SmtpServer;
pub(crate) use time::{Beginning, eventually, now_unix_nanos, pause};
