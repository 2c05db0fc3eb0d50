//! From the file as it is written to a `Routing`: Alertmanager's validation, every finding at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use serde_saphyr::Spanned;

use super::duration::parse_duration;
use super::file::{File, InhibitNode, RouteNode, Text};
use super::receivers::check_receivers;
use super::time_intervals::{check_names, check_time_intervals};
use super::{Config, Finding, Routing};
use crate::escalation::Escalations;
use crate::inhibit::InhibitRule;
use crate::matcher::{MatchOp, Matcher, Note, Parsed, is_label_name, parse_with_note};
use crate::route::{GroupBy, Route, Timing};
use crate::template::{Definitions, Mode, Template, TemplateError};

/// Unless it is started with another.
const ALERTMANAGERS_RETENTION: Duration = Duration::from_secs(120 * 3600);
const DEFAULT_RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) fn check(mut file: File, config: &Config) -> (Option<Routing>, Vec<Finding>) {
    let mut report = Report::new(config.file.clone());
    report.load_templates(&file.templates);
    let resolve_timeout =
        report.duration(file.global.resolve_timeout.as_ref()).unwrap_or(DEFAULT_RESOLVE_TIMEOUT);
    let receivers = check_receivers(std::mem::take(&mut file.receivers), &file.global, &mut report);
    let inhibit_rules =
        std::mem::take(&mut file.inhibit_rules).iter().map(|node| inhibit_rule(node, &mut report)).collect();
    let mut intervals = std::mem::take(&mut file.mute_time_intervals);
    intervals.append(&mut file.time_intervals);
    let time_intervals = check_time_intervals(&intervals, local_zone(config, &mut report), &mut report);
    let known = Known {
        receivers: receivers.keys().cloned().collect(),
        time_intervals: time_intervals.0.keys().cloned().collect(),
    };
    let root = match &file.route {
        Some(node) => Some(root(node, &known, &mut report)),
        None => {
            report.error(1, "there is no `route`: add one with a default receiver");
            None
        }
    };
    let findings = report.findings;
    let routing = root.filter(|_| findings.iter().all(|finding| !finding.is_error)).map(|root| Routing {
        root,
        inhibit_rules,
        receivers,
        time_intervals,
        resolve_timeout,
        shown: String::new(),
        escalations: Escalations::default(),
    });
    (routing, findings)
}

/// Collects findings and the places they are about.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) findings: Vec<Finding>,
    /// What texts of the file may call.
    definitions: Definitions,
}

impl Report {
    fn new(file: PathBuf) -> Self {
        Self { file, findings: Vec::new(), definitions: Definitions::default() }
    }

    pub(super) fn error(&mut self, line: u64, message: impl Into<String>) {
        self.add(line, message.into(), true);
    }

    pub(super) fn warn(&mut self, line: u64, message: impl Into<String>) {
        self.add(line, message.into(), false);
    }

    fn add(&mut self, line: u64, message: String, is_error: bool) {
        self.findings.push(Finding { file: self.file.clone(), line, message, is_error });
    }

    pub(super) fn duration(&mut self, text: Option<&Text>) -> Option<Duration> {
        let text = text?;
        parse_duration(&text.value).map_err(|message| self.error(line(text), message)).ok()
    }

    /// The files that `templates` names by patterns.
    fn load_templates(&mut self, patterns: &[Text]) {
        let paths: Vec<PathBuf> =
            patterns.iter().map(|text| self.resolve(PathBuf::from(&text.value))).collect();
        let (definitions, errors) = Definitions::load(&paths);
        self.definitions = definitions;
        let finding = |error: TemplateError| Finding {
            file: error.origin.into(),
            line: u64::try_from(error.line).unwrap_or(1),
            message: error.message,
            is_error: true,
        };
        self.findings.extend(errors.into_iter().map(finding));
    }

