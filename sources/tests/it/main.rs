//! The readers against real servers: PostgreSQL with Odoo's tables, Redis, files that are rotated, pages that are scraped.
//! What they hand in is kept by a door that can be closed.
//!
//! `make test` installs the servers; a test that misses one fails and says so.

mod harness;

mod logs;
mod odoo;
mod odoo_kpis;
mod odoo_rights;
mod odoo_versions;
mod platform;
mod platform_versions;
mod redis;
mod scrape;
mod servers;
mod vocabulary;
