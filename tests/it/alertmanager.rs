//! Alertmanager's place taken: its clients work with us, and what we tell is compared with what Debian's
//! `prometheus-alertmanager` tells, on the same file and the same timelines.

mod amtool;
mod compare;
mod differential;
mod generated;
mod grafana;
mod hand_written;
mod judge;
mod known;
mod peer;
mod scripted_sink;
mod sender;
mod timeline;
