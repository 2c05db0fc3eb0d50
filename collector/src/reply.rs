//! The answer to a request that was taken: nothing when all of it was kept, an exact count otherwise.

use plimsoll_model::Signal;
use prost::Message;
use serde_json::json;

use crate::convert::Rejections;
use crate::signal::OnTheWire;

/// What a request came to, as its sender is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) rejected: u64,
    pub(crate) message: String,
}

/// The three export responses have one shape.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl Outcome {
    pub(crate) fn new(signal: Signal, received: u64, rejections: &Rejections) -> Self {
        match rejections.total() {
            0 => Self::default(),
            rejected => Self { rejected, message: rejections.message(signal, received) },
        }
    }

    pub(crate) fn protobuf(&self) -> Vec<u8> {
        let partial_success = (self.rejected > 0).then(|| PartialSuccess {
            rejected: i64::try_from(self.rejected).unwrap_or(i64::MAX),
            error_message: self.message.clone(),
        });
        ExportResponse { partial_success }.encode_to_vec()
    }

    pub(crate) fn json(&self, signal: Signal) -> Vec<u8> {
        if self.rejected == 0 {
            return b"{}".to_vec();
        }
        let count = self.rejected.to_string();
        let partial = json!({signal.rejected_field(): count, "errorMessage": self.message});
        json!({"partialSuccess": partial}).to_string().into_bytes()
    }
}
