//! A rule group under watch: each rule asked at the group's interval, in order, at the same moment.

use std::time::Duration;

use plimsoll_model::Timestamp;
use serde_json::json;

use super::Context;
use crate::Config;
use crate::alert_rule::{AlertRule, RuleGroup, Sample};
use crate::instances::{Instances, Trouble};

#[derive(Debug)]
pub(super) struct GroupWatch {
    interval: Duration,
    query_offset: Duration,
    limit: usize,
    rules: Vec<RuleWatch>,
    due: Timestamp,
}

#[derive(Debug)]
struct RuleWatch {
    rule: AlertRule,
    instances: Instances,
    trouble: Trouble,
}

impl GroupWatch {
    pub(super) fn new(group: RuleGroup, config: &Config) -> Self {
        let interval = group.interval.unwrap_or(config.interval);
        let watch = |rule: AlertRule| RuleWatch {
            instances: Instances::new(
                rule.id(&group.name),
                interval,
                format!("{}/rules/{}", config.public_url.trim_end_matches('/'), path_segment(&rule.name)),
            ),
            trouble: Trouble::default(),
            rule,
        };
        let rules = group.rules.into_iter().map(watch).collect();
        Self { interval, query_offset: group.query_offset, limit: group.limit, rules, due: Timestamp::MIN }
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = &Instances> {
        self.rules.iter().map(|watch| &watch.instances)
    }

    pub(super) fn queries(&self) -> impl Iterator<Item = (String, String)> {
        self.rules.iter().map(|watch| (watch.rule.name.clone(), watch.rule.sql.clone()))
    }

    pub(super) fn instances_mut(&mut self) -> impl Iterator<Item = &mut Instances> {
        self.rules.iter_mut().map(|watch| &mut watch.instances)
    }

    pub(super) fn into_instances(self) -> impl Iterator<Item = Instances> {
        self.rules.into_iter().map(|watch| watch.instances)
    }

    /// A pass that comes too early is none; passes that were missed are not made up for.
    pub(super) async fn pass(&mut self, context: &Context, now: Timestamp) {
        if now < self.due {
            return;
        }
        self.due = now + self.interval;
        for watch in &mut self.rules {
            watch.pass(context, Asked { at: now - self.query_offset, limit: self.limit }, now).await;
        }
    }
}

/// What `now()` is in the query, and how many rows it may give; 0 is any number.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Timestamp,
    limit: usize,
}

impl RuleWatch {
    async fn pass(&mut self, context: &Context, asked: Asked, now: Timestamp) {
        let ledger = context.ledger.as_ref();
        let samples = match self.samples(context, asked).await {
            Ok(samples) => samples,
            Err(error) => return self.trouble.set(&self.instances.rule, Some(error), ledger, now),
        };
        self.trouble.set(&self.instances.rule, None, ledger, now);
        let timing = self.rule.timing;
        let mut held = Vec::new();
        for Sample { labels, annotations, value } in samples {
            let change = self.instances.met(&labels, timing, now);
            let facts = json!({"value": value, "for_s": timing.hold.as_secs_f64(), "sql": self.rule.sql, "at": asked.at.to_rfc3339()});
            self.instances.know(&labels, facts);
            if let Some(instance) = self.instances.get_mut(&labels) {
                instance.annotations = annotations;
            }
            if let Some(change) = change {
                self.instances.record(&labels, change, "the query gives this row", ledger, now);
            } else {
                self.instances.remind(&labels, "the query still gives this row", ledger, now);
            }
            held.push(labels);
        }
        self.instances.clear_others(&held, timing, "the query no longer gives this row", ledger, now);
    }

    /// Too many rows are an error that holds what is there: dropping alerts, as Prometheus does, would resolve them.
    async fn samples(&self, context: &Context, Asked { at, limit }: Asked) -> Result<Vec<Sample>, String> {
        let output =
            context.engine.evaluate(&self.rule.sql, &[], at).await.map_err(|error| error.to_string())?;
        let mut samples = self.rule.samples(&output.batches)?;
        for sample in &mut samples {
            sample.labels.set("tenant", context.config.tenant.as_str());
        }
        if limit > 0 && samples.len() > limit {
            return Err(format!("{} rows exceed the group's limit of {limit}", samples.len()));
        }
        Ok(samples)
    }
}

/// Percent-encodes what a path can't hold as it is.
fn path_segment(name: &str) -> String {
    let mut segment = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}
