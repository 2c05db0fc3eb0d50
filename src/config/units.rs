//! Values with a unit: `"90s"`, `"5m"`, `"256MiB"`. A bare number is refused, because nobody remembers its unit.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// A duration such as `"250ms"`, `"90s"`, `"5m"`, `"12h"`, `"28d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// A size such as `"512KiB"`, `"64MiB"`, `"2GiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Self).map_err(D::Error::custom)
    }
}

/// For what is said on the command line as well.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let cure = "write it like \"250ms\", \"90s\", \"5m\" or \"12h\"";
    parse_span(text).map(|span| span.0).ok_or_else(|| format!("\"{text}\" is not a duration: {cure}"))
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_size(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "\"{text}\" is not a size: write it like \"512KiB\", \"64MiB\" or \"2GiB\""
            ))
        })
    }
}

fn parse_span(text: &str) -> Option<Span> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .checked_mul(milliseconds)
        .filter(|&total| total > 0)
        .map(|total| Span(Duration::from_millis(total)))
}

fn parse_size(text: &str) -> Option<Size> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(number.checked_mul(bytes)?).ok().filter(|&total| total > 0).map(Size)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_need_their_unit() {
        assert_eq!(parse_span("90s"), Some(Span(Duration::from_secs(90))));
        assert_eq!(parse_span("250 ms"), Some(Span(Duration::from_millis(250))));
        assert_eq!(parse_span("90"), None);
        assert_eq!(parse_span("0s"), None);
        assert_eq!(parse_span("99999999999999999d"), None);
        assert_eq!(parse_size("64MiB"), Some(Size(64 << 20)));
        assert_eq!(parse_size("64MB"), None);
        assert_eq!(parse_size("-1GiB"), None);
    }
}
