//! promtool's notation for series: `name{label="value"}`, and `1 2 _ 5+1x10` for its values.

use anyhow::{Context, bail};

/// More values than any test needs.
const MOST_VALUES: usize = 1_000_000;

/// `None` is a value that is missing.
pub(super) fn expand(text: &str) -> anyhow::Result<Vec<Option<f64>>> {
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let wrong = || format!("\"{word}\" is no value: write 5, _, 5x3, _x3, 5+1x10 or 5-1x10");
        let (first, count) = match word.rsplit_once('x') {
            Some((first, count)) => (first, count.parse::<usize>().ok().with_context(wrong)?),
            None => (word, 0),
        };
        if values.len() + count > MOST_VALUES {
            bail!("more than {MOST_VALUES} values");
        }
        if first == "_" {
            // As in promtool: `_x3` is three missing values, `5x3` is a value and three more.
            values.extend(std::iter::repeat_n(None, count.max(1)));
            continue;
        }
        let (value, step) = progression(first).with_context(wrong)?;
        values.extend((0..=count).map(|index| Some(value + step * index as f64)));
    }
    Ok(values)
}

/// `5`, `5+1`, `-5-1`, `1e3`.
fn progression(text: &str) -> Option<(f64, f64)> {
    if let Ok(value) = text.parse() {
        return Some((value, 0.0));
    }
    let signs = text.char_indices().filter(|(at, c)| *at > 0 && matches!(c, '+' | '-'));
    signs
        .map(|(at, _)| text.split_at(at))
        .find_map(|(value, step)| Some((value.parse().ok()?, step.parse().ok()?)))
}

/// Name and labels.
pub(super) fn series(text: &str) -> anyhow::Result<(String, Vec<(String, String)>)> {
    let wrong = || format!("\"{text}\" is no series: write name or name{{label=\"value\", other=\"value\"}}");
    let Some((name, rest)) = text.trim().split_once('{') else {
        return Ok((text.trim().to_owned(), Vec::new()));
    };
    let mut rest = rest.strip_suffix('}').with_context(wrong)?.trim();
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once('=').with_context(wrong)?;
        let after = after.trim_start().strip_prefix('"').with_context(wrong)?;
        let (value, after) = after.split_once('"').with_context(wrong)?;
        labels.push((label.trim().to_owned(), value.to_owned()));
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        if after == rest && !rest.is_empty() {
            bail!(wrong());
        }
    }
    Ok((name.trim().to_owned(), labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_promtools() {
        let expanded = expand("1 _ 5x2 _x2 10+5x2 3-1x1 -2-1x1").expect("valid");
        let said: Vec<String> =
            expanded.iter().map(|value| value.map_or("_".to_owned(), |value| value.to_string())).collect();
        assert_eq!(said.join(" "), "1 _ 5 5 5 _ _ 10 15 20 3 2 -2 -3");
        assert!(expand("1y3").is_err() && expand("x3").is_err() && expand("1xx").is_err());
    }

    #[test]
    fn a_series_is_a_name_and_labels() {
        let (name, labels) = series(r#"postgresql.backends{db="o18", host="a, b=c"}"#).expect("valid");
        assert_eq!(name, "postgresql.backends");
        let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(labels, [("db", "o18"), ("host", "a, b=c")]);
        assert_eq!(series("up").expect("valid").1.len(), 0);
        for wrong in ["up{", "up{a}", "up{a=b}", r#"up{a="b" c="d"}"#] {
            assert!(series(wrong).is_err(), "{wrong}");
        }
    }
}
