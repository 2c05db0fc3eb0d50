//! What the files of a rule writer mean, over a real lake and a real engine.

#[path = "files/fixture.rs"]
mod fixture;
#[path = "files/manual.rs"]
mod manual;
#[path = "files/openslo.rs"]
mod openslo;
#[path = "files/process.rs"]
mod process;
#[path = "files/prometheus.rs"]
mod prometheus;
