//! Decoding, on one thread: requests of 1,000 spans of about 245 bytes with random ids, six attributes, and one resource of
//! six. Our whole way (structure, then rows) beside prost's decode into owned structs, of the same bytes in the same
//! run. `cargo bench -p plimsoll-collector`; the best of some rounds counts.

use std::hint::black_box;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use plimsoll_collector::OtlpReader;
use plimsoll_model::{Original, OriginalFormat, ReadOriginal, Timestamp};
use prost::Message;

const REQUESTS: usize = 64;
const SPANS_A_REQUEST: usize = 1_000;
const ROUNDS: usize = 15;

const TRACES: OriginalFormat = OriginalFormat(1);
const START: u64 = 1_763_700_000_000_000_000;
const ROUTES: [&str; 4] =
    ["/web/dataset/call_kw", "/shop/cart/update", "/stock/picking/validate", "/web/action/load"];

fn main() {
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let bodies: Vec<Vec<u8>> = (0..REQUESTS).map(|_| request(&mut chance).encode_to_vec()).collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    show(&format!("{} bytes a span", bytes / (REQUESTS * SPANS_A_REQUEST)));

    let prost = best(&bodies, |body| {
        let request = ExportTraceServiceRequest::decode(body).expect("our own request");
        request.resource_spans[0].scope_spans[0].spans.len()
    });
    let ours = best(&bodies, |body| {
        let received = Timestamp::from_secs(1_763_700_000);
        let original = Original { format: TRACES, received, bytes: body.to_vec().into() };
        OtlpReader.rows(&original).expect("our own request")[0].batch.num_rows()
    });
    for (name, seconds) in [("prost, owned structs", prost), ("ours, into Arrow", ours)] {
        let spans = (REQUESTS * SPANS_A_REQUEST) as f64 / seconds;
        show(&format!("{name:22} {:.2} M spans/s  {:.0} MB/s", spans / 1e6, bytes as f64 / seconds / 1e6));
    }
    show(&format!("ours : prost           {:.2}", prost / ours));
}

/// Seconds for all bodies in the best round.
fn best(bodies: &[Vec<u8>], decode: impl Fn(&[u8]) -> usize) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let spans: usize = bodies.iter().map(|body| black_box(decode(body))).sum();
        assert_eq!(spans, REQUESTS * SPANS_A_REQUEST, "every span is there");
        start.elapsed().as_secs_f64()
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn request(chance: &mut Chance) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            text("service.name", "odoo"),
            text("service.version", "17.0.3"),
            text("service.instance.id", "odoo-7f9c-1"),
            text("host.name", "erp-1"),
            text("deployment.environment.name", "production"),
            text("telemetry.sdk.language", "python"),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "odoo.http".to_owned(),
        version: "1.2".to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = (0..SPANS_A_REQUEST).map(|_| span(chance)).collect();
    let schema_url = "https://opentelemetry.io/schemas/1.37.0".to_owned();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url }];
    let group = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

fn span(chance: &mut Chance) -> Span {
    let draw = chance.next();
    let route = ROUTES[usize::from(draw.to_le_bytes()[0]) % ROUTES.len()];
    let start = START + draw % 1_000_000_000_000;
    Span {
        trace_id: [chance.next(), chance.next()].map(u64::to_le_bytes).concat(),
        span_id: chance.next().to_le_bytes().to_vec(),
        parent_span_id: chance.next().to_le_bytes().to_vec(),
        name: format!("POST {route}"),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + draw % 100_000_000,
        status: Some(Status { code: i32::from(draw.to_le_bytes()[1] % 3), ..Status::default() }),
        attributes: vec![
            text("http.request.method", "POST"),
            text("http.route", route),
            attribute("http.response.status_code", Value::IntValue(200)),
            text("server.address", "erp.example.com"),
            text("odoo.db", "prod"),
            attribute("odoo.uid", Value::IntValue(i64::from(draw.to_le_bytes()[2]))),
        ],
        flags: 257,
        ..Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[expect(clippy::print_stdout, reason = "what a benchmark is for")]
fn show(line: &str) {
    println!("{line}");
}

/// Xorshift: the same requests in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
