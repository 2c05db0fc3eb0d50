//! The indicator of an expanded SLO.

use serde::Serialize;
use serde_saphyr::LitString;

use crate::files::openslo::DATA_SOURCE_TYPE;
use crate::objective::{Part, Sli};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Spec {
    RatioMetric(RatioMetric),
    ThresholdMetric(Metric),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RatioMetric {
    counter: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    good: Option<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metric {
    metric_source: MetricSource,
}

#[derive(Serialize)]
struct MetricSource {
    r#type: &'static str,
    spec: Query,
}

#[derive(Serialize)]
struct Query {
    query: LitString,
}

pub(super) fn spec(query: &str, sli: &Sli) -> Option<Spec> {
    let own = metric(query);
    let raw = |raw_type, raw| {
        let (good, bad, total) = (None, None, None);
        let (raw_type, raw) = (Some(raw_type), Some(raw));
        Spec::RatioMetric(RatioMetric { counter: false, raw_type, raw, good, bad, total })
    };
    Some(match sli {
        Sli::Success => raw("success", own),
        Sli::Failure => raw("failure", own),
        Sli::Threshold { .. } => Spec::ThresholdMetric(own),
        Sli::Ratio { part, query, is_counter } => {
            let (good, bad) = match part {
                Part::Good => (Some(metric(query)), None),
                Part::Bad => (None, Some(metric(query))),
            };
            let (raw_type, raw) = (None, None);
            Spec::RatioMetric(RatioMetric {
                counter: *is_counter,
                raw_type,
                raw,
                good,
                bad,
                total: Some(own),
            })
        }
        Sli::Composite(_) => return None,
    })
}

fn metric(query: &str) -> Metric {
    let spec = Query { query: LitString(query.to_owned()) };
    Metric { metric_source: MetricSource { r#type: DATA_SOURCE_TYPE, spec } }
}
