//! From the file as it is written to a `Routing`: Alertmanager's validation, every finding at once.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use serde_saphyr::Spanned;

use super::duration::parse_duration;
use super::file::{File, Text};
use super::receivers::check_receivers;
use super::routes::{Known, inhibit_rule, root};
use super::time_intervals::check_time_intervals;
use super::{Config, Finding, Routing};
use crate::escalation::Escalations;
use crate::template::{Definitions, Mode, Template, TemplateError};

const DEFAULT_RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) fn check(mut file: File, config: &Config) -> (Option<Routing>, Vec<Finding>) {
    let mut report = Report::new(config.file.clone());
    report.load_templates(&file.templates);
    let resolve_timeout =
        report.duration(file.global.resolve_timeout.as_ref()).unwrap_or(DEFAULT_RESOLVE_TIMEOUT);
    let receivers = check_receivers(std::mem::take(&mut file.receivers), &file.global, &mut report);
    let inhibit_rules =
        std::mem::take(&mut file.inhibit_rules).iter().map(|node| inhibit_rule(node, &mut report)).collect();
    if let Some(first) = file.mute_time_intervals.first() {
        report.warn(line(&first.name), "mute_time_intervals is the former name of time_intervals: rename it");
    }
    let mut intervals = std::mem::take(&mut file.mute_time_intervals);
    intervals.append(&mut file.time_intervals);
    let time_intervals = check_time_intervals(&intervals, local_zone(config, &mut report), &mut report);
    let known = Known {
        receivers: receivers.keys().cloned().collect(),
        time_intervals: time_intervals.0.keys().cloned().collect(),
    };
    check_second_channels(config, &known, &mut report);
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

/// The setting stands in plimsoll.toml; the names it may use stand here.
fn check_second_channels(config: &Config, known: &Known, report: &mut Report) {
    for (first, second) in &config.outbound.second_channels.by_receiver {
        for name in [first, second].into_iter().filter(|name| name.as_str() != "*" || *name == second) {
            if !known.receivers.contains(name) {
                report.error(
                    1,
                    format!(
                        "second_channels in [alerting] names `{name}`, which is no receiver of this file"
                    ),
                );
            }
        }
    }
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

    /// Relative paths are relative to the file, as in Alertmanager.
    pub(super) fn resolve(&self, path: PathBuf) -> PathBuf {
        self.file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
    }
}

pub(super) fn line<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
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
