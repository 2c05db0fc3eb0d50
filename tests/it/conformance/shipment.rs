//! One request of a case: over which transport, how compressed, and under which name it can be found again.

use bytes::Bytes;
use http::Request;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde::de::DeserializeOwned;

use super::case::{Body, Case, Compression, Signal, Transport};
use super::protoscope;
use crate::harness::{Answer, Http2, Plimsoll, framed, gzip, http1, zstd};

/// One item in one scope of one resource, which has a name: the numbers are the same for all three signals.
const PROTOBUF_ENVELOPE: &str = r#"1: {1: {1: {1: {"service.name"} 2: {1: {"$SERVICE"}}}} 2: {2: {$ITEM}}}"#;

#[derive(Clone, Debug)]
pub(super) struct Shipment {
    pub(super) transport: Transport,
    pub(super) compression: Compression,
    /// `service.name` of what is sent; nobody else's.
    pub(super) service: String,
}

/// The server's doors, one connection each.
#[derive(Clone, Debug)]
pub(super) struct Doors {
    grpc: Http2,
    h2c: Http2,
    http: String,
    client: reqwest::Client,
}

impl Doors {
    pub(super) fn of(plimsoll: &Plimsoll) -> Self {
        Self {
            grpc: Http2::to(&plimsoll.grpc()),
            h2c: Http2::to(&plimsoll.otlp_http("")),
            http: plimsoll.otlp_http(""),
            client: plimsoll.client().clone(),
        }
    }

    pub(super) async fn send(&self, case: &Case, shipment: &Shipment) -> Result<Answer, String> {
        let bytes = shipment.bytes(case);
        match shipment.transport {
            Transport::Grpc => self.grpc.send(shipment.request(case, "", framed_as(&case.body, bytes))).await,
            Transport::H2cProtobuf | Transport::H2cJson => {
                self.h2c.send(shipment.request(case, "", bytes)).await
            }
            Transport::HttpProtobuf | Transport::HttpJson => {
                http1(&self.client, shipment.request(case, &self.http, bytes)).await
            }
        }
    }
}

impl Shipment {
    /// All of a case, in a row.
    pub(super) fn all(case: &Case, identity: &str) -> Vec<Self> {
        let mut shipments = Vec::new();
        for &transport in &case.over {
            for &compression in &case.compressions {
                let service =
                    format!("{identity} {transport:?} {}", compression.name().unwrap_or("identity"));
                shipments.push(Self { transport, compression, service });
            }
        }
        shipments
    }

    /// `$SERVICE`, `$TRACE` and `$SPAN` are this request's own.
    pub(super) fn fill_in(&self, text: &str) -> String {
        let hash = crc(&self.service);
        let trace = format!("{hash:08x}").repeat(4);
        let span = format!("{hash:08x}").repeat(2);
        text.replace("$SERVICE", &self.service).replace("$TRACE", &trace).replace("$SPAN", &span)
    }

    fn bytes(&self, case: &Case) -> Vec<u8> {
        let plain = self.plain(case);
        match self.compression {
            _ if case.body.not_compressed => plain,
            Compression::Identity => plain,
            Compression::Gzip => gzip(&plain),
            Compression::Zstd => zstd(&plain),
        }
    }

    fn plain(&self, case: &Case) -> Vec<u8> {
        let body = &case.body;
        if let Some(make) = &body.make {
            return make.bytes(self.transport.is_json(), &self.service);
        }
        if let Some(digits) = &body.hex {
            return protoscope::hex(digits);
        }
        if self.transport.is_json() {
            return self.json(case, body.json.as_deref().unwrap_or_default()).into();
        }
        if let Some(description) = &body.protoscope {
            let whole = match description.trim_start().strip_prefix("$ITEM ") {
                Some(item) => PROTOBUF_ENVELOPE.replace("$ITEM", item),
                None => description.clone(),
            };
            return protoscope::encode(&self.fill_in(&whole));
        }
        let json = body.same_as.as_ref().or(body.json.as_ref());
        json.map_or_else(Vec::new, |json| as_protobuf(case, &self.json(case, json)))
    }

    fn json(&self, case: &Case, json: &str) -> String {
        let Some(items) = json.trim_start().strip_prefix("$ITEMS ") else { return self.fill_in(json) };
        let (of_resource, of_scope, list) = case.signal.json_keys();
        let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"$SERVICE"}}]}"#;
        let scope = format!(r#"{{"{list}":[{items}]}}"#);
        self.fill_in(&format!(r#"{{"{of_resource}":[{{"resource":{resource},"{of_scope}":[{scope}]}}]}}"#))
    }

    fn request(&self, case: &Case, base: &str, bytes: Vec<u8>) -> Request<Bytes> {
        let is_grpc = self.transport == Transport::Grpc;
        let own_path = if is_grpc { case.signal.grpc_path() } else { case.signal.http_path() };
        let url = format!("{base}{}", case.path.as_deref().unwrap_or(own_path));
        let mut request = Request::builder().method(case.method.as_deref().unwrap_or("POST")).uri(url);
        let headers = request.headers_mut().expect("a valid URL");
        headers.insert("content-type", self.transport.media_type().parse().expect("a media type"));
        if is_grpc {
            headers.insert("te", "trailers".parse().expect("ASCII"));
        }
        if let Some(name) = self.compression.name() {
            let header = if is_grpc { "grpc-encoding" } else { "content-encoding" };
            headers.insert(header, name.parse().expect("ASCII"));
        }
        for (name, value) in &case.headers {
            let name: http::HeaderName = name.parse().expect("a header's name");
            headers.insert(name, value.parse().expect("a header's value"));
        }
        request.body(bytes.into()).expect("a valid request")
    }
}

/// The frame that gRPC wants, or the one that the case wants.
fn framed_as(body: &Body, bytes: Vec<u8>) -> Vec<u8> {
    let frame = body.frame.clone().unwrap_or_default();
    let is_compressed = bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let flag = frame.flag.unwrap_or(u8::from(is_compressed || body.not_compressed));
    let mut whole = framed(flag, &bytes);
    if let Some(length) = frame.length {
        whole[1..5].copy_from_slice(&length.to_be_bytes());
    }
    whole.repeat(frame.times.unwrap_or(1))
}

/// Through the types that OpenTelemetry publishes, not through ours.
fn as_protobuf(case: &Case, json: &str) -> Vec<u8> {
    match case.signal {
        Signal::Traces => read::<ExportTraceServiceRequest>(case, json),
        Signal::Logs => read::<ExportLogsServiceRequest>(case, json),
        Signal::Metrics => read::<ExportMetricsServiceRequest>(case, json),
    }
}

fn read<M: Message + DeserializeOwned>(case: &Case, json: &str) -> Vec<u8> {
    let message: M = serde_json::from_str(json)
        .unwrap_or_else(|error| panic!("{:?} needs `same_as` or `protoscope`: {error}", case.name));
    message.encode_to_vec()
}

fn crc(text: &str) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(text.as_bytes());
    crc.sum()
}
