//! HTTP/2 frames by hand, as no library would send them.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A server that no longer reads has defended itself.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// Length, type, flags, stream, payload.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A call of the log service, in HPACK without a table.
pub(super) fn call_headers() -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    let path = b"/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    for (name, value) in
        [(&[0x04][..], &path[..]), (&[0x01], b"plimsoll"), (&[0x0F, 0x10], b"application/grpc")]
    {
        block.extend_from_slice(name);
        block.push(u8::try_from(value.len()).expect("below 127"));
        block.extend_from_slice(value);
    }
    block
}

/// A connection whose answers are read and forgotten.
#[derive(Debug)]
pub(super) struct Attacker {
    write: OwnedWriteHalf,
    reading: JoinHandle<()>,
}

impl Attacker {
    pub(super) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the process listens");
        let (mut read, write) = stream.into_split();
        let reading = tokio::spawn(async move {
            // However the server ends the connection is its own affair.
            copy(&mut read, &mut sink()).await.ok();
        });
        let mut attacker = Self { write, reading };
        attacker.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        attacker
    }

    /// False when the server has hung up or reads no more.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(WRITE_WITHIN, self.write.write_all(bytes)).await, Ok(Ok(())))
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
