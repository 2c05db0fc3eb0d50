//! Numbers read at one moment, gathered into metrics: one metric a name, one point a set of attributes.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Gauge, Metric, NumberDataPoint, Sum};
use plimsoll_model::Timestamp;

use super::unix_nanos;

/// What is read off at one moment.
#[derive(Debug)]
pub(crate) struct Readings {
    at: u64,
    metrics: BTreeMap<&'static str, Metric>,
}

impl Readings {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self { at: unix_nanos(time), metrics: BTreeMap::new() }
    }

    /// A value that goes up and down.
    pub(crate) fn gauge(
        &mut self,
        name: &'static str,
        unit: &str,
        attributes: Vec<KeyValue>,
        value: impl Into<Number>,
    ) {
        let point = self.point(0, attributes, value.into());
        let metric = self.metric(name, unit, || Data::Gauge(Gauge::default()));
        if let Some(Data::Gauge(gauge)) = &mut metric.data {
            gauge.data_points.push(point);
        }
    }

    /// A count since `start`: when the server, or whoever reset it, began at zero. `None` when it doesn't say.
    pub(crate) fn count(
        &mut self,
        name: &'static str,
        unit: &str,
        start: Option<Timestamp>,
        attributes: Vec<KeyValue>,
        value: impl Into<Number>,
    ) {
        let start = start.map_or(0, unix_nanos);
        self.sum(name, unit, true, start, attributes, value.into());
    }

    /// A number of things that are there now, which OpenTelemetry calls a sum too: it can be added up over attributes.
    pub(crate) fn amount(
        &mut self,
        name: &'static str,
        unit: &str,
        attributes: Vec<KeyValue>,
        value: impl Into<Number>,
    ) {
        self.sum(name, unit, false, 0, attributes, value.into());
    }

    fn sum(
        &mut self,
        name: &'static str,
        unit: &str,
        is_monotonic: bool,
        start: u64,
        attributes: Vec<KeyValue>,
        value: Number,
    ) {
        let point = self.point(start, attributes, value);
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        let empty = Sum { aggregation_temporality, is_monotonic, ..Sum::default() };
        if let Some(Data::Sum(sum)) = &mut self.metric(name, unit, || Data::Sum(empty)).data {
            sum.data_points.push(point);
        }
    }

    fn point(&self, start: u64, attributes: Vec<KeyValue>, value: Number) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: self.at,
            value: Some(value.0),
            ..NumberDataPoint::default()
        }
    }

    fn metric(&mut self, name: &'static str, unit: &str, data: impl FnOnce() -> Data) -> &mut Metric {
        self.metrics.entry(name).or_insert_with(|| Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            data: Some(data()),
            ..Metric::default()
        })
    }

    pub(crate) fn finish(self) -> Vec<Metric> {
        self.metrics.into_values().collect()
    }
}

/// An integer stays one.
#[derive(Debug)]
pub(crate) struct Number(Value);

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Value::AsInt(value))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(Value::AsDouble(value))
    }
}

pub(super) fn points(metrics: &[Metric]) -> u64 {
    let points = |metric: &Metric| match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    };
    metrics.iter().map(|metric| points(metric) as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::text;

    #[test]
    fn points_of_one_name_are_one_metric() {
        let mut readings = Readings::at(Timestamp::from_secs(10));
        readings.gauge("odoo.cron.lag", "s", vec![text("cron", "a")], 1.5);
        readings.gauge("odoo.cron.lag", "s", vec![text("cron", "b")], 2.5);
        let start = Some(Timestamp::from_secs(1));
        readings.count("postgresql.commits", "{transaction}", start, Vec::new(), 7_i64);
        let metrics = readings.finish();
        assert_eq!(
            metrics.iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>(),
            ["odoo.cron.lag", "postgresql.commits"]
        );
        assert_eq!(points(&metrics), 3);
        let Some(Data::Sum(sum)) = &metrics[1].data else { panic!("a sum") };
        assert_eq!(sum.data_points[0].start_time_unix_nano, 1_000_000_000);
        assert_eq!(sum.data_points[0].time_unix_nano, 10_000_000_000);
    }
}
