//! `calendars.yml`, read strictly: unknown keys are refused, every finding has its line and its cure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use plimsoll_model::Labels;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::cut_off::CutOff;
use super::entry::{Entry, Hours};
use super::interval::Interval;
use super::{Calendar, Calendars, Kind, zone};
use crate::finding::{Finding, Place};
use crate::objective::is_object_name;

mod fields;
mod moments;

pub(crate) use moments::day_or_moment;

use fields::{DaysText, minutes, read_days, times_of_day};
use moments::SpanText;

const LARGEST: usize = 1024 * 1024;

/// Where calendars stand, and what they are when a pack brings them along.
#[derive(Debug)]
pub(crate) struct CalendarFile {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    time_zone: Option<Spanned<String>>,
    #[serde(default)]
    calendars: Vec<CalendarText>,
    #[serde(default)]
    cut_offs: Vec<Spanned<CutOffText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarText {
    name: Spanned<String>,
    kind: Kind,
    reason: Option<String>,
    time_zone: Option<Spanned<String>>,
    warehouse: Option<OneOrMany>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    time_intervals: Vec<IntervalText>,
    #[serde(default)]
    spans: Vec<SpanText>,
    #[serde(default)]
    minus: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntervalText {
    #[serde(default)]
    times: Vec<TimeText>,
    #[serde(default)]
    weekdays: Vec<Spanned<String>>,
    #[serde(default)]
    days_of_month: Vec<Spanned<String>>,
    #[serde(default)]
    months: Vec<Spanned<String>>,
    #[serde(default)]
    years: Vec<Spanned<String>>,
    location: Option<Spanned<String>>,
    warehouse: Option<OneOrMany>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeText {
    start_time: Spanned<String>,
    end_time: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CutOffText {
    name: Option<String>,
    warehouse: Option<OneOrMany>,
    carrier: Option<OneOrMany>,
    time_zone: Option<Spanned<String>>,
    times: Vec<CutOffTimeText>,
    #[serde(default)]
    minus: Vec<Spanned<String>>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CutOffTimeText {
    time: Spanned<String>,
    #[serde(default)]
    weekdays: Vec<Spanned<String>>,
    #[serde(default)]
    days_of_month: Vec<Spanned<String>>,
    #[serde(default)]
    months: Vec<Spanned<String>>,
    #[serde(default)]
    years: Vec<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl CalendarFile {
    /// All findings at once; what has none is there.
    pub(crate) fn read(&self, findings: &mut Vec<Finding>) -> Calendars {
        if self.text.len() > LARGEST {
            let message =
                format!("the file has more than {LARGEST} bytes: keep calendars shorter, with rrule");
            findings.push(Place::new(&self.file, 1).error(message));
            return Calendars::default();
        }
        if self.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Calendars::default();
        }
        let text: FileText = match serde_saphyr::from_str(&self.text) {
            Ok(text) => text,
            Err(error) => {
                findings.push(crate::files::unreadable(&self.file, 1, &error));
                return Calendars::default();
            }
        };
        let mut reader = Reader { file: &self.file, findings, zone: Tz::UTC };
        reader.zone = reader.zone_of(text.time_zone.as_ref(), Tz::UTC);
        reader.read(text)
    }
}

struct Reader<'a> {
    file: &'a Path,
    findings: &'a mut Vec<Finding>,
    /// The file's own.
    zone: Tz,
}

impl Reader<'_> {
    fn read(&mut self, text: FileText) -> Calendars {
        let mut texts: BTreeMap<String, (CalendarText, Place)> = BTreeMap::new();
        let mut order = Vec::new();
        for calendar in text.calendars {
            let (name, place) = (calendar.name.value.clone(), Place::of(self.file, &calendar.name));
            if !is_object_name(&name) {
                let message = format!(
                    "`{name}` can't name a calendar: use at most 63 lower-case letters, digits and `-`"
                );
                self.findings.push(place.error(message));
            } else if let Some((_, first)) = texts.get(&name) {
                let message =
                    format!("the calendar `{name}` is already defined in line {}: rename one", first.line);
                self.findings.push(place.error(message));
            } else {
                order.push(name.clone());
                texts.insert(name, (calendar, place));
            }
        }
        let names: Vec<String> = texts.keys().cloned().collect();
        let mut done: BTreeMap<String, Arc<Calendar>> = BTreeMap::new();
        for name in &order {
            self.build(name, &mut texts, &names, &mut done);
        }
        let calendars: Vec<_> = order.iter().filter_map(|name| done.get(name).cloned()).collect();
        let mut cut_offs = Vec::new();
        for cut_off in text.cut_offs {
            self.cut_off(cut_off, &names, &done, &mut cut_offs);
        }
        Calendars { calendars, cut_offs }
    }

    /// What it is taken from is built first; who waits for itself is a circle.
    fn build(
        &mut self,
        name: &str,
        texts: &mut BTreeMap<String, (CalendarText, Place)>,
        names: &[String],
        done: &mut BTreeMap<String, Arc<Calendar>>,
    ) {
        let Some((text, place)) = texts.remove(name) else { return };
        for other in &text.minus {
            self.build(&other.value, texts, names, done);
        }
        let minus = self.minus(&text.minus, names, done);
        let zone = self.zone_of(text.time_zone.as_ref(), self.zone);
        let scopes = self.scopes(Vec::new(), text.warehouse, text.labels, &place);
        let is_empty = text.time_intervals.is_empty() && text.spans.is_empty();
        let mut entries = Vec::new();
        for interval in text.time_intervals {
            self.interval(interval, zone, &scopes, &place, &mut entries);
        }
        for span in text.spans {
            self.span(span, zone, &scopes, &mut entries);
        }
        if is_empty {
            let message = format!("the calendar `{name}` has no hours: give it `time_intervals` or `spans`");
            self.findings.push(place.error(message));
        }
        let calendar =
            Calendar { name: name.to_owned(), kind: text.kind, reason: text.reason, entries, minus };
        done.insert(name.to_owned(), Arc::new(calendar));
    }

    fn minus(
        &mut self,
        wanted: &[Spanned<String>],
        names: &[String],
        done: &BTreeMap<String, Arc<Calendar>>,
    ) -> Vec<Arc<Calendar>> {
        let mut minus = Vec::new();
        for other in wanted {
            let place = Place::of(self.file, other);
            match done.get(&other.value) {
                Some(calendar) => minus.push(Arc::clone(calendar)),
                None if names.contains(&other.value) => {
                    let message =
                        format!("`{}` is taken from itself in a circle: remove one `minus`", other.value);
                    self.findings.push(place.error(message));
                }
                None => {
                    let known = names.join(", ");
                    let message =
                        format!("there is no calendar `{}` in this file: there are {known}", other.value);
                    self.findings.push(place.error(message));
                }
            }
        }
        minus
    }

    fn interval(
        &mut self,
        text: IntervalText,
        zone: Tz,
        scopes: &[Labels],
        place: &Place,
        entries: &mut Vec<Entry>,
    ) {
        let zone = self.zone_of(text.location.as_ref(), zone);
        let days = DaysText {
            weekdays: &text.weekdays,
            days_of_month: &text.days_of_month,
            months: &text.months,
            years: &text.years,
        };
        let days = read_days(&days, self.file, self.findings);
        let pairs = text.times.iter().map(|time| (&time.start_time, &time.end_time));
        let times = times_of_day(pairs, self.file, self.findings);
        let hours = Hours::Interval(Interval { days, times, zone });
        let scopes = self.scopes(scopes.to_vec(), text.warehouse, text.labels, place);
        entries.extend(scopes.into_iter().map(|scope| Entry {
            hours: hours.clone(),
            scope,
            reason: text.reason.clone(),
        }));
    }

    fn span(&mut self, text: SpanText, zone: Tz, scopes: &[Labels], entries: &mut Vec<Entry>) {
        let place = Place::of(self.file, &text.start);
        let zone = self.zone_of(text.time_zone.as_ref(), zone);
        let Some(occurrences) = text.occurrences(zone, self.file, self.findings) else { return };
        let hours = Hours::Occurrences(occurrences);
        let scopes = self.scopes(scopes.to_vec(), text.warehouse, text.labels, &place);
        entries.extend(scopes.into_iter().map(|scope| Entry {
            hours: hours.clone(),
            scope,
            reason: text.reason.clone(),
        }));
    }

    /// An entry's own scope in place of the calendar's; a label with several values is several scopes.
    fn scopes(
        &mut self,
        of_calendar: Vec<Labels>,
        warehouse: Option<OneOrMany>,
        labels: BTreeMap<String, String>,
        place: &Place,
    ) -> Vec<Labels> {
        if warehouse.is_none() && labels.is_empty() && !of_calendar.is_empty() {
            return of_calendar;
        }
        if warehouse.is_some() && labels.contains_key("warehouse") {
            self.findings
                .push(place.error("`warehouse` stands there twice, once among the labels: keep one"));
        }
        let warehouses = warehouse.map_or_else(|| vec![String::new()], OneOrMany::into_list);
        let scope = |warehouse: String| {
            let mut scope: Labels = labels.iter().collect();
            if !warehouse.is_empty() {
                scope.set("warehouse", warehouse);
            }
            scope
        };
        warehouses.into_iter().map(scope).collect()
    }

    fn cut_off(
        &mut self,
        text: Spanned<CutOffText>,
        names: &[String],
        done: &BTreeMap<String, Arc<Calendar>>,
        cut_offs: &mut Vec<CutOff>,
    ) {
        let place = Place::of(self.file, &text);
        let text = text.value;
        let zone = self.zone_of(text.time_zone.as_ref(), self.zone);
        let minus = self.minus(&text.minus, names, done);
        let mut times = Vec::new();
        for time in &text.times {
            let days = DaysText {
                weekdays: &time.weekdays,
                days_of_month: &time.days_of_month,
                months: &time.months,
                years: &time.years,
            };
            let days = read_days(&days, self.file, self.findings);
            match minutes(&time.time.value) {
                Ok(minute) => times.push((days, minute)),
                Err(message) => self.findings.push(Place::of(self.file, &time.time).error(message)),
            }
        }
        if text.times.is_empty() {
            self.findings
                .push(place.error("the cut-off has no `times`: give it one, such as `- time: \"17:00\"`"));
        }
        let names_of = |list: Option<OneOrMany>| match list {
            Some(list) => list.into_list().into_iter().map(Some).collect(),
            None => vec![None],
        };
        for warehouse in names_of(text.warehouse) {
            for carrier in names_of(text.carrier.clone()) {
                if cut_offs.iter().any(|other| other.warehouse == warehouse && other.carrier == carrier) {
                    let message = "this warehouse and carrier have a cut-off already: put its times there";
                    self.findings.push(place.error(message));
                }
                cut_offs.push(CutOff {
                    name: text.name.clone().unwrap_or_else(|| "cut-off".to_owned()),
                    warehouse: warehouse.clone(),
                    carrier,
                    times: times.clone(),
                    zone,
                    minus: minus.clone(),
                    reason: text.reason.clone(),
                });
            }
        }
    }

    fn zone_of(&mut self, name: Option<&Spanned<String>>, otherwise: Tz) -> Tz {
        let Some(name) = name else { return otherwise };
        zone::named(&name.value).unwrap_or_else(|message| {
            self.findings.push(Place::of(self.file, name).error(message));
            otherwise
        })
    }
}
