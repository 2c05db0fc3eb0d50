//! A rule whose condition is a query: each row is an alert. Text columns are its labels, `value` its number, and
//! `impact_*`, `evidence_*` and `example_*` its annotations, whatever their type.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use plimsoll_model::Labels;

use crate::cells::{Cell, Column, Kind};
use crate::finding::Place;
use crate::instance::Timing;
use crate::objective::{IDENTITY_COLUMNS, is_label_name};
use crate::template::{Field, Scope, Template};

/// What the engine itself puts on a rule's alert.
pub(crate) const RULE_LABELS: [&str; 2] = ["alertname", "tenant"];

const ANNOTATION_PREFIXES: [&str; 3] = ["impact_", "evidence_", "example_"];

#[derive(Clone, Debug)]
pub struct RuleGroup {
    pub name: String,
    /// The evaluator's own when the file does not say.
    pub interval: Option<Duration>,
    /// How long before the tick the moment lies that `now()` is, so that late rows are there.
    pub query_offset: Duration,
    /// Most alerts a rule may have at once; 0 is any number.
    pub limit: usize,
    pub rules: Vec<AlertRule>,
}

#[derive(Clone, Debug)]
pub struct AlertRule {
    pub name: String,
    pub sql: String,
    pub timing: Timing,
    pub(crate) labels: BTreeMap<String, Template>,
    pub(crate) annotations: BTreeMap<String, Template>,
    pub(crate) place: Place,
    pub(crate) sql_place: Place,
}

/// One row of the condition, as the alert it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) value: Option<f64>,
}

impl AlertRule {
    /// `alert/GROUP/NAME{severity="page"}`: one name may stand for several severities.
    pub(crate) fn id(&self, group: &str) -> String {
        let labels: Labels =
            self.labels.iter().map(|(name, template)| (name.as_str(), template.source())).collect();
        format!("alert/{group}/{}{labels}", self.name)
    }

    /// What is wrong with the columns of the query: message and whether it is an error.
    pub(crate) fn check_columns(&self, schema: &Schema) -> Vec<(String, bool)> {
        let mut problems: Vec<(String, bool)> = Vec::new();
        for field in schema.fields() {
            problems.extend(
                check_column(field.name(), Kind::of(field.data_type())).map(|problem| (problem, true)),
            );
        }
        problems.extend(self.check_labels(schema).map(|problem| (problem, false)));
        for (name, template) in &self.annotations {
            problems.extend(template.fields().filter_map(|field| self.check_field(name, field, schema)));
        }
        problems
    }

