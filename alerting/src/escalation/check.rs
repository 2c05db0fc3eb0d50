//! From the file as it is written to policies and schedules: every finding at once, each with its line and its cure.

mod schedules;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::file::{File, OneOrMany, PolicyNode, StepNode, Text, UrgencyNode};
use super::{Escalations, Known, Policy, Step, Target, Urgency, UrgencyRule};
use crate::config::{Finding, parse_duration};
use crate::matcher::parse_matchers;

/// As GoAlert and PagerDuty have it: more rounds wake nobody whom the first ones didn't.
const MAX_REPEAT: u32 = 9;
const MAX_STEPS: usize = 100;
/// A shorter time is a slip of the pen, and a storm of messages.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(90 * 86_400);

pub(super) fn check(file: File, path: &Path, known: &Known) -> (Option<Escalations>, Vec<Finding>) {
    let mut report =
        Report { path, known, schedules: file.schedules.keys().cloned().collect(), findings: vec![] };
    let schedules = file.schedules.into_iter();
    let schedules =
        schedules.filter_map(|(name, node)| Some((name, schedules::schedule(node, &mut report)?)));
    let schedules = schedules.collect();
    let mut policies = std::collections::BTreeMap::new();
    for (name, node) in file.receivers {
        if !known.receivers.contains(&name) {
            report.undefined(line(&node), "receiver", &name, &known.receivers);
        }
        policies.insert(name, policy(node, &mut report));
    }
    let findings = report.findings;
    let is_good = findings.iter().all(|finding| !finding.is_error);
    (is_good.then_some(Escalations { policies, schedules }), findings)
}

/// Collects findings, and knows which names there are.
#[derive(Debug)]
struct Report<'r> {
    path: &'r Path,
    known: &'r Known,
    schedules: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn error(&mut self, line: u64, message: impl Into<String>) {
        let finding = Finding { file: self.path.to_owned(), line, message: message.into(), is_error: true };
        self.findings.push(finding);
    }

    fn undefined(&mut self, line: u64, what: &str, name: &str, known: &BTreeSet<String>) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let cure = if known.is_empty() {
            "there is none to use".to_owned()
        } else {
            format!("define it, or use one of {}", known.join(", "))
        };
        self.error(line, format!("undefined {what} `{name}`: {cure}"));
    }

    /// A receiver of the routing file.
    fn receiver(&mut self, text: &Text) -> String {
        let known = self.known;
        if !known.receivers.contains(&text.value) {
            self.undefined(line(text), "receiver", &text.value, &known.receivers);
        }
        text.value.clone()
    }

    fn duration(&mut self, text: Option<&Text>, key: &str) -> Option<Duration> {
        let text = text?;
        match parse_duration(&text.value) {
            Ok(duration) if (SHORTEST..=LONGEST).contains(&duration) => Some(duration),
            Ok(_) => {
                self.error(line(text), format!("`{key}` is out of range: 1s to 90d"));
                None
            }
            Err(message) => {
                self.error(line(text), message);
                None
            }
        }
    }
}

fn line<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
}

fn policy(node: Spanned<PolicyNode>, report: &mut Report<'_>) -> Policy {
    let at = line(&node);
    let node = node.value;
    if node.steps.is_empty() {
        report.error(at, "a policy has no `steps`: say who is told, and after which delay");
    }
    let steps = steps(&node.steps, report);
    let low_urgency_steps = self::steps(&node.low_urgency_steps, report);
    let urgency: Vec<UrgencyRule> = node.urgency.into_iter().map(|rule| urgency_rule(rule, report)).collect();
    if !low_urgency_steps.is_empty() && urgency.iter().all(|rule| rule.is == Urgency::High) {
        report.error(at, "low_urgency_steps are never gone: no rule of `urgency` says `is: low`");
    }
    let repeat = node.repeat.as_ref().map_or(0, |repeat| repeat.value);
    if let Some(repeat) = node.repeat.filter(|repeat| repeat.value > MAX_REPEAT) {
        report.error(line(&repeat), format!("`repeat` is at most {MAX_REPEAT}"));
    }
    let repeat_after = report.duration(node.repeat_after.as_ref(), "repeat_after");
    let last_delays = [&steps, &low_urgency_steps].map(|steps| steps.last().map(|step| step.delay));
    let longest = last_delays.into_iter().flatten().max().filter(|delay| !delay.is_zero());
    if repeat > 0 && repeat_after.or(longest).is_none() {
        report.error(at, "`repeat` needs to know when: add repeat_after, counted from the last step");
    }
    Policy {
        urgency,
        steps,
        low_urgency_steps,
        repeat,
        repeat_after: repeat_after.or(longest).unwrap_or_default(),
        ack_timeout: report.duration(node.ack_timeout.as_ref(), "ack_timeout"),
        renotify: report.duration(node.renotify.as_ref(), "renotify"),
        auto_resolve: report.duration(node.auto_resolve.as_ref(), "auto_resolve"),
    }
}