    /// A text of the file that may hold actions; `None` with a finding when it can't be used.
    pub(super) fn template(&mut self, text: &Text, key: &str, mode: Mode) -> Option<Template> {
        let parsed = Template::parse(key, &text.value, mode, &self.definitions);
        let refused = |error: TemplateError| {
            let below = if error.line > 1 { format!(" (its line {})", error.line) } else { String::new() };
            let place = if error.origin == key {
                String::new()
            } else {
                format!(" in {}:{}", error.origin, error.line)
            };
            self.error(line(text), format!("`{key}`{below}{place}: {}", error.message));
        };
        parsed.map_err(refused).ok()
    }

    /// Alertmanager is on its way to the UTF-8 grammar: what changes there is worth changing today.
    fn note(&mut self, text: &Text, parsed: &Parsed) {
        let matchers: Vec<String> = parsed.matchers.iter().map(ToString::to_string).collect();
        let better = matchers.join(",");
        match parsed.note {
            Some(Note::ClassicOnly) => self.warn(
                line(text),
                format!("the matcher `{}` is of the classic grammar only: write {better}", text.value),
            ),
            Some(Note::Disagreement) => self.warn(
                line(text),
                format!("the grammars of matchers disagree about `{}`, which is read as {better}: write it so that they agree", text.value),
            ),
            None => {}
        }
    }

    /// Relative paths are relative to the file, as in Alertmanager.
    pub(super) fn resolve(&self, path: PathBuf) -> PathBuf {
        self.file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
    }
}

pub(super) fn line<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
}

/// The names that routes may use.
struct Known {
    receivers: BTreeSet<String>,
    time_intervals: BTreeSet<String>,
}

fn local_zone(config: &Config, report: &mut Report) -> Tz {
    let Some(name) = &config.local_time_zone else {
        return Tz::UTC;
    };
    name.parse().unwrap_or_else(|_| {
        report.warn(
            0,
            format!(
                "this machine's time zone is `{name}`, which has no name in the IANA database: `Local` is UTC"
            ),
        );
        Tz::UTC
    })
}

fn root(node: &Spanned<RouteNode>, known: &Known, report: &mut Report) -> Route {
    let top = &node.value;
    if !(top.matchers.is_empty() && top.r#match.is_empty() && top.match_re.is_empty()) {
        report.error(
            line(node),
            "the root route must match everything: move its matchers into a route below it",
        );
    }
    if top.r#continue {
        report.error(line(node), "the root route has no sibling to continue with: remove `continue`");
    }
    if top.receiver.as_ref().is_none_or(|name| name.value.is_empty()) {
        report.error(line(node), "the root route has no receiver: name one for what no other route takes");
    }
    if let Some(name) = top.mute_time_intervals.iter().chain(&top.active_time_intervals).next() {
        report.error(
            line(name),
            "the root route cannot be muted: move the time interval into a route below it",
        );
    }
    let above = Inherited {
        path: String::new(),
        receiver: String::new(),
        group_by: GroupBy::none(),
        timing: Timing::default(),
    };
    route(node, &above, known, report)
}

/// What a route takes from the one above it.
struct Inherited {
    path: String,
    receiver: String,
    group_by: GroupBy,
    timing: Timing,
}

