//! Ports for processes under test. Below the range from which the kernel hands out ports to outgoing connections: a
//! client that retries against a process that was just killed would otherwise now and then be given that very port,
//! and talk to itself.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Never handed out twice by one test process; two test processes start at different places.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// The four ports of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) postgres: u16,
    pub(crate) console: u16,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Self { grpc: closed_port(), http: closed_port(), postgres: closed_port(), console: closed_port() }
    }
}

/// A port on which nobody listens now. Whoever binds it later must be ready to lose the race.
pub(crate) fn closed_port() -> u16 {
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).expect("below COUNT");
    for _ in 0..COUNT {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", FIRST + offset)).is_ok() {
            return FIRST + offset;
        }
    }
    panic!("no port between {FIRST} and {} is free", FIRST + COUNT);
}
