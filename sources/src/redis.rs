//! A Redis: `INFO` as metrics, its slow log as records, and a change of its role as the failover that it is.
//!
//! The protocol is small enough to be read here: a client library would bring a dozen crates for three commands.

mod info;
mod protocol;
mod reader;

pub(crate) use reader::RedisReader;
