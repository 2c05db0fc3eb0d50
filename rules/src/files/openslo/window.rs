//! `timeWindow`: one that rolls, or one of the calendar.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::duration;
use super::object::Metadata;
use crate::finding::{Finding, Place};
use crate::objective::ClockDraft;

const DEFAULT_WINDOW: &str = "28d";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TimeWindow {
    duration: Spanned<String>,
    is_rolling: Option<Spanned<bool>>,
    calendar: Option<Spanned<Calendar>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Calendar {
    start_time: Spanned<String>,
    time_zone: Spanned<String>,
}

/// The length as the short form writes it, and where periods begin if they follow the calendar.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) length: Spanned<String>,
    calendar: Option<Calendar>,
}

impl Window {
    pub(super) fn clock(&self, own: ClockDraft) -> ClockDraft {
        let Some(Calendar { start_time, time_zone }) = self.calendar.clone() else { return own };
        ClockDraft { starts: Some(start_time), time_zone: Some(time_zone), ..own }
    }
}

pub(super) fn one(
    windows: Option<&Spanned<Vec<TimeWindow>>>,
    metadata: &Metadata,
    file: &Path,
) -> Result<Window, Finding> {
    let Some(windows) = windows else {
        let name = &metadata.name;
        let length = Spanned::new(DEFAULT_WINDOW.to_owned(), name.referenced, name.defined);
        return Ok(Window { length, calendar: None });
    };
    let [window] = windows.value.as_slice() else {
        return Err(Place::of(file, windows).error("timeWindow has exactly one element: keep one"));
    };
    let place = Place::of(file, &window.duration);
    match (window.is_rolling.as_ref().map(|rolling| rolling.value), &window.calendar) {
        (Some(true) | None, None) => {
            let length = duration::spell(duration::read(&window.duration, file)?);
            let length = Spanned::new(length, window.duration.referenced, window.duration.defined);
            Ok(Window { length, calendar: None })
        }
        (Some(false) | None, Some(calendar)) => {
            Ok(Window { length: window.duration.clone(), calendar: Some(calendar.value.clone()) })
        }
        (Some(true), Some(_)) => {
            Err(place.error("a window rolls or follows the calendar: write `isRolling: false`, or remove `calendar`"))
        }
        (Some(false), None) => Err(place.error(
            "a window that does not roll follows a calendar: add `calendar: {startTime: 2026-01-01 00:00:00, timeZone: \
             Europe/Berlin}`",
        )),
    }
}