fn steps(nodes: &[Spanned<StepNode>], report: &mut Report<'_>) -> Vec<Step> {
    if let Some(node) = nodes.get(MAX_STEPS) {
        report.error(line(node), format!("a policy has at most {MAX_STEPS} steps"));
    }
    nodes.iter().enumerate().map(|(place, node)| step(place, node, report)).collect()
}

fn step(place: usize, node: &Spanned<StepNode>, report: &mut Report<'_>) -> Step {
    let at = line(node);
    let mut targets: Vec<Target> = Vec::new();
    for name in &node.value.receivers {
        targets.push(Target::Receiver(report.receiver(name)));
    }
    if let Some(name) = &node.value.schedule {
        if !report.schedules.contains(&name.value) {
            let known = report.schedules.clone();
            report.undefined(line(name), "schedule", &name.value, &known);
        }
        targets.push(Target::Schedule(name.value.clone()));
    }
    if targets.is_empty() {
        report.error(at, "a step tells nobody: name `receivers` of the routing file, or a `schedule`");
    }
    Step { targets, delay: delay(place, node, report) }
}

/// The first step goes with the group's first notification, so it can't wait; every other one has to.
fn delay(place: usize, node: &Spanned<StepNode>, report: &mut Report<'_>) -> Duration {
    let written = node.value.delay.as_ref();
    let is_zero = written.is_none_or(|text| parse_duration(&text.value) == Ok(Duration::ZERO));
    if place == 0 {
        if !is_zero {
            let at = written.map_or_else(|| line(node), line);
            let cure = "a delay counts from the step before, so put it on the step that shall wait; \
                        to let the first one wait, set group_wait on the route";
            report.error(at, format!("the first step is told with the group's first notification: {cure}"));
        }
        return Duration::ZERO;
    }
    if is_zero {
        report.error(line(node), "a step after the first needs a `delay`, counted from the step before");
        return Duration::ZERO;
    }
    report.duration(written, "delay").unwrap_or_default()
}

fn urgency_rule(node: Spanned<UrgencyNode>, report: &mut Report<'_>) -> UrgencyRule {
    let UrgencyNode { when, is } = node.value;
    let mut matchers = Vec::new();
    for text in &when.matchers {
        match parse_matchers(&text.value) {
            Ok(parsed) => matchers.extend(parsed),
            Err(error) => report.error(line(text), error.to_string()),
        }
    }
    for (name, least) in &when.min_impact {
        if !name.starts_with("impact_") {
            let cure = "it compares what a rule's columns impact_* say";
            report.error(line(least), format!("min_impact names `{name}`: {cure}"));
        }
        if !least.value.is_finite() {
            report.error(line(least), "min_impact takes plain numbers");
        }
    }
    UrgencyRule {
        severities: when.severity.map(OneOrMany::into_vec).unwrap_or_default(),
        matchers,
        min_impact: when.min_impact.into_iter().map(|(name, least)| (name, least.value)).collect(),
        during: when.during.map(|name| name.value),
        outside: when.outside.map(|name| name.value),
        is,
    }
}
