//! Schedules: zones, dates and times on the wall.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;
use serde_saphyr::Spanned;

use super::{Report, line};
use crate::escalation::file::{LayerNode, OverrideNode, RotationNode, ScheduleNode, Text};
use crate::schedule::{Layer, Override, Rotation, Schedule, Unit, first_moment, zone_named};

const MAX_EVERY: u32 = 1_000;
const MAX_PARTICIPANTS: usize = 500;
const FORM: &str = "write it like 2026-01-05T09:00, on the clock of the schedule's time_zone";

pub(super) fn schedule(node: Spanned<ScheduleNode>, report: &mut Report<'_>) -> Option<Schedule> {
    let at = line(&node);
    let mut node = node.value;
    let zone = zone(node.time_zone.as_ref(), at, report);
    let overrides = std::mem::take(&mut node.overrides);
    let layers = layers(node, at, zone, report);
    let overrides = overrides.into_iter().filter_map(|node| stand_in(node, zone, report)).collect();
    Some(Schedule { layers: layers?, overrides })
}

/// No default: whoever is woken by it must be able to read when.
fn zone(text: Option<&Text>, at: u64, report: &mut Report<'_>) -> Tz {
    let Some(text) = text else {
        report.error(
            at,
            "a schedule has no `time_zone`: write a name of the IANA database such as Europe/Berlin or UTC",
        );
        return Tz::UTC;
    };
    zone_named(&text.value).unwrap_or_else(|message| {
        report.error(line(text), message);
        Tz::UTC
    })
}

/// Those listed, or the one whose keys stand in the schedule itself.
fn layers(node: ScheduleNode, at: u64, zone: Tz, report: &mut Report<'_>) -> Option<Vec<Layer>> {
    let own = LayerNode {
        rotation: node.rotation,
        every: node.every,
        start: node.start,
        handoff: node.handoff,
        participants: node.participants,
        restrictions: node.restrictions,
    };
    let has_own = own.rotation.is_some() || !own.participants.is_empty() || own.start.is_some();
    match (has_own, node.layers.is_empty()) {
        (true, false) => {
            report.error(
                at,
                "a schedule has a rotation of its own and `layers`: move the rotation into a layer",
            );
            None
        }
        (false, true) => {
            report.error(
                at,
                "a schedule has nobody in it: add `rotation`, `start` and `participants`, or `layers`",
            );
            None
        }
        (true, true) => Some(vec![layer(own, at, zone, report)?]),
        (false, false) => {
            let layers = node.layers.into_iter().map(|node| {
                let at = line(&node);
                layer(node.value, at, zone, report)
            });
            layers.collect::<Vec<_>>().into_iter().collect()
        }
    }
}

fn layer(node: LayerNode, at: u64, zone: Tz, report: &mut Report<'_>) -> Option<Layer> {
    if node.participants.is_empty() || node.participants.len() > MAX_PARTICIPANTS {
        report.error(
            at,
            format!("a rotation has 1 to {MAX_PARTICIPANTS} `participants`: receivers of the routing file"),
        );
    }
    let participants: Vec<String> = node.participants.iter().map(|name| report.receiver(name)).collect();
    for name in &node.restrictions {
        let known = report.known;
        if !known.time_intervals.contains(&name.value) {
            report.undefined(line(name), "time interval", &name.value, &known.time_intervals);
        }
    }
    if node.rotation.is_none() {
        report.error(at, "a layer has no `rotation`: hourly, daily, weekly or monthly");
    }
    let every = node.every.as_ref().map_or(1, |every| every.value);
    if !(1..=MAX_EVERY).contains(&every) {
        let at = node.every.as_ref().map_or(at, line);
        report.error(
            at,
            format!("`every` is how many hours, days, weeks or months a turn has: 1 to {MAX_EVERY}"),
        );
    }
    let start = start(&node, at, report);
    let rotation = Rotation { unit: unit(node.rotation?), every, start: start?, zone, participants };
    let restrictions = node.restrictions.into_iter().map(|name| name.value).collect();
    (!rotation.participants.is_empty() && every > 0).then_some(Layer { rotation, restrictions })
}

fn unit(rotation: RotationNode) -> Unit {
    match rotation {
        RotationNode::Hourly => Unit::Hour,
        RotationNode::Daily => Unit::Day,
        RotationNode::Weekly => Unit::Week,
        RotationNode::Monthly => Unit::Month,
    }
}

/// A day with `handoff` as its time, or a day and a time in one.
fn start(node: &LayerNode, at: u64, report: &mut Report<'_>) -> Option<NaiveDateTime> {
    let Some(text) = &node.start else {
        report.error(at, "a rotation has no `start`: the day on which the first participant begins");
        return None;
    };
    let handoff = match &node.handoff {
        None => None,
        Some(handoff) => match NaiveTime::parse_from_str(&handoff.value, "%H:%M") {
            Ok(time) => Some(time),
            Err(_) => {
                report.error(line(handoff), "`handoff` is not a time of the day: write it like \"09:00\"");
                return None;
            }
        },
    };
    let day = NaiveDate::parse_from_str(&text.value, "%Y-%m-%d").ok();
    let start = match (day, handoff) {
        (Some(day), handoff) => Some(day.and_time(handoff.unwrap_or_default())),
        (None, None) => on_the_wall(&text.value),
        (None, Some(_)) => None,
    };
    let start = start.filter(|start| in_reach(*start));
    if start.is_none() {
        report.error(line(text), "`start` is not a day: write it like 2026-01-05, and the time as `handoff`");
    }
    start
}

fn stand_in(node: Spanned<OverrideNode>, zone: Tz, report: &mut Report<'_>) -> Option<Override> {
    let node = node.value;
    let participant = report.receiver(&node.participant);
    let mut moment = |text: &Text, key: &str| {
        let found = moment(&text.value, zone);
        if found.is_none() {
            report.error(line(text), format!("`{key}` is not a time: {FORM}"));
        }
        found
    };
    let (from, to) = (moment(&node.start, "start"), moment(&node.end, "end"));
    let (from, to) = (from?, to?);
    if to <= from {
        report.error(line(&node.end), "an override ends before it begins: set `end` after `start`");
        return None;
    }
    Some(Override { from, to, participant })
}

/// On the wall, or with an offset of its own.
fn moment(text: &str, zone: Tz) -> Option<Timestamp> {
    let on_the_wall = on_the_wall(text).filter(|local| in_reach(*local));
    on_the_wall.map(|local| first_moment(zone, local)).or_else(|| Timestamp::parse_rfc3339(text))
}

fn on_the_wall(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    forms.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// Within what moments are counted in, with room for every turn.
fn in_reach(local: NaiveDateTime) -> bool {
    (0..4_102_444_800).contains(&local.and_utc().timestamp())
}
