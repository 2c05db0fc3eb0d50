//! How gRPC says what became of a call.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::status_value;
use crate::refusal::{Refusal, RpcCode};
use crate::rpc_status;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

pub(super) fn ok() -> HeaderMap {
    HeaderMap::from_iter([(GRPC_STATUS, status_value(RpcCode::Ok))])
}

pub(super) fn refused(refusal: &Refusal) -> HeaderMap {
    let details = STANDARD_NO_PAD.encode(rpc_status::protobuf(refusal));
    let ascii = |text: &str| HeaderValue::from_str(text).expect("escaped to printable ASCII");
    HeaderMap::from_iter([
        (GRPC_STATUS, status_value(refusal.reason.rpc_code())),
        (GRPC_MESSAGE, ascii(&percent_encoded(&refusal.message))),
        (GRPC_STATUS_DETAILS, ascii(&details)),
    ])
}

fn percent_encoded(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(char::from(byte)),
            _ => write!(text, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_any_script_fits_a_header() {
        assert_eq!(percent_encoded("50 % für\nAlle"), "50 %25 f%C3%BCr%0AAlle");
    }
}
