//! Series as an OTLP metrics request. Only the fields that series have are written out here.

use std::collections::BTreeMap;

use prost::Message;

use super::families::Families;
use super::wire::{Exemplar, Histogram, Label, TimeSeries};
use super::{histogram, malformed};
use crate::refusal::Refusal;

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricsRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeMetrics {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    unit: String,
    #[prost(oneof = "Data", tags = "5, 7, 10")]
    data: Option<Data>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Data {
    #[prost(message, tag = "5")]
    Gauge(Gauge),
    #[prost(message, tag = "7")]
    Sum(Sum),
    #[prost(message, tag = "10")]
    Exponential(Exponential),
}

#[derive(Clone, PartialEq, Message)]
struct Gauge {
    #[prost(message, repeated, tag = "1")]
    points: Vec<NumberPoint>,
}

#[derive(Clone, PartialEq, Message)]
struct Sum {
    #[prost(message, repeated, tag = "1")]
    points: Vec<NumberPoint>,
    #[prost(int32, tag = "2")]
    temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Exponential {
    #[prost(message, repeated, tag = "1")]
    points: Vec<ExponentialPoint>,
    #[prost(int32, tag = "2")]
    temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
struct NumberPoint {
    #[prost(fixed64, tag = "3")]
    time_unix_nano: u64,
    #[prost(double, optional, tag = "4")]
    value: Option<f64>,
    #[prost(message, repeated, tag = "5")]
    exemplars: Vec<OtlpExemplar>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "8")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExponentialPoint {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    pub(super) sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    pub(super) scale: i32,
    #[prost(fixed64, tag = "7")]
    pub(super) zero_count: u64,
    #[prost(message, optional, tag = "8")]
    pub(super) positive: Option<Buckets>,
    #[prost(message, optional, tag = "9")]
    pub(super) negative: Option<Buckets>,
    #[prost(uint32, tag = "10")]
    pub(super) flags: u32,
    #[prost(double, tag = "14")]
    pub(super) zero_threshold: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Buckets {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    pub(super) bucket_counts: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct OtlpExemplar {
    #[prost(fixed64, tag = "2")]
    time_unix_nano: u64,
    #[prost(double, optional, tag = "3")]
    value: Option<f64>,
    #[prost(bytes = "vec", tag = "4")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    trace_id: Vec<u8>,
    #[prost(message, repeated, tag = "7")]
    filtered_attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

const CUMULATIVE: i32 = 2;
const NO_RECORDED_VALUE: u32 = 1;
/// Prometheus' mark for a series that has ended: a NaN of this one pattern. Any other NaN is a value.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// By job and instance.
type Targets = BTreeMap<(String, String), Vec<Metric>>;

pub(super) fn request(series: &[TimeSeries], families: &Families) -> Result<MetricsRequest, Refusal> {
    let mut targets = Targets::new();
    for one in series {
        let labels = Labels::read(&one.labels)?;
        let metrics = metrics(one, &labels, families)?;
        let target = (labels.job.to_owned(), labels.instance.to_owned());
        targets.entry(target).or_default().extend(metrics);
    }
    let resource_metrics = targets.into_iter().map(|((job, instance), metrics)| ResourceMetrics {
        resource: Some(Resource { attributes: resource(&job, &instance) }),
        scope_metrics: vec![ScopeMetrics { metrics }],
    });
    Ok(MetricsRequest { resource_metrics: resource_metrics.collect() })
}

struct Labels<'a> {
    name: &'a str,
    job: &'a str,
    instance: &'a str,
    attributes: Vec<KeyValue>,
}

impl<'a> Labels<'a> {
    fn read(labels: &'a [Label]) -> Result<Self, Refusal> {
        let mut read = Self { name: "", job: "", instance: "", attributes: Vec::with_capacity(labels.len()) };
        for Label { name, value } in labels {
            match name.as_str() {
                "__name__" => read.name = value,
                "job" => read.job = value,
                "instance" => read.instance = value,
                _ => read.attributes.push(attribute(name, value)),
            }
        }
        match read.name {
            "" => Err(malformed("a series has no __name__")),
            _ => Ok(read),
        }
    }
}

fn resource(job: &str, instance: &str) -> Vec<KeyValue> {
    let named = [("service.name", job), ("service.instance.id", instance)];
    named
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| attribute(key, value))
        .collect()
}

/// Samples, and native histograms, each with all of its moments.
fn metrics(series: &TimeSeries, labels: &Labels<'_>, families: &Families) -> Result<Vec<Metric>, Refusal> {
    let family = families.of(labels.name);
    let metric = |data| Metric {
        name: labels.name.to_owned(),
        description: family.help.clone(),
        unit: family.unit.clone(),
        data: Some(data),
    };
    let mut metrics = Vec::new();
    if !series.samples.is_empty() {
        let points = number_points(series, labels)?;
        metrics.push(metric(match family.is_counter {
            true => Data::Sum(Sum { points, temporality: CUMULATIVE, is_monotonic: true }),
            false => Data::Gauge(Gauge { points }),
        }));
    }
    if !series.histograms.is_empty() {
        let points = series.histograms.iter().map(|one| exponential_point(one, labels));
        let points = points.collect::<Result<_, Refusal>>()?;
        metrics.push(metric(Data::Exponential(Exponential { points, temporality: CUMULATIVE })));
    }
    Ok(metrics)
}

fn exponential_point(one: &Histogram, labels: &Labels<'_>) -> Result<ExponentialPoint, Refusal> {
    let is_stale = one.sum.to_bits() == STALE;
    let known = if is_stale { ExponentialPoint::default() } else { histogram::point(one)? };
    Ok(ExponentialPoint {
        attributes: labels.attributes.clone(),
        time_unix_nano: nanos(one.timestamp)?,
        flags: if is_stale { NO_RECORDED_VALUE } else { 0 },
        ..known
    })
}

fn number_points(series: &TimeSeries, labels: &Labels<'_>) -> Result<Vec<NumberPoint>, Refusal> {
    let mut points = Vec::with_capacity(series.samples.len());
    for sample in &series.samples {
        let is_stale = sample.value.to_bits() == STALE;
        points.push(NumberPoint {
            time_unix_nano: nanos(sample.timestamp)?,
            value: (!is_stale).then_some(sample.value),
            flags: if is_stale { NO_RECORDED_VALUE } else { 0 },
            attributes: labels.attributes.clone(),
            exemplars: Vec::new(),
        });
    }
    if let Some(last) = points.last_mut() {
        last.exemplars = series.exemplars.iter().map(exemplar).collect::<Result<_, _>>()?;
    }
    Ok(points)
}

fn exemplar(exemplar: &Exemplar) -> Result<OtlpExemplar, Refusal> {
    let id = |name: &str| {
        let label = exemplar.labels.iter().find(|label| label.name == name);
        label.and_then(|label| hex::decode(&label.value).ok()).unwrap_or_default()
    };
    let others = exemplar.labels.iter().filter(|label| !["trace_id", "span_id"].contains(&&*label.name));
    Ok(OtlpExemplar {
        time_unix_nano: nanos(exemplar.timestamp)?,
        value: Some(exemplar.value),
        trace_id: id("trace_id"),
        span_id: id("span_id"),
        filtered_attributes: others.map(|label| attribute(&label.name, &label.value)).collect(),
    })
}

fn nanos(millis: i64) -> Result<u64, Refusal> {
    let nanos = millis.checked_mul(1_000_000).and_then(|nanos| u64::try_from(nanos).ok());
    nanos.ok_or_else(|| malformed(&format!("a sample's time, {millis} ms since 1970, is out of range")))
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { text: Some(value.to_owned()) }) }
}
