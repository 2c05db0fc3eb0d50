//! Rule groups in the shape of Prometheus, with `sql:` in place of `expr:`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::alert_rule::{AlertRule, RULE_LABELS, RuleGroup};
use crate::durations;
use crate::finding::{Finding, Place};
use crate::instance::Timing;
use crate::objective::is_label_name;
use crate::template::{Field, Template};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: Spanned<String>,
    interval: Option<Spanned<String>>,
    /// How far back of the tick the rules look, for sources that tell late.
    query_offset: Option<Spanned<String>>,
    #[serde(default)]
    limit: usize,
    /// Of every rule that does not say otherwise.
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    rules: Vec<Spanned<Rule>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    sql: Option<Spanned<String>>,
    expr: Option<Spanned<String>>,
    r#for: Option<Spanned<String>>,
    keep_firing_for: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

impl RuleFile {
    pub(crate) fn check(self, file: &Path, findings: &mut Vec<Finding>) -> Vec<RuleGroup> {
        let mut names = BTreeSet::new();
        let mut groups = Vec::new();
        for group in self.groups {
            if !names.insert(group.name.value.clone()) {
                let message =
                    format!("the group `{}` stands twice in this file: rename one", group.name.value);
                findings.push(Place::of(file, &group.name).error(message));
            }
            groups.push(group.check(file, findings));
        }
        groups
    }
}

impl Group {
    fn check(self, file: &Path, findings: &mut Vec<Finding>) -> RuleGroup {
        let interval = self.interval.as_ref().and_then(|text| duration(text, file, findings));
        if interval.is_some_and(|interval| interval.is_zero()) {
            let place = self.interval.as_ref().map(|text| Place::of(file, text)).unwrap_or_default();
            findings.push(place.error("an interval of 0 would never rest: write 1s or more"));
        }
        let query_offset = self.query_offset.as_ref().and_then(|text| duration(text, file, findings));
        let of_group = self.labels;
        let rules = self.rules.into_iter().filter_map(|rule| {
            let place = Place::of(file, &rule);
            let mut rule = rule.value;
            for (name, value) in &of_group {
                rule.labels.entry(name.clone()).or_insert_with(|| value.clone());
            }
            rule.check(&place, findings)
        });
        RuleGroup {
            name: self.name.value,
            interval,
            query_offset: query_offset.unwrap_or_default(),
            limit: self.limit,
            rules: rules.collect(),
        }
    }
}

impl Rule {
    fn check(self, place: &Place, findings: &mut Vec<Finding>) -> Option<AlertRule> {
        let file = place.file.as_path();
        if let Some(record) = &self.record {
            let message = "recording rules are not evaluated: ask the table itself, or write an alert";
            findings.push(Place::of(file, record).error(message));
            return None;
        }
        if let Some(expr) = &self.expr {
            let message = "`expr:` would be PromQL, which is not evaluated: write the condition as a query under `sql:`";
            findings.push(Place::of(file, expr).error(message));
        }
        let Some(name) = self.alert else {
            findings.push(place.error("the rule has no name: add `alert: NAME`"));
            return None;
        };
        let place = Place::of(file, &name);
        let hold = self.r#for.as_ref().and_then(|text| duration(text, file, findings));
        let keep = self.keep_firing_for.as_ref().and_then(|text| duration(text, file, findings));
        let labels = templates(self.labels, file, findings, Place::of(file, &name), Use::Label);
        let annotations =
            templates(self.annotations, file, findings, Place::of(file, &name), Use::Annotation);
        findings.extend(no_runbook(&name.value, &annotations).map(|message| place.warning(message)));
        let Some(sql) = self.sql else {
            if self.expr.is_none() {
                findings.push(place.error(format!("the rule `{}` has no condition: add `sql:`", name.value)));
            }
            return None;
        };
        let timing = Timing { hold: hold.unwrap_or_default(), keep_firing: keep.unwrap_or_default() };
        let sql_place = Place::of(file, &sql);
        let sql = sql.value.trim().trim_end_matches(';').trim_end().to_owned();
        Some(AlertRule { name: name.value, sql, timing, labels, annotations, place, sql_place })
    }
}

fn no_runbook(name: &str, annotations: &BTreeMap<String, Template>) -> Option<String> {
    (!annotations.contains_key("runbook_url")).then(|| {
        format!("`{name}` has no runbook_url annotation: whoever is woken has nothing to start from; add one")
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Use {
    Label,
    Annotation,
}

fn templates(
    texts: BTreeMap<String, Spanned<String>>,
    file: &Path,
    findings: &mut Vec<Finding>,
    rule: Place,
    used_as: Use,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, text) in texts {
        let place = if text.referenced.line() == 0 { rule.clone() } else { Place::of(file, &text) };
        if !is_label_name(&name) || (used_as == Use::Label && RULE_LABELS.contains(&name.as_str())) {
            let message = format!(
                "`{name}` is not a name to choose here: use letters, digits and `_`, no digit first, not {}",
                RULE_LABELS.map(|label| format!("`{label}`")).join(" or ")
            );
            findings.push(place.error(message));
        }
        match Template::parse(&text.value) {
            Ok(template) if used_as == Use::Label && changes_with_value(&template) => {
                let message = format!(
                    "label `{name}` would change with every value, and each change is a new alert: put it into an \
                     annotation"
                );
                findings.push(place.error(message));
            }
            Ok(template) => {
                templates.insert(name, template);
            }
            Err(message) => findings.push(place.error(format!("`{name}`: {message}"))),
        }
    }
    templates
}

fn changes_with_value(template: &Template) -> bool {
    template.fields().any(|field| !matches!(field, Field::Label(_)))
}

fn duration(text: &Spanned<String>, file: &Path, findings: &mut Vec<Finding>) -> Option<Duration> {
    durations::parse(&text.value).map_err(|message| findings.push(Place::of(file, text).error(message))).ok()
}
