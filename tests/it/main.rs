//! The product through its edges: the real binary, driven from outside by programs that are not ours.
//!
//! `make test` installs those programs; a test that misses one fails and says so.

mod harness;

mod alertmanager;
mod alerts;
mod balance;
mod bombs;
mod calendars;
mod catalogue;
mod conformance;
mod crash;
mod delta;
mod disk;
mod failpoints;
mod fence;
mod files;
mod governance;
mod hostile;
mod http2;
mod incidents;
mod kill;
mod kpis;
mod load;
mod odoo;
mod odoo_samples;
mod ourselves;
mod overload;
mod pack;
mod power_cut;
mod prometheus;
mod promoted;
mod psql;
mod recipes;
mod reload;
mod routes;
mod senders;
mod sources;
mod story;
mod tenants;
mod told;
mod told_once;
mod traefik;
mod two_processes;
mod upkeep;
