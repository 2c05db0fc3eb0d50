//! `google.rpc.Status`, the body of every refusal, in protobuf and in JSON. Four small messages, so written out here
//! rather than generated.

use prost::Message;
use serde_json::{Value, json};

use crate::refusal::Refusal;

const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

pub(crate) fn protobuf(refusal: &Refusal) -> Vec<u8> {
    let mut details = Vec::new();
    if let Some(delay_secs) = delay_secs(refusal) {
        let delay = Delay { seconds: i64::try_from(delay_secs).unwrap_or(i64::MAX), nanos: 0 };
        details.push(any(RETRY_INFO, &RetryInfo { retry_delay: Some(delay) }));
    }
    if let Some(field) = &refusal.field {
        let violation = FieldViolation { field: field.clone(), description: refusal.message.clone() };
        details.push(any(BAD_REQUEST, &BadRequest { field_violations: vec![violation] }));
    }
    let code = refusal.reason.rpc_code() as i32;
    Status { code, message: refusal.message.clone(), details }.encode_to_vec()
}

pub(crate) fn json(refusal: &Refusal) -> Vec<u8> {
    let mut details: Vec<Value> = Vec::new();
    if let Some(delay_secs) = delay_secs(refusal) {
        details.push(json!({"@type": RETRY_INFO, "retryDelay": format!("{delay_secs}s")}));
    }
    if let Some(field) = &refusal.field {
        let violation = json!({"field": field, "description": refusal.message});
        details.push(json!({"@type": BAD_REQUEST, "fieldViolations": [violation]}));
    }
    let code = refusal.reason.rpc_code() as i32;
    json!({"code": code, "message": refusal.message, "details": details}).to_string().into_bytes()
}

fn delay_secs(refusal: &Refusal) -> Option<u64> {
    refusal.retry_after().map(|delay| delay.as_secs())
}

fn any(type_url: &str, message: &impl Message) -> Any {
    Any { type_url: type_url.to_owned(), value: message.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::RequestReason;

    #[test]
    fn a_retryable_refusal_carries_its_delay_in_both_encodings() {
        let refusal = Refusal::new(RequestReason::Busy, "come back later");
        let status = Status::decode(protobuf(&refusal).as_slice()).expect("a Status");
        assert_eq!((status.code, status.message.as_str()), (14, "come back later"));
        let retry = RetryInfo::decode(status.details[0].value.as_slice()).expect("a RetryInfo");
        assert_eq!(retry.retry_delay, Some(Delay { seconds: 1, nanos: 0 }));
        let read: Value = serde_json::from_slice(&json(&refusal)).expect("JSON");
        assert_eq!(read["details"][0]["retryDelay"], "1s");
    }

    #[test]
    fn a_malformed_place_is_a_field_violation() {
        let mut refusal = Refusal::new(RequestReason::Malformed, "a.b: not UTF-8");
        refusal.field = Some("a.b".to_owned());
        let status = Status::decode(protobuf(&refusal).as_slice()).expect("a Status");
        assert_eq!(status.details[0].type_url, BAD_REQUEST);
        let read: Value = serde_json::from_slice(&json(&refusal)).expect("JSON");
        assert_eq!(read["details"][0]["fieldViolations"][0]["field"], "a.b");
    }
}
