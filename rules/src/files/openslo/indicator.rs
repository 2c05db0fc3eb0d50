//! The indicator: which queries it has, and how they say what was good.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::Library;
use super::object::{check_description, is_reference};
use crate::finding::{Finding, Place};
use crate::objective::{Op, Part, Sli, statement};

pub(crate) const DATA_SOURCE_TYPE: &str = "plimsoll";

const SHAPE: &str = "write `ratioMetric` with `good` (or `bad`) and `total`, or with `raw` and `rawType`, or `thresholdMetric`";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SliSpec {
    description: Option<Spanned<String>>,
    ratio_metric: Option<Spanned<RatioMetric>>,
    threshold_metric: Option<Spanned<Metric>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RatioMetric {
    #[serde(default)]
    counter: bool,
    good: Option<Spanned<Metric>>,
    bad: Option<Spanned<Metric>>,
    total: Option<Spanned<Metric>>,
    raw: Option<Spanned<Metric>>,
    raw_type: Option<Spanned<String>>,
}

/// In v1 all of it stands in `metricSource`; in v2alpha it stands here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metric {
    metric_source: Option<MetricSource>,
    data_source_ref: Option<Spanned<String>>,
    #[serde(alias = "dataSource")]
    data_source_spec: Option<InlineSource>,
    spec: Option<MetricSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetricSource {
    metric_source_ref: Option<Spanned<String>>,
    r#type: Option<Spanned<String>>,
    spec: MetricSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InlineSource {
    r#type: Spanned<String>,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "connectionDetails")]
    _connection_details: Option<IgnoredAny>,
}

/// Any keys, as the specification has it: those of another source are named only after its type was refused.
#[derive(Clone, Debug, Deserialize)]
struct MetricSpec {
    query: Option<Spanned<String>>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

/// What the objective compares a measurement with; only for a thresholdMetric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) op: Op,
    pub(crate) value: f64,
}

/// An indicator whose sources are known.
#[derive(Clone, Debug)]
pub(crate) struct Indicator {
    pub(crate) sli: Sli,
    pub(crate) query: Spanned<String>,
    /// Where the other query of a ratio stands, or those of a composite.
    pub(crate) part: Vec<Place>,
}

impl SliSpec {
    pub(crate) fn is_threshold(&self) -> bool {
        self.threshold_metric.is_some()
    }

    /// What holds wherever it is used.
    pub(crate) fn check(&self, file: &Path) -> Result<(), Finding> {
        check_description(self.description.as_ref(), file)
    }

    /// `user` is who asks for it, for findings that have no better place.
    pub(crate) fn indicator(
        &self,
        comparison: Option<Comparison>,
        library: &Library,
        user: &Place,
        file: &Path,
    ) -> Result<Indicator, Finding> {
        match (&self.ratio_metric, &self.threshold_metric) {
            (Some(ratio), None) => ratio.value.indicator(library, &Place::of(file, ratio), file),
            (None, Some(metric)) => {
                let Some(Comparison { op, value }) = comparison else {
                    return Err(user.error(
                        "a thresholdMetric is judged by its objective: give the objective `op` (lt, lte, gt or gte) \
                         and `value`",
                    ));
                };
                let query = metric.value.query(library, &Place::of(file, metric), file)?;
                Ok(Indicator { sli: Sli::Threshold { op, value }, query, part: Vec::new() })
            }
            (Some(ratio), Some(_)) => {
                let message = format!("an indicator has either ratioMetric or thresholdMetric: {SHAPE}");
                Err(Place::of(file, ratio).error(message))
            }
            (None, None) => Err(user.error(format!("the indicator measures nothing: {SHAPE}"))),
        }
    }
}

impl RatioMetric {
    fn indicator(&self, library: &Library, place: &Place, file: &Path) -> Result<Indicator, Finding> {
        if let Some(raw) = &self.raw {
            if let Some(other) = [&self.good, &self.bad, &self.total].into_iter().flatten().next() {
                let message = "`raw` stands alone: remove it, or remove good, bad and total";
                return Err(Place::of(file, other).error(message));
            }
            let sli = match self.raw_type.as_ref().map(|raw_type| (raw_type, raw_type.value.as_str())) {
                Some((_, "success")) => Sli::Success,
                Some((_, "failure")) => Sli::Failure,
                Some((at, other)) => {
                    let message = format!("rawType `{other}` is not known: write success or failure");
                    return Err(Place::of(file, at).error(message));
                }
                None => {
                    let message = "`raw` needs a rawType: write `rawType: success` or `rawType: failure`";
                    return Err(Place::of(file, raw).error(message));
                }
            };
            return Ok(Indicator {
                sli,
                query: raw.value.query(library, &Place::of(file, raw), file)?,
                part: Vec::new(),
            });
        }
        if let Some(raw_type) = &self.raw_type {
            let message = "rawType goes with `raw` only: remove it, for good or bad say which ratio it is";
            return Err(Place::of(file, raw_type).error(message));
        }
        let (part, metric) = match (&self.good, &self.bad) {
            (Some(good), None) => (Part::Good, good),
            (None, Some(bad)) => (Part::Bad, bad),
            (Some(_), Some(bad)) => {
                return Err(Place::of(file, bad).error("a ratio has `good` or `bad`: keep one of them"));
            }
            (None, None) => return Err(place.error(format!("the ratioMetric has no queries: {SHAPE}"))),
        };
        let Some(total) = &self.total else {
            return Err(Place::of(file, metric).error("the ratio has no `total`: add it"));
        };
        let query = metric.value.query(library, &Place::of(file, metric), file)?;
        let part_place = Place::of(file, &query);
        let sli = Sli::Ratio { part, query: statement(&query.value), is_counter: self.counter };
        let query = total.value.query(library, &Place::of(file, total), file)?;
        Ok(Indicator { sli, query, part: vec![part_place] })
    }
}

impl Metric {
    fn query(&self, library: &Library, place: &Place, file: &Path) -> Result<Spanned<String>, Finding> {
        let (reference, named, spec) = match &self.metric_source {
            Some(source) => (&source.metric_source_ref, &source.r#type, Some(&source.spec)),
            None => {
                let named = self.data_source_spec.as_ref().map(|source| source.r#type.clone());
                return self.ask(
                    &self.data_source_ref,
                    named.as_ref(),
                    self.spec.as_ref(),
                    library,
                    place,
                    file,
                );
            }
        };
        if self.data_source_ref.is_some() || self.data_source_spec.is_some() || self.spec.is_some() {
            let message = "a metric has `metricSource` (v1), or `dataSourceRef` and `spec` (v2alpha): keep one of the two";
            return Err(place.error(message));
        }
        self.ask(reference, named.as_ref(), spec, library, place, file)
    }

    fn ask(
        &self,
        reference: &Option<Spanned<String>>,
        named: Option<&Spanned<String>>,
        spec: Option<&MetricSpec>,
        library: &Library,
        place: &Place,
        file: &Path,
    ) -> Result<Spanned<String>, Finding> {
        check_type(reference.as_ref(), named, library, place, file)?;
        let Some(spec) = spec else {
            return Err(place.error("the metric has no `spec`: add `spec: {query: ...}`"));
        };
        if let Some(other) = spec.others.keys().next() {
            let message =
                format!("`{other}` means nothing to a source of type plimsoll: remove it, `query` is all");
            return Err(place.error(message));
        }
        spec.query
            .clone()
            .ok_or_else(|| place.error("the metric has no query: add `query:` with an SQL statement"))
    }
}

fn check_type(
    reference: Option<&Spanned<String>>,
    named: Option<&Spanned<String>>,
    library: &Library,
    place: &Place,
    file: &Path,
) -> Result<(), Finding> {
    if let Some(name) = reference.filter(|name| !is_reference(&name.value)) {
        return Err(Place::of(file, name).error(format!("`{}` can't name a DataSource", name.value)));
    }
    let known = reference.map(|name| (name, library.data_sources.get(&name.value)));
    let source_type = match (named, known) {
        (Some(source_type), _) => source_type.value.as_str(),
        (None, Some((_, Some(source_type)))) => source_type,
        (None, Some((name, None))) => {
            let message = format!(
                "no file defines a DataSource named `{}`: add it, or write `type: plimsoll`",
                name.value
            );
            return Err(Place::of(file, name).error(message));
        }
        (None, None) => return Err(place.error("the metric's source has no type: write `type: plimsoll`")),
    };
    if source_type.eq_ignore_ascii_case(DATA_SOURCE_TYPE) {
        return Ok(());
    }
    Err(place.error(format!(
        "the source is of type `{source_type}`, which we can't ask: send its data here by OpenTelemetry or remote \
         write, and write `type: plimsoll` with an SQL query"
    )))
}
