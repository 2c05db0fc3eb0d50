//! The objectives of an expanded SLO: one, or those of a composite.

use serde::Serialize;

use super::Indicator;
use crate::files::openslo::spell_duration;
use crate::objective::{Budgeting, Component, Objective, Op, Sli};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    target_percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<Op>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_slice_target: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_slice_window: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicator: Option<Indicator<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    composite_weight: Option<f64>,
}

pub(super) fn of(objective: &Objective) -> Vec<Target<'_>> {
    let slice =
        (objective.budgeting != Budgeting::Occurrences).then(|| spell_duration(objective.budgeting.slice()));
    if let Sli::Composite(components) = &objective.sli {
        return components.iter().map(|component| of_component(component, slice.clone())).collect();
    }
    let (op, value) = compared(&objective.sli);
    let time_slice_target = match objective.budgeting {
        Budgeting::Timeslices { target, .. } => Some(target),
        Budgeting::Occurrences | Budgeting::RatioTimeslices { .. } => None,
    };
    let (target_percent, display_name, indicator, composite_weight) = (objective.percent, None, None, None);
    let time_slice_window = slice;
    vec![Target {
        display_name,
        target_percent,
        op,
        value,
        time_slice_target,
        time_slice_window,
        indicator,
        composite_weight,
    }]
}

fn of_component(component: &Component, time_slice_window: Option<String>) -> Target<'_> {
    let (op, value) = compared(&component.sli);
    Target {
        display_name: Some(&component.name),
        target_percent: component.percent,
        op,
        value,
        time_slice_target: component.slice_target,
        time_slice_window,
        indicator: Indicator::of(&component.name, &component.query, &component.sli),
        composite_weight: Some(component.weight),
    }
}

/// Composites are kept as slices of time, whichever way these are judged.
pub(super) fn method(objective: &Objective) -> &'static str {
    match &objective.sli {
        Sli::Composite(components) if components.iter().any(|it| it.slice_target.is_some()) => "Timeslices",
        _ => objective.budgeting.name(),
    }
}

const fn compared(sli: &Sli) -> (Option<Op>, Option<f64>) {
    match sli {
        Sli::Threshold { op, value } => (Some(*op), Some(*value)),
        _ => (None, None),
    }
}
