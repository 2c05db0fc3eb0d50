//! Durations as rule files spell them (`5m`, `1h30m`, `28d`) and as sentences do (`22 min`).

use std::time::Duration;

const UNITS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
    ("y", 365 * 86_400_000),
];

/// Whole numbers with a unit each, as in Prometheus; a bare `0` is zero.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut millis: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = take_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = take_while(after, |c| !c.is_ascii_digit());
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        let (Ok(number), Some(factor)) = (number.parse::<u64>(), factor) else { return Err(complaint(text)) };
        millis = number.checked_mul(factor).and_then(|part| millis.checked_add(part)).ok_or_else(|| {
            format!("the duration `{text}` is longer than anything we could keep: write a smaller one")
        })?;
        rest = after;
    }
    if text.is_empty() { Err(complaint(text)) } else { Ok(Duration::from_millis(millis)) }
}

/// The shortest spelling that `parse` reads back.
pub(crate) fn spell(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in UNITS.iter().rev().filter(|(unit, _)| !matches!(*unit, "w" | "y")) {
        if millis >= *factor {
            text.push_str(&format!("{}{unit}", millis / factor));
            millis %= factor;
        }
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

/// At most two units, for people: `3 d 4 h`, `22 min`, `50 s`.
pub(crate) fn say(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (secs % 60, "s")];
    let Some(first) = parts.iter().position(|(count, _)| *count > 0) else { return "0 s".to_owned() };
    let said = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    said.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

fn complaint(text: &str) -> String {
    format!(
        "`{text}` is not a duration: write a whole number with a unit of ms, s, m, h, d or w, such as `28d`"
    )
}

fn take_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelt_is_read_back() {
        for text in ["28d", "1h30m", "5m", "90s", "250ms", "0"] {
            let duration = parse(text).expect("valid");
            assert_eq!(parse(&spell(duration)), Ok(duration), "{text}");
        }
        assert_eq!(parse("4w"), parse("28d"));
        assert_eq!(spell(Duration::from_secs(28 * 86_400)), "28d");
    }

    #[test]
    fn a_unit_nobody_knows_is_refused_with_the_known_ones() {
        for text in ["1M", "1Q", "5 m", "m", "5", "", "-1h", "1.5h"] {
            assert!(parse(text).expect_err(text).contains("such as `28d`"), "{text}");
        }
        assert!(parse("99999999999999999999w").is_err());
        assert!(parse("9999999999999999y").expect_err("overflow").contains("smaller"));
    }

    #[test]
    fn people_read_two_units_at_most() {
        assert_eq!(say(Duration::from_secs(22 * 60)), "22 min");
        assert_eq!(say(Duration::from_secs(3 * 86_400 + 4 * 3_600 + 120)), "3 d 4 h");
        assert_eq!(say(Duration::from_secs(3_600)), "1 h");
        assert_eq!(say(Duration::ZERO), "0 s");
    }
}
