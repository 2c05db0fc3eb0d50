//! Values made readable: `impact_value_at_risk_eur` = `12400` becomes "Value at risk: 12,400 EUR".

use std::time::Duration;

use plimsoll_model::Timestamp;

/// More than this of one value is in the alert, not in a message.
const MAX_VALUE_CHARS: usize = 600;
/// What names something is shorter.
const MAX_NAME_CHARS: usize = 60;
const CURRENCIES: [&str; 14] =
    ["eur", "usd", "gbp", "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "jpy", "cny", "inr", "cad"];
const UNITS: [(&str, &str); 9] = [
    ("ms", "ms"),
    ("seconds", "s"),
    ("secs", "s"),
    ("s", "s"),
    ("minutes", "min"),
    ("hours", "h"),
    ("percent", "%"),
    ("pct", "%"),
    ("bytes", "bytes"),
];

/// One line without control characters, cut when it is long.
pub(super) fn clean(text: &str) -> String {
    cut(text, MAX_VALUE_CHARS)
}

/// The same for what names a thing, a place or a unit.
pub(super) fn name(text: &str) -> String {
    cut(text, MAX_NAME_CHARS)
}

fn cut(text: &str, chars: usize) -> String {
    // No more of a huge value is looked at than could be shown.
    let text = text.char_indices().nth(chars * 8).and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || is_unprintable(c))
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    if line.chars().count() <= chars {
        return line;
    }
    line.chars().take(chars).collect::<String>() + "..."
}

/// Control characters, those that turn the reading direction around, and those that nobody sees.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// A measured value under the name its rule gave it, without the prefix: label and value as people write them.
/// `currency` is the unit of amounts that name none.
pub(super) fn measured(name: &str, value: &str, currency: Option<&str>) -> (String, String) {
    let (stem, unit) = unit_of(name);
    let unit = unit.or_else(|| currency.filter(|_| is_amount(stem)).map(ToOwned::to_owned));
    let is_identity = ["id", "pid", "year", "port"].iter().any(|last| stem.rsplit('_').next() == Some(last));
    let value = clean(value);
    if let Some(time) = Timestamp::parse_rfc3339(&value) {
        return (label(stem), time.to_utc().format("%-d %b %H:%M:%S UTC").to_string());
    }
    let seconds =
        value.parse::<f64>().ok().filter(|secs| unit.as_deref() == Some("s") && (120.0..1e9).contains(secs));
    if let Some(seconds) = seconds {
        return (label(stem), duration(Duration::from_secs_f64(seconds)));
    }
    let shown = if is_identity { None } else { grouped(&value) };
    let value = match (shown, unit) {
        (Some(number), Some(unit)) => format!("{} {unit}", with_cents(number, &unit)),
        (Some(number), None) => number,
        (None, _) => value,
    };
    (label(stem), value)
}

/// An amount of money has two decimals or none.
fn with_cents(number: String, unit: &str) -> String {
    let is_money = unit.len() == 3 && unit.chars().all(|c| c.is_ascii_uppercase());
    let has_one_decimal = number.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 1);
    if is_money && has_one_decimal { number + "0" } else { number }
}

pub(super) fn label(name: &str) -> String {
    let text = self::name(&name.replace('_', " "));
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn unit_of(name: &str) -> (&str, Option<String>) {
    let Some((stem, last)) = name.rsplit_once('_') else {
        return (name, None);
    };
    if CURRENCIES.contains(&last) {
        return (stem, Some(last.to_uppercase()));
    }
    let unit = UNITS.iter().find(|(suffix, _)| *suffix == last);
    unit.map_or((name, None), |(_, unit)| (stem, Some((*unit).to_owned())))
}

fn is_amount(stem: &str) -> bool {
    ["value", "amount", "revenue", "price", "total"].iter().any(|word| stem.contains(word))
}

/// `12400.5` as `12,400.5`; at most two decimals. `None` for what isn't a plain number.
fn grouped(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || ".-".contains(c));
    if !is_plain || !number.is_finite() || text.len() > 20 {
        return None;
    }
    let (whole, decimals) = text.split_once('.').map_or_else(
        || (text.to_owned(), String::new()),
        |_| {
            let rounded = format!("{number:.2}");
            let (whole, decimals) = rounded.split_once('.').unwrap_or((&rounded, ""));
            (whole.to_owned(), decimals.trim_end_matches('0').to_owned())
        },
    );
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.as_str()), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !decimals.is_empty() {
        out.push('.');
        out.push_str(&decimals);
    }
    Some(out)
}

/// `45 s`, `15 min`, `2 h 5 min`, `1 d 3 h`.
pub(super) fn duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86_400 => pair(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => pair(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

/// `10:02 UTC`, with the day when it isn't the reader's.
pub(super) fn moment(time: Timestamp, read_at: Timestamp) -> String {
    let (time, read_at) = (time.to_utc(), read_at.to_utc());
    let same_day = time.date_naive() == read_at.date_naive();
    time.format(if same_day { "%H:%M UTC" } else { "%H:%M UTC on %-d %b" }).to_string()
}

/// What may stand in a link.
pub(crate) fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        && !text.chars().any(|c| c.is_whitespace() || is_unprintable(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels_and_numbers_are_grouped() {
        let cases = [
            ("value_at_risk_eur", "12400", None, "Value at risk", "12,400 EUR"),
            ("orders_late", "41", None, "Orders late", "41"),
            ("value_at_risk", "1234567.891", Some("EUR"), "Value at risk", "1,234,567.89 EUR"),
            ("orders", "1000", Some("EUR"), "Orders", "1,000"),
            ("amount", "98765.4", Some("EUR"), "Amount", "98,765.40 EUR"),
            ("lock_wait_p95_ms", "8200.00", None, "Lock wait p95", "8,200 ms"),
            ("share_percent", "37.5", None, "Share", "37.5 %"),
            ("blocking_pid", "18233", None, "Blocking pid", "18233"),
            ("query", "SELECT\r\n 1", None, "Query", "SELECT 1"),
            ("delta", "-1234", None, "Delta", "-1,234"),
            ("oldest_s", "7500.2", None, "Oldest", "2 h 5 min"),
            ("oldest_s", "75", None, "Oldest", "75 s"),
            ("first_wait", "2026-11-21T10:02:07Z", None, "First wait", "21 Nov 10:02:07 UTC"),
            ("odd", "NaN", None, "Odd", "NaN"),
            ("date", "2026-11-21", None, "Date", "2026-11-21"),
        ];
        for (name, value, currency, label, shown) in cases {
            assert_eq!(
                measured(name, value, currency),
                (label.to_owned(), shown.to_owned()),
                "{name}={value}"
            );
        }
    }

    #[test]
    fn durations_are_said_with_two_units_at_most() {
        let cases = [(45, "45 s"), (900, "15 min"), (7500, "2 h 5 min"), (7200, "2 h"), (97_200, "1 d 3 h")];
        for (secs, said) in cases {
            assert_eq!(duration(Duration::from_secs(secs)), said);
        }
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web_address("https://wiki.example.org/late-orders"));
        for text in ["javascript:alert(1)", "https://a b", "https://", "wiki.example.org", "https://x\r\ny"] {
            assert!(!is_web_address(text), "{text}");
        }
    }
}
