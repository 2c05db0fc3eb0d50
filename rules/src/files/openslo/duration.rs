//! The specification's shorthand: one positive whole number and one unit, whose case matters.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::finding::{Finding, Place};

const DAY: u64 = 86_400;
/// A rolling month has 30 days, a quarter 90, a year 365.
const UNITS: [(char, u64); 7] =
    [('m', 60), ('h', 3_600), ('d', DAY), ('w', 7 * DAY), ('M', 30 * DAY), ('Q', 90 * DAY), ('Y', 365 * DAY)];

pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let complaint = || {
        format!(
            "`{text}` is not a duration of OpenSLO: write a positive whole number and one of m, h, d, w, M, Q, Y, \
             such as `28d`"
        )
    };
    let unit = text.chars().last().ok_or_else(complaint)?;
    let number = text.strip_suffix(unit).unwrap_or_default();
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(complaint)?;
    let is_whole = !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit());
    let count = number.parse::<u64>().ok().filter(|count| is_whole && *count > 0).ok_or_else(complaint)?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(complaint)
}

pub(super) fn read(text: &Spanned<String>, file: &Path) -> Result<Duration, Finding> {
    parse(&text.value).map_err(|message| Place::of(file, text).error(message))
}

/// Whole minutes only, since there is no smaller unit.
pub(crate) fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = UNITS.iter().rev().filter(|(name, _)| matches!(name, 'm' | 'h' | 'd'));
    let fitting = unit.into_iter().find(|(_, length)| seconds.is_multiple_of(*length) && seconds > 0);
    match fitting {
        Some((name, length)) => format!("{}{name}", seconds / length),
        None => format!("{}m", seconds / 60),
    }
}

/// `timeSliceWindow: 5` is five minutes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum MinutesOrText {
    Minutes(u64),
    Text(String),
}

impl MinutesOrText {
    pub(super) fn parse(&self) -> Result<Duration, String> {
        match self {
            Self::Minutes(minutes) => parse(&format!("{minutes}m")),
            Self::Text(text) => parse(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorthand_is_a_number_and_one_unit() {
        for (text, minutes) in
            [("5m", 5), ("12h", 720), ("1d", 1_440), ("4w", 40_320), ("1M", 43_200), ("1Q", 129_600)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(minutes * 60)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "0m",
            "-1d",
            "+1d",
            "1.5h",
            "1h30m",
            "5 m",
            "5s",
            "1D",
            "1q",
            "1é",
            "99999999999999999999w",
        ] {
            assert!(parse(text).expect_err(text).contains("such as `28d`"), "{text}");
        }
    }

    #[test]
    fn what_is_spelt_is_read_back() {
        for text in ["90m", "5m", "36h", "28d", "1h", "7d"] {
            assert_eq!(spell(parse(text).expect("valid")), *text);
        }
    }
}
