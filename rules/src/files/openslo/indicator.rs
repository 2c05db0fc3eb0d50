//! The indicator: a ratio metric whose raw source is one SQL query that says for each event whether it was good.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::Library;
use crate::finding::{Finding, Place};

pub(crate) const DATA_SOURCE_TYPE: &str = "plimsoll";

const SHAPE: &str = "write `ratioMetric: {raw: {metricSource: {type: plimsoll, spec: {query: ...}}}, rawType: success}` \
                     with a query that gives one row an event and a boolean column `good`";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SliSpec {
    #[serde(rename = "description")]
    _description: Option<String>,
    ratio_metric: Option<RatioMetric>,
    threshold_metric: Option<Spanned<IgnoredAny>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RatioMetric {
    #[serde(rename = "counter")]
    _counter: Option<bool>,
    good: Option<Spanned<IgnoredAny>>,
    bad: Option<Spanned<IgnoredAny>>,
    total: Option<Spanned<IgnoredAny>>,
    raw: Option<Metric>,
    raw_type: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metric {
    metric_source: Spanned<MetricSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetricSource {
    metric_source_ref: Option<Spanned<String>>,
    r#type: Option<Spanned<String>>,
    spec: MetricSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricSpec {
    query: Spanned<String>,
}

impl SliSpec {
    /// `user` is who asks for it, for findings that have no better place.
    pub(crate) fn query(
        &self,
        library: &Library,
        user: &Spanned<String>,
        file: &Path,
    ) -> Result<Spanned<String>, Finding> {
        if let Some(threshold) = &self.threshold_metric {
            let message = format!("thresholdMetric is not evaluated: {SHAPE}");
            return Err(Place::of(file, threshold).error(message));
        }
        let Some(ratio) = &self.ratio_metric else {
            return Err(Place::of(file, user).error(format!("the indicator has no ratioMetric: {SHAPE}")));
        };
        if let Some(other) = [&ratio.good, &ratio.bad, &ratio.total].into_iter().flatten().next() {
            let message = format!("good, bad and total as separate queries are not evaluated: {SHAPE}");
            return Err(Place::of(file, other).error(message));
        }
        let Some(raw) = &ratio.raw else {
            return Err(Place::of(file, user).error(format!("the ratioMetric has no `raw`: {SHAPE}")));
        };
        if let Some(raw_type) = ratio.raw_type.as_ref().filter(|raw_type| raw_type.value != "success") {
            let message = format!("rawType `{}` is not evaluated: write success", raw_type.value);
            return Err(Place::of(file, raw_type).error(message));
        }
        raw.metric_source.value.check_type(library, Place::of(file, &raw.metric_source))?;
        Ok(raw.metric_source.value.spec.query.clone())
    }
}

impl MetricSource {
    fn check_type(&self, library: &Library, place: Place) -> Result<(), Finding> {
        let referred =
            self.metric_source_ref.as_ref().map(|name| (name, library.data_sources.get(&name.value)));
        let source_type = match (&self.r#type, referred) {
            (Some(source_type), _) => source_type.value.as_str(),
            (None, Some((_, Some(source_type)))) => source_type,
            (None, Some((name, None))) => {
                let message = format!(
                    "no file defines a DataSource named `{}`: add it, or write `type: plimsoll`",
                    name.value
                );
                return Err(place.error(message));
            }
            (None, None) => return Err(place.error("the metricSource has no type: write `type: plimsoll`")),
        };
        if source_type == DATA_SOURCE_TYPE {
            return Ok(());
        }
        Err(place.error(format!(
            "the metricSource is of type `{source_type}`, which we can't ask: write `type: plimsoll` and an SQL query"
        )))
    }
}
