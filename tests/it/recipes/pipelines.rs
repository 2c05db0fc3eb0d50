//! Whether a configuration of an OpenTelemetry Collector is whole: each part that a pipeline names is there, each part that is
//! there is used, and what leaves goes to the port that understands it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What is wrong with it; `None` for a document that is no Collector's.
pub(super) fn check(document: &Value) -> Option<Vec<String>> {
    let pipelines = document.pointer("/service/pipelines")?.as_object()?;
    let mut wrong = Vec::new();
    for part in ["receivers", "processors", "exporters"] {
        let used: BTreeSet<String> =
            pipelines.values().flat_map(|pipeline| names(pipeline.get(part))).collect();
        compare(part, &defined(document, part), &used, &mut wrong);
    }
    let extensions = names(document.pointer("/service/extensions")).into_iter().collect();
    compare("extensions", &defined(document, "extensions"), &extensions, &mut wrong);
    for (name, pipeline) in pipelines {
        for part in ["receivers", "exporters"] {
            if names(pipeline.get(part)).is_empty() {
                wrong.push(format!("the pipeline {name} has no {part}"));
            }
        }
    }
    exporters(document, &mut wrong);
    storages(document, &defined(document, "extensions"), &mut wrong);
    Some(wrong)
}

fn names(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn defined(document: &Value, part: &str) -> BTreeSet<String> {
    document.get(part).and_then(Value::as_object).map(keys).unwrap_or_default()
}

fn keys(map: &Map<String, Value>) -> BTreeSet<String> {
    map.keys().cloned().collect()
}

fn compare(part: &str, defined: &BTreeSet<String>, used: &BTreeSet<String>, wrong: &mut Vec<String>) {
    wrong.extend(used.difference(defined).map(|name| format!("{part}: {name} is used and not defined")));
    wrong.extend(defined.difference(used).map(|name| format!("{part}: {name} is defined and not used")));
}

fn exporters(document: &Value, wrong: &mut Vec<String>) {
    let Some(exporters) = document.get("exporters").and_then(Value::as_object) else { return };
    for (name, exporter) in exporters {
        let endpoint = exporter.get("endpoint").and_then(Value::as_str).unwrap_or_default();
        let port = match name.split('/').next() {
            Some("otlphttp") => ":4318",
            Some("otlp") => ":4317",
            _ => {
                wrong.push(format!("exporters: {name} doesn't speak OTLP"));
                continue;
            }
        };
        if !endpoint.ends_with(port) {
            wrong.push(format!("exporters: {name} goes to {endpoint}, not to {port}"));
        }
    }
}

/// Whoever keeps something names an extension that is there.
fn storages(value: &Value, extensions: &BTreeSet<String>, wrong: &mut Vec<String>) {
    let Some(map) = value.as_object() else { return };
    for (key, inner) in map {
        match inner.as_str() {
            Some(name) if key == "storage" && !extensions.contains(name) => {
                wrong.push(format!("storage: {name} is no extension"));
            }
            _ => storages(inner, extensions, wrong),
        }
    }
}