    /// Labels stand in the rule or come as columns of the query, where they may differ from row to row.
    fn check_labels<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = String> + 'a {
        let has_column = |name: &str| Kind::of_column(schema, name) == Some(Kind::Text);
        let hidden = self.labels.keys().filter(move |name| has_column(name)).map(|name| {
            format!(
                "the label `{name}` of the rule hides the query's column of that name: remove one of them"
            )
        });
        let is_graded = self.labels.contains_key("severity") || has_column("severity");
        let ungraded = (!is_graded).then(|| {
            format!(
                "`{}` has no severity label, so routes can't tell a page from a ticket: add one, or give the query a \
                 column `severity`",
                self.name
            )
        });
        hidden.chain(ungraded)
    }

    fn check_field(&self, annotation: &str, field: &Field, schema: &Schema) -> Option<(String, bool)> {
        match field {
            Field::Row(column) if !is_annotation(column) || schema.column_with_name(column).is_none() => {
                let message = format!(
                    "annotation `{annotation}` speaks of `$row.{column}`, but the query has no such impact_*, \
                     evidence_* or example_* column: add it to the query or correct the name"
                );
                Some((message, true))
            }
            Field::Label(label) => {
                let is_known = label == "alertname"
                    || self.labels.contains_key(label)
                    || schema.column_with_name(label).is_some();
                let message = format!(
                    "annotation `{annotation}` speaks of the label `{label}`, which neither the query nor the rule \
                     has, so it stays empty: correct the name"
                );
                (!is_known).then_some((message, false))
            }
            Field::Value if schema.column_with_name("value").is_none() => {
                let message = format!(
                    "annotation `{annotation}` speaks of `$value`, but the query has no column `value`: add one"
                );
                Some((message, true))
            }
            Field::Row(_) | Field::Value => None,
        }
    }

    /// Two rows with the same labels would be one alert with two truths, so that is an error, as in Prometheus.
    pub(crate) fn samples(&self, batches: &[RecordBatch]) -> Result<Vec<Sample>, String> {
        let mut samples: BTreeMap<Labels, Sample> = BTreeMap::new();
        for batch in batches {
            let columns = batch.schema_ref().fields().iter().map(|field| {
                let column = Column::of(batch, field.name())?;
                Ok((field.name().as_str(), Kind::of(field.data_type()), column))
            });
            let columns = columns.collect::<Result<Vec<_>, String>>()?;
            for row in 0..batch.num_rows() {
                let sample = self.sample(&columns, row);
                if let Some(twin) = samples.insert(sample.labels.clone(), sample) {
                    return Err(format!(
                        "two rows have the labels {}: group the query so that each label set comes once",
                        twin.labels
                    ));
                }
            }
        }
        Ok(samples.into_values().collect())
    }

    fn sample(&self, columns: &[(&str, Kind, Column)], row: usize) -> Sample {
        let (mut labels, mut annotations, mut value) = (Labels::default(), BTreeMap::new(), None);
        for (name, kind, column) in columns {
            let cell = column.cell(row);
            if is_annotation(name) {
                if cell != Cell::Null {
                    annotations.insert((*name).to_owned(), cell.say());
                }
            } else if *kind == Kind::Text {
                labels.set(*name, cell.say());
            } else if let Cell::Number(number) = cell {
                value = Some(number);
            }
        }
        let of_row = labels.clone();
        for (name, template) in &self.labels {
            labels.set(name.as_str(), template.render(Scope { labels: &of_row, row: &annotations, value }));
        }
        labels.set("alertname", self.name.as_str());
        let scope = Scope { labels: &labels, row: &annotations, value };
        let rendered: Vec<_> =
            self.annotations.iter().map(|(name, template)| (name.clone(), template.render(scope))).collect();
        annotations.extend(rendered);
        Sample { labels, annotations, value }
    }
}

fn is_annotation(column: &str) -> bool {
    ANNOTATION_PREFIXES.iter().any(|prefix| column.starts_with(prefix))
}

fn check_column(name: &str, kind: Kind) -> Option<String> {
    if !is_label_name(name) {
        return Some(format!(
            "the column `{name}` has no usable name: give it one with AS, of letters, digits and `_`"
        ));
    }
    if is_annotation(name) {
        let is_nested = kind == Kind::Other;
        return is_nested
            .then(|| format!("the column `{name}` is neither text, number nor time: cast it to text"));
    }
    match kind {
        Kind::Text if IDENTITY_COLUMNS.contains(&name) => Some(format!(
            "`{name}` as a label would make every row of every pass a new alert: name it `example_{name}`"
        )),
        Kind::Text if RULE_LABELS.contains(&name) => {
            Some(format!("`{name}` is set by the engine itself: give the column another name"))
        }
        Kind::Text => None,
        Kind::Number if name == "value" => None,
        Kind::Number | Kind::Time => Some(format!(
            "the column `{name}` is no label, for it changes: name it `impact_{name}` (what it costs) or \
             `evidence_{name}` (what explains it); the one number a rule judges may be called `value`"
        )),
        Kind::Bool | Kind::Other => Some(format!(
            "the column `{name}` is neither text nor number: remove it, or cast it to text to make it a label"
        )),
    }
}

#[cfg(test)]
mod tests;
