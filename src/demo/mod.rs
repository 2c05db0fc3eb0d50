//! `plimsoll demo`: a distributor's day with a real fault in it, told through the product's own doors. Telemetry goes in
//! through the OTLP port, the page comes out as an e-mail, and nothing in between knows that it is a demo.

mod console;
mod fault;
mod files;
mod mailbox;
mod screen;
mod sender;
mod story;
mod telemetry;
mod world;

pub use fault::ValuationReport;
pub use files::files;
pub use mailbox::{Mail, Mailbox, Received};
pub use sender::Sender;
pub use story::{Options, run};
pub use telemetry::{Source, Telemetry};
pub use world::World;

#[cfg(test)]
mod tests;
