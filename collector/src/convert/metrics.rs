//! Metrics: one row a data point, whatever its kind.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};

use super::metric_columns::MetricColumns;
use super::origin::{Origin, resource_map};
use super::points::Point;
use super::rejections::ItemReason;
use super::{Context, Converted};
use crate::refusal::Refusal;

pub(super) fn convert(
    request: ExportMetricsServiceRequest,
    mut context: Context<'_>,
) -> Result<Converted, Refusal> {
    let mut columns = MetricColumns::new();
    for (r, group) in request.resource_metrics.into_iter().enumerate() {
        let metrics = group.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        let count: usize = metrics.map(|metric| counted_points(metric.data.as_ref())).sum();
        context.converted.received += count as u64;
        let resource = match resource_map(group.resource, context.config) {
            Ok(resource) => resource,
            Err(reason) => {
                context.reject(reason, count as u64, || format!("resourceMetrics[{r}].resource"));
                continue;
            }
        };
        for (s, scope) in group.scope_metrics.into_iter().enumerate() {
            let urls = [scope.schema_url.as_str(), group.schema_url.as_str()];
            let origin = Origin::new(&resource, scope.scope.as_ref(), urls);
            for (m, metric) in scope.metrics.into_iter().enumerate() {
                let place = || format!("resourceMetrics[{r}].scopeMetrics[{s}].metrics[{m}]");
                convert_metric(metric, &origin, &mut columns, &mut context, place)?;
            }
        }
    }
    Ok(context.finish([columns.finish()]))
}

/// What all points of a metric share.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) unit: String,
    pub(super) kind: &'static str,
    pub(super) temporality: Option<&'static str>,
    pub(super) monotonic: Option<bool>,
}

fn convert_metric(
    metric: Metric,
    origin: &Origin<'_>,
    columns: &mut MetricColumns,
    context: &mut Context<'_>,
    place: impl Fn() -> String,
) -> Result<(), Refusal> {
    let count = counted_points(metric.data.as_ref());
    let (header, points) = match checked(metric) {
        Ok(checked) => checked,
        Err(reason) => {
            context.reject(reason, count as u64, &place);
            return Ok(());
        }
    };
    let header_bytes = header.name.len() + header.description.len() + header.unit.len();
    context.repeat(count, origin.text_bytes() + header_bytes)?;
    for (i, point) in points.into_iter().enumerate() {
        let pushed = point.and_then(|point| columns.push(point, &header, origin, context));
        if let Err(reason) = pushed {
            context.reject(reason, 1, || format!("{}.dataPoints[{i}]", place()));
        }
    }
    Ok(())
}

type CheckedPoints = Vec<Result<Point, ItemReason>>;

fn checked(metric: Metric) -> Result<(Header, CheckedPoints), ItemReason> {
    if metric.name.is_empty() {
        return Err(ItemReason::MetricWithoutName);
    }
    let (kind, temporality, monotonic, points) = match metric.data.ok_or(ItemReason::MetricWithoutData)? {
        Data::Gauge(gauge) => ("gauge", None, None, checked_points(gauge.data_points)),
        Data::Sum(sum) => {
            let temporality = temporality(sum.aggregation_temporality)?;
            ("sum", Some(temporality), Some(sum.is_monotonic), checked_points(sum.data_points))
        }
        Data::Histogram(histogram) => {
            let temporality = temporality(histogram.aggregation_temporality)?;
            ("histogram", Some(temporality), None, checked_points(histogram.data_points))
        }
        Data::ExponentialHistogram(histogram) => {
            let temporality = temporality(histogram.aggregation_temporality)?;
            ("exponential_histogram", Some(temporality), None, checked_points(histogram.data_points))
        }
        Data::Summary(summary) => ("summary", None, None, checked_points(summary.data_points)),
    };
    let Metric { name, description, unit, .. } = metric;
    Ok((Header { name, description, unit, kind, temporality, monotonic }, points))
}

fn checked_points<P>(points: Vec<P>) -> CheckedPoints
where
    Point: TryFrom<P, Error = ItemReason>,
{
    points.into_iter().map(Point::try_from).collect()
}

fn temporality(number: i32) -> Result<&'static str, ItemReason> {
    match AggregationTemporality::try_from(number) {
        Ok(AggregationTemporality::Delta) => Ok("delta"),
        Ok(AggregationTemporality::Cumulative) => Ok("cumulative"),
        _ => Err(ItemReason::TemporalityUnspecified),
    }
}

/// A metric without data counts as one point, or its refusal could not be counted.
fn counted_points(data: Option<&Data>) -> usize {
    match data {
        None => 1,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}
