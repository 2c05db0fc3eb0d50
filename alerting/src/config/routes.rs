//! The route tree and the rules of inhibition, with what each route takes from the one above it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_saphyr::Spanned;

use super::check::{Report, line};
use super::file::{InhibitNode, RouteNode, Text};
use super::time_intervals::check_names;
use crate::inhibit::InhibitRule;
use crate::matcher::{MatchOp, Matcher, Note, Parsed, is_label_name, parse_with_note};
use crate::route::{GroupBy, Route, Timing};

/// Unless it is started with another.
const ALERTMANAGERS_RETENTION: Duration = Duration::from_secs(120 * 3600);

/// The names that routes may use.
pub(super) struct Known {
    pub(super) receivers: BTreeSet<String>,
    pub(super) time_intervals: BTreeSet<String>,
}

pub(super) fn root(node: &Spanned<RouteNode>, known: &Known, report: &mut Report) -> Route {
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

pub(super) fn inhibit_rule(node: &InhibitNode, report: &mut Report) -> InhibitRule {
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
                note(text, &parsed, report);
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

/// Alertmanager is on its way to the UTF-8 grammar: what changes there is worth changing today.
fn note(text: &Text, parsed: &Parsed, report: &mut Report) {
    let matchers: Vec<String> = parsed.matchers.iter().map(ToString::to_string).collect();
    let better = matchers.join(",");
    match parsed.note {
        Some(Note::ClassicOnly) => report.warn(
            line(text),
            format!("the matcher `{}` is of the classic grammar only: write {better}", text.value),
        ),
        Some(Note::Disagreement) => report.warn(
            line(text),
            format!("the grammars of matchers disagree about `{}`, which is read as {better}: write it so that they agree", text.value),
        ),
        None => {}
    }
}
