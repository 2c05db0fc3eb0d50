//! A composite SLO: every objective has an indicator of its own, and a weight. It is one objective: in each slice of time the
//! mean of the components' ratios by weight, against the mean of their targets by weight. Components that are each exactly
//! as good as they must be make a composite that is.

use std::path::Path;

use serde_saphyr::Spanned;

use super::indicator::Indicator;
use super::objectives::{Target, suffix};
use super::{Library, Measured, SloSpec, indicator_of};
use crate::finding::{Finding, Place};
use crate::objective::{Budgeting, Component, Sli, mean_percent, statement};

pub(super) fn of(
    spec: &SloSpec,
    method: &str,
    library: &Library,
    name: &Spanned<String>,
    file: &Path,
) -> Result<Measured, Finding> {
    let place = Place::of(file, name);
    if spec.indicator.is_some() || spec.indicator_ref.is_some() {
        let message =
            "the SLO has an indicator and so have its objectives: keep it there, or in every objective";
        return Err(place.error(message));
    }
    let (mut components, mut places) = (Vec::new(), Vec::new());
    let (mut first, mut slice) = (None, None);
    for (number, target) in spec.objectives.value.iter().enumerate() {
        let at = Place::of(file, target);
        let (component, indicator, budgeting) = component(&target.value, number, method, library, &at, file)?;
        if *slice.get_or_insert(budgeting.slice()) != budgeting.slice() {
            return Err(
                at.error("the objectives of a composite have the same timeSliceWindow: write it in each")
            );
        }
        components.push(component);
        if first.is_some() {
            places.push(Place::of(file, &indicator.query));
        }
        places.extend(indicator.part);
        first.get_or_insert(indicator.query);
    }
    let (Some(query), Some(window)) = (first, slice) else {
        return Err(place.error("the SLO has no objective: add one with a target"));
    };
    let percent = Spanned::new(mean_percent(&components), name.referenced, name.defined);
    let indicator = Indicator { sli: Sli::Composite(components), query, part: places };
    Ok(Measured { indicator, percent, budgeting: Budgeting::RatioTimeslices { window } })
}

fn component(
    target: &Target,
    number: usize,
    method: &str,
    library: &Library,
    at: &Place,
    file: &Path,
) -> Result<(Component, Indicator, Budgeting), Finding> {
    let budgeting = match target.budgeting(method, at, file)? {
        // Events of one indicator can't be weighed against those of another, but their ratios in a minute can.
        Budgeting::Occurrences => Budgeting::RatioTimeslices { window: MINUTE },
        slices => slices,
    };
    let percent = target.percent(at, file)?;
    if !(percent.value > 0.0 && percent.value < 100.0) {
        return Err(Place::of(file, &percent).error("the target of a component is above 0 and below 1"));
    }
    let stated = (target.indicator.as_ref(), target.indicator_ref.as_ref());
    let indicator = indicator_of(stated, at, target.comparison(file)?, library, at, file)?;
    let component = Component {
        name: suffix(target, number + 1),
        query: statement(&indicator.query.value),
        sli: indicator.sli.clone(),
        percent: percent.value,
        weight: target.weight(file)?,
        slice_target: match budgeting {
            Budgeting::Timeslices { target, .. } => Some(target),
            Budgeting::Occurrences | Budgeting::RatioTimeslices { .. } => None,
        },
    };
    Ok((component, indicator, budgeting))
}

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
