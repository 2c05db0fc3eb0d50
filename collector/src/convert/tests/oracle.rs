//! Our rows against those of a naive model over prost's structs: whatever a body says, both read the same from it.

mod logs;
mod metrics;
pub(super) mod model;
mod spans;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::signal::OnTheWire;
use crate::wire::random::{Entropy, message};
use model::Model;

/// Tight limits, so that they matter.
fn config() -> Config {
    Config { max_attributes: 2, max_attribute_bytes: 64, ..Config::default() }
}

pub(super) fn ours(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Model, String> {
    let config = config();
    let Received { bytes, mut lease } = checked(signal, encoding, body)?;
    let converted =
        convert(signal, &bytes, NOW, &config, &mut lease, None).map_err(|refusal| refusal.message)?;
    let mut model = Model {
        received: converted.received,
        duplicate_keys: converted.duplicate_keys,
        refused: converted.rejections.by_reason().map(|(reason, count)| (reason.as_str(), count)).collect(),
        ..Model::default()
    };
    for batch in &converted.batches {
        model.rows.insert(batch.table.name(), rows_of(batch).into_iter().map(model::without_nulls).collect());
    }
    Ok(model)
}

/// The body as the protobuf that is read.
pub(super) fn checked(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Received, String> {
    let received = Received { bytes: body.to_vec(), lease: Admission::new(&config()).lease() };
    wire::check(received, encoding, signal.request(), 32).map_err(|refusal| refusal.message)
}

pub(super) fn theirs(signal: Signal, body: &[u8]) -> Result<Model, prost::DecodeError> {
    let mut model = Model::default();
    match signal {
        Signal::Traces => spans::rows(&ExportTraceServiceRequest::decode(body)?, &config(), &mut model),
        Signal::Logs => logs::rows(&ExportLogsServiceRequest::decode(body)?, &config(), &mut model),
        Signal::Metrics => metrics::rows(&ExportMetricsServiceRequest::decode(body)?, &config(), &mut model),
    }
    model.rows.retain(|_, rows| !rows.is_empty());
    Ok(model)
}

/// The body as the OpenTelemetry crate writes it in JSON.
fn as_json(signal: Signal, body: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    let json = match signal {
        Signal::Traces => serde_json::to_vec(&ExportTraceServiceRequest::decode(body)?),
        Signal::Logs => serde_json::to_vec(&ExportLogsServiceRequest::decode(body)?),
        Signal::Metrics => serde_json::to_vec(&ExportMetricsServiceRequest::decode(body)?),
    };
    Ok(json.expect("serialises"))
}

#[test]
fn the_random_bodies_fill_every_table_and_give_every_reason() {
    let mut reasons = std::collections::BTreeSet::new();
    let mut tables = std::collections::BTreeSet::new();
    let mut state = 1_u64;
    for round in 0..600 {
        let entropy: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .take(4_000)
        .collect();
        let signal = Signal::ALL[round % 3];
        let body = message(signal.request(), &mut Entropy::new(&entropy));
        let read = ours(signal, Encoding::Protobuf, &body).expect("a good body");
        assert_eq!(read, theirs(signal, &body).expect("prost reads it"));
        reasons.extend(read.refused.keys().copied());
        tables.extend(read.rows.keys().copied());
    }
    // Those two are not about the item.
    let elsewhere = [ItemReason::NotStored, ItemReason::SeriesLimit];
    let expected = ItemReason::ALL.iter().filter(|reason| !elsewhere.contains(reason));
    assert_eq!(reasons, expected.map(|reason| reason.as_str()).collect());
    assert_eq!(tables.len(), 4, "{tables:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_body_gives_the_rows_that_prost_would_give(
        signal in prop::sample::select(&Signal::ALL),
        entropy in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        let body = message(signal.request(), &mut Entropy::new(&entropy));
        let expected = theirs(signal, &body).expect("prost reads it");
        prop_assert_eq!(ours(signal, Encoding::Protobuf, &body), Ok(expected));
    }

    /// What the damage leaves readable to us, prost reads alike or not at all (its limit on nesting is another).
    #[test]
    fn a_damaged_body_gives_the_same_or_nothing(
        signal in prop::sample::select(&Signal::ALL),
        entropy in prop::collection::vec(any::<u8>(), 0..1_500),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = message(signal.request(), &mut Entropy::new(&entropy));
        if !body.is_empty() {
            for (index, byte) in &damage {
                *index.get_mut(&mut body) = *byte;
            }
        }
        let read = ours(signal, Encoding::Protobuf, &body);
        if let (Ok(read), Ok(expected)) = (read, theirs(signal, &body)) {
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn json_gives_the_rows_of_protobuf(
        signal in prop::sample::select(&Signal::ALL),
        entropy in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let body = message(signal.request(), &mut Entropy::new(&entropy));
        let json = as_json(signal, &body).expect("prost reads it");
        prop_assert_eq!(ours(signal, Encoding::Json, &json), ours(signal, Encoding::Protobuf, &body));
    }
}
