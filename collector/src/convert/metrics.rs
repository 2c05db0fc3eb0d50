//! Metrics: one row a data point, whatever its kind.

use std::hash::{DefaultHasher, Hasher};

use plimsoll_model::Timestamp;

use super::attributes::Attributes;
use super::envelope::{ItemRows, elements, walk};
use super::flags::ItemFlag;
use super::metric_columns::MetricColumns;
use super::origin::{Origin, RepeatedMap};
use super::points::{Kind, Point};
use super::rejections::ItemReason;
use super::{Context, Converted};
use crate::config::Config;
use crate::refusal::Refusal;
use crate::wire::Fields;

pub(super) fn convert(body: &[u8], mut context: Context<'_>) -> Result<Converted, Refusal> {
    let mut rows = MetricRows::new(context.config);
    walk(body, &mut rows, &mut context)?;
    let ingest_time = context.now;
    context.finish([rows.columns.finish(ingest_time)])
}

struct MetricRows<'a> {
    columns: MetricColumns,
    point: Point<'a>,
    attributes: Attributes<'a>,
    /// Of a metric's metadata or an exemplar.
    nested: Attributes<'a>,
    metadata: RepeatedMap,
}

/// What all points of a metric share, as it was sent.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) name: &'a [u8],
    pub(super) description: &'a [u8],
    pub(super) unit: &'a [u8],
    /// The number of its field says which kind it is.
    data: Option<(u64, &'a [u8])>,
}

/// What the checks made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    pub(super) kind: Kind,
    pub(super) word: &'static str,
    pub(super) temporality: Option<&'static str>,
    pub(super) monotonic: Option<bool>,
    points: &'a [u8],
}

impl<'a> ItemRows<'a> for MetricRows<'a> {
    const LISTS: [&'static str; 3] = ["resourceMetrics", "scopeMetrics", "metrics"];

    /// A metric without data counts as one point, or its refusal could not be counted.
    fn count(metric: &'a [u8]) -> usize {
        let data = Fields::of(metric).filter(|part| matches!(part.number, 5 | 7 | 9 | 10 | 11)).last();
        data.map_or(1, |data| elements(data.bytes, 1).count())
    }

    fn reserve(&mut self, rows: usize) {
        self.columns.reserve(rows);
    }

    fn take(
        &mut self,
        metric: &'a [u8],
        origin: &Origin<'_>,
        context: &mut Context<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        let (header, data) = match self.read(metric) {
            Ok(read) => read,
            Err(reason) => {
                context.reject(reason, Self::count(metric) as u64, place);
                return Ok(());
            }
        };
        let shared =
            [header.name, header.description, header.unit].iter().map(|text| text.len()).sum::<usize>();
        let count = elements(data.points, 1).count();
        context.pay(count.saturating_mul(shared + self.metadata.row_bytes()))?;
        for (i, point) in elements(data.points, 1).enumerate() {
            match self.push(point, &header, &data, origin, context) {
                Ok(()) => context.converted.duplicate_keys += self.attributes.duplicate_keys(),
                Err(reason) => {
                    self.columns.exemplars.reopen();
                    context.reject(reason, 1, || format!("{}.dataPoints[{i}]", place()));
                }
            }
        }
        self.columns.close_metric(&header, &data, &self.metadata);
        Ok(())
    }

    fn close_scope(&mut self, origin: &Origin<'_>) {
        self.columns.origin.close_scope(origin);
    }

    fn redacted_values(&self) -> u64 {
        self.attributes.redacted_values() + self.nested.redacted_values()
    }
}

impl<'a> MetricRows<'a> {
    fn new(config: &Config) -> Self {
        Self {
            columns: MetricColumns::default(),
            point: Point::default(),
            attributes: Attributes::new(&[], config),
            nested: Attributes::new(&[], config),
            metadata: RepeatedMap::default(),
        }
    }

    fn read(&mut self, metric: &'a [u8]) -> Result<(Header<'a>, Data<'a>), ItemReason> {
        let mut header = Header::default();
        self.nested.clear();
        for part in Fields::of(metric) {
            match part.number {
                1 => header.name = part.bytes,
                2 => header.description = part.bytes,
                3 => header.unit = part.bytes,
                5 | 7 | 9 | 10 | 11 => header.data = Some((part.number, part.bytes)),
                12 => self.nested.add(part.bytes),
                _ => {}
            }
        }
        if header.name.is_empty() {
            return Err(ItemReason::MetricWithoutName);
        }
        let (field, points) = header.data.ok_or(ItemReason::MetricWithoutData)?;
        let data = Data::read(field, points)?;
        self.nested.close()?;
        self.metadata.fill(&self.nested);
        Ok((header, data))
    }

    /// When it fails, only the exemplars have to be reopened.
    fn push(
        &mut self,
        point: &'a [u8],
        header: &Header<'_>,
        data: &Data<'_>,
        origin: &Origin<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), ItemReason> {
        self.attributes.clear();
        self.point.read(data.kind, point, &mut self.attributes);
        let times = self.point.check(data.kind)?;
        for exemplar in self.point.exemplars.drain(..) {
            self.columns.exemplars.items.push(exemplar, &mut self.nested)?;
        }
        self.attributes.close()?;
        if let Some(meter) = context.meter
            && !meter.admits(self.series(header, origin), Timestamp::from_nanos(context.now))
        {
            return Err(ItemReason::SeriesLimit);
        }
        let (now, flags) = (context.now, &mut context.converted.flags);
        flags.look_at(times.time, now);
        if times.start.zip(times.time).is_some_and(|(start, time)| time < start) {
            flags.add(ItemFlag::EndBeforeStart);
        }
        self.columns.push(&self.point, data.kind, times, &self.attributes, now);
        Ok(())
    }

    /// Of the present point.
    fn series(&self, header: &Header<'_>, origin: &Origin<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        origin.resource.identify(&mut hasher);
        hasher.write(header.name);
        self.attributes.identify(&mut hasher);
        hasher.finish()
    }
}

impl<'a> Data<'a> {
    fn read(field: u64, points: &'a [u8]) -> Result<Self, ItemReason> {
        let (mut temporality_number, mut is_monotonic) = (0, false);
        for part in Fields::of(points) {
            match part.number {
                2 => temporality_number = part.int32(),
                3 => is_monotonic = part.bool(),
                _ => {}
            }
        }
        let temporality = || match temporality_number {
            1 => Ok(Some("delta")),
            2 => Ok(Some("cumulative")),
            _ => Err(ItemReason::TemporalityUnspecified),
        };
        let (kind, word, temporality, monotonic) = match field {
            7 => (Kind::Number, "sum", temporality()?, Some(is_monotonic)),
            9 => (Kind::Histogram, "histogram", temporality()?, None),
            10 => (Kind::ExponentialHistogram, "exponential_histogram", temporality()?, None),
            11 => (Kind::Summary, "summary", None, None),
            _ => (Kind::Number, "gauge", None, None),
        };
        Ok(Self { kind, word, temporality, monotonic, points })
    }
}