fn route(node: &Spanned<RouteNode>, above: &Inherited, known: &Known, report: &mut Report) -> Route {
    let here = &node.value;
    let matchers = matchers(&here.matchers, &here.r#match, &here.match_re, report);
    let named = here.receiver.as_ref().filter(|name| !name.value.is_empty());
    let receiver = named.map_or_else(|| above.receiver.clone(), |name| name.value.clone());
    if let Some(name) = named.filter(|name| !known.receivers.contains(&name.value)) {
        let receivers = known.receivers.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("undefined receiver `{}`: define it, or use one of {receivers}", name.value);
        report.error(line(name), message);
    }
    let group_by =
        here.group_by.as_ref().map_or_else(|| above.group_by.clone(), |names| group_by(names, report));
    let timing = timing(here, line(node), above.timing, report);
    let path = Route::path_below(&above.path, &matchers);
    let inherited =
        Inherited { path: path.clone(), receiver: receiver.clone(), group_by: group_by.clone(), timing };
    let routes = here.routes.iter().map(|child| route(child, &inherited, known, report)).collect();
    // Not inherited: a muted route's children speak.
    let mut names = |texts: &[Text]| check_names(texts, &known.time_intervals, report);
    Route {
        muted_during: names(&here.mute_time_intervals),
        active_during: names(&here.active_time_intervals),
        path,
        matchers,
        receiver,
        group_by,
        timing,
        continues: here.r#continue,
        routes,
    }
}

fn timing(node: &RouteNode, at: u64, above: Timing, report: &mut Report) -> Timing {
    let timing = Timing {
        group_wait: report.duration(node.group_wait.as_ref()).unwrap_or(above.group_wait),
        group_interval: report.duration(node.group_interval.as_ref()).unwrap_or(above.group_interval),
        repeat_interval: report.duration(node.repeat_interval.as_ref()).unwrap_or(above.repeat_interval),
    };
    if timing.group_interval.is_zero() {
        report.error(at, "group_interval cannot be zero: use 5m, or at least 1s");
    }
    if timing.repeat_interval.is_zero() {
        report.error(at, "repeat_interval cannot be zero: use 4h, or whatever a reminder may cost");
    }
    if timing.repeat_interval > ALERTMANAGERS_RETENTION && timing != above {
        report.warn(
            at,
            "repeat_interval is longer than the 120 h after which Alertmanager forgets whom it told and tells again; here it holds as written",
        );
    }
    if timing.repeat_interval < timing.group_interval && timing != above {
        report.warn(
            at,
            "repeat_interval is shorter than group_interval, on whose ticks it is checked: raise it",
        );
    }
    timing
}

fn group_by(names: &Spanned<Vec<String>>, report: &mut Report) -> GroupBy {
    let set: BTreeSet<String> = names.value.iter().cloned().collect();
    if set.len() < names.value.len() {
        report.error(line(names), "a label stands twice in group_by: remove one");
    }
    if set.contains("") {
        report.error(line(names), "group_by holds an empty label name: remove it");
    }
    if !set.contains("...") {
        return GroupBy::Labels(set);
    }
    if set.len() > 1 {
        report.error(line(names), "'...' in group_by means every label: let it stand alone");
    }
    GroupBy::All
}

fn inhibit_rule(node: &InhibitNode, report: &mut Report) -> InhibitRule {
    InhibitRule {
        source: matchers(&node.source_matchers, &node.source_match, &node.source_match_re, report),
        target: matchers(&node.target_matchers, &node.target_match, &node.target_match_re, report),
        equal: node.equal.clone(),
    }
}

/// The new style and both deprecated ones together; sorted, so that the route's path doesn't depend on their order.
fn matchers(
    new_style: &[Text],
    equal: &BTreeMap<String, Text>,
    regex: &BTreeMap<String, Text>,
    report: &mut Report,
) -> Vec<Matcher> {
    let mut matchers = Vec::new();
    for text in new_style {
        match parse_with_note(&text.value) {
            Ok(parsed) => {
                report.note(text, &parsed);
                matchers.extend(parsed.matchers);
            }
            Err(error) => report.error(line(text), error.to_string()),
        }
    }
    let deprecated = [(MatchOp::Equal, equal), (MatchOp::Regex, regex)];
    for (op, pairs) in deprecated {
        for (name, value) in pairs {
            if !is_label_name(name) {
                report.error(
                    line(value),
                    format!("`{name}` is no label name of the classic kind: use matchers"),
                );
            }
            // Alertmanager anchors these as it reads them, and what it shows, group keys among it, has the anchors.
            let anchored = (op == MatchOp::Regex).then(|| format!("^(?:{})$", value.value));
            match Matcher::new(name, op, anchored.as_ref().unwrap_or(&value.value)) {
                Ok(matcher) => matchers.push(matcher),
                Err(error) => report.error(line(value), error.to_string()),
            }
        }
    }
    matchers.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    matchers
}
