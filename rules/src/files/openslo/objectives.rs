//! `objectives` of an SLO: targets, how the budget is counted, and what a measurement is compared with.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::duration::MinutesOrText;
use super::indicator::{Comparison, SliSpec};
use super::object::Inline;
use crate::finding::{Finding, Place};
use crate::objective::{Budgeting, Op};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Target {
    pub(super) display_name: Option<Spanned<String>>,
    target: Option<Spanned<f64>>,
    target_percent: Option<Spanned<f64>>,
    op: Option<Spanned<String>>,
    value: Option<Spanned<f64>>,
    time_slice_target: Option<Spanned<f64>>,
    time_slice_window: Option<Spanned<MinutesOrText>>,
    #[serde(alias = "sli")]
    pub(super) indicator: Option<Spanned<Inline<SliSpec>>>,
    #[serde(alias = "sliRef")]
    pub(super) indicator_ref: Option<Spanned<String>>,
    composite_weight: Option<Spanned<f64>>,
    /// Of v2alpha.
    #[serde(default)]
    _labels: Option<serde::de::IgnoredAny>,
}

impl Target {
    pub(super) fn is_part_of_composite(&self) -> bool {
        self.indicator.is_some() || self.indicator_ref.is_some()
    }

    pub(super) fn weight(&self, file: &Path) -> Result<f64, Finding> {
        match &self.composite_weight {
            Some(weight) if !(weight.value.is_finite() && weight.value > 0.0) => {
                let message =
                    format!("a compositeWeight of {} weighs nothing: write one above 0", weight.value);
                Err(Place::of(file, weight).error(message))
            }
            weight => Ok(weight.as_ref().map_or(1.0, |weight| weight.value)),
        }
    }

    pub(super) fn percent(&self, place: &Place, file: &Path) -> Result<Spanned<f64>, Finding> {
        match (&self.target, &self.target_percent) {
            (None, Some(percent)) => Ok(percent.clone()),
            (Some(ratio), None) if ratio.value > 1.0 => {
                let message = format!(
                    "`target: {}` is a ratio and must be below 1: write `targetPercent: {}` or `target: 0.995`",
                    ratio.value, ratio.value
                );
                Err(Place::of(file, ratio).error(message))
            }
            (Some(ratio), None) => {
                let percent = (ratio.value * 1e11).round() / 1e9;
                Ok(Spanned::new(percent, ratio.referenced, ratio.defined))
            }
            _ => Err(place.error("an objective has `target` or `targetPercent`: keep exactly one")),
        }
    }

    /// `None` when the objective says neither `op` nor `value`.
    pub(super) fn comparison(&self, file: &Path) -> Result<Option<Comparison>, Finding> {
        match (&self.op, &self.value) {
            (None, None) => Ok(None),
            (Some(op), Some(value)) => {
                let known = match op.value.as_str() {
                    "lt" => Op::Lt,
                    "lte" => Op::Lte,
                    "gt" => Op::Gt,
                    "gte" => Op::Gte,
                    other => {
                        let message = format!("`op: {other}` is not known: write lt, lte, gt or gte");
                        return Err(Place::of(file, op).error(message));
                    }
                };
                Ok(Some(Comparison { op: known, value: value.value }))
            }
            (Some(op), None) => Err(Place::of(file, op).error("`op` compares with `value`: add it")),
            (None, Some(value)) => {
                Err(Place::of(file, value).error("`value` is compared by `op`: add lt, lte, gt or gte"))
            }
        }
    }

    pub(super) fn budgeting(&self, method: &str, place: &Place, file: &Path) -> Result<Budgeting, Finding> {
        if let Some(weight) = self.composite_weight.as_ref().filter(|_| !self.is_part_of_composite()) {
            let message =
                "compositeWeight goes with an objective that has an indicator of its own: remove it";
            return Err(Place::of(file, weight).error(message));
        }
        match method {
            "Occurrences" => {
                let of_slices = self.time_slice_window.as_ref().map(|at| Place::of(file, at));
                let of_slices = of_slices.or(self.time_slice_target.as_ref().map(|at| Place::of(file, at)));
                match of_slices {
                    Some(place) => Err(place.error(
                        "timeSliceTarget and timeSliceWindow go with a budgetingMethod of slices: remove them, or \
                         write `budgetingMethod: Timeslices`",
                    )),
                    None => Ok(Budgeting::Occurrences),
                }
            }
            "Timeslices" => {
                let window = self.slice(place, file)?;
                let Some(target) = &self.time_slice_target else {
                    return Err(place
                        .error("Timeslices needs timeSliceTarget: add the ratio at which a slice is good"));
                };
                if !(target.value > 0.0 && target.value <= 1.0) {
                    let message =
                        format!("timeSliceTarget {} is a ratio: write one above 0, 1 at most", target.value);
                    return Err(Place::of(file, target).error(message));
                }
                Ok(Budgeting::Timeslices { window, target: target.value })
            }
            _ => {
                if let Some(target) = &self.time_slice_target {
                    let message =
                        "RatioTimeslices takes the mean of the slices' ratios: remove timeSliceTarget";
                    return Err(Place::of(file, target).error(message));
                }
                Ok(Budgeting::RatioTimeslices { window: self.slice(place, file)? })
            }
        }
    }

    fn slice(&self, place: &Place, file: &Path) -> Result<std::time::Duration, Finding> {
        let Some(window) = &self.time_slice_window else {
            return Err(place.error("budgeting by slices needs timeSliceWindow: add it, such as `1m`"));
        };
        let at = Place::of(file, window);
        let length = window.value.parse().map_err(|message| at.error(message))?;
        if !86_400_u64.is_multiple_of(length.as_secs()) {
            return Err(
                at.error("slices divide a day evenly: write 1m, 5m, 10m, 15m, 30m, 1h, 6h, 1d or the like")
            );
        }
        Ok(length)
    }
}

/// A suffix that tells the objectives of one SLO apart: its display name in a form that a name may have, or its number.
pub(super) fn suffix(target: &Target, number: usize) -> String {
    let words = target.display_name.as_ref().map(|name| name.value.to_lowercase()).unwrap_or_default();
    let mut slug = String::new();
    for letter in words.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { number.to_string() } else { slug.to_owned() }
}
