//! The text format: `# TYPE`, `# UNIT`, and samples. Comments, exemplars and what comes behind `# EOF` are left out.

use std::collections::HashMap;

/// What `# TYPE` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    #[default]
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    /// Seconds since 1970, when the page says so.
    pub(super) at: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    pub(super) kinds: HashMap<String, Kind>,
    pub(super) units: HashMap<String, String>,
    pub(super) samples: Vec<Sample>,
    /// Lines that are no samples.
    pub(super) unreadable: usize,
}

impl Page {
    /// At most `limit` samples; `None` when there are more. OpenMetrics has times in seconds, the older format in
    /// milliseconds.
    pub(super) fn parse(text: &str, is_open_metrics: bool, limit: usize) -> Option<Self> {
        let mut page = Self::default();
        for line in text.lines().map(str::trim) {
            if line == "# EOF" {
                break;
            }
            if let Some(comment) = line.strip_prefix('#') {
                page.comment(comment.trim_start());
            } else if !line.is_empty() {
                match sample(line, is_open_metrics) {
                    Some(sample) => page.samples.push(sample),
                    None => page.unreadable += 1,
                }
            }
            if page.samples.len() > limit {
                return None;
            }
        }
        Some(page)
    }

    fn comment(&mut self, comment: &str) {
        let mut words = comment.split_whitespace();
        let (Some(keyword), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        match keyword {
            "TYPE" => drop(self.kinds.insert(name.to_owned(), kind(value))),
            "UNIT" => drop(self.units.insert(name.to_owned(), value.to_owned())),
            _ => {}
        }
    }
}

fn kind(word: &str) -> Kind {
    match word {
        "counter" => Kind::Counter,
        "gauge" | "stateset" | "info" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "summary" => Kind::Summary,
        _ => Kind::Unknown,
    }
}

/// `name{label="value",...} value [time] [# exemplar]`
fn sample(line: &str, is_open_metrics: bool) -> Option<Sample> {
    let end = line.find(|letter: char| letter == '{' || letter.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let rest = rest.split_once(" # ").map_or(rest, |(rest, _)| rest);
    let mut words = rest.split_whitespace();
    let value = number(words.next()?)?;
    let at: Option<f64> = words.next().map(str::parse).transpose().ok()?;
    let at = at.map(|at| if is_open_metrics { at } else { at / 1_000.0 });
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:.".contains(&byte));
    (is_name && words.next().is_none()).then(|| Sample { name: name.to_owned(), labels, value, at })
}

/// Behind the brace; gives back what is behind the closing one.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once('=')?;
        let (value, after) = quoted(value.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim().to_owned(), value));
        rest = after;
    }
}

/// Up to the quote that isn't escaped.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = rest.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, rest.get(place + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn number(word: &str) -> Option<f64> {
    match word {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" | "Nan" => Some(f64::NAN),
        word => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sample_is_read_with_what_its_labels_escape() {
        let line =
            r#"http_requests_total{ method="post", path="C:\\a \"b\" }\n", code="200",} 1.5e3 1395066363000"#;
        let read = sample(line, false).expect("a sample");
        assert_eq!(read.labels[1], ("path".into(), "C:\\a \"b\" }\n".into()));
        assert_eq!((read.value, read.at), (1_500.0, Some(1_395_066_363.0)));
        let read = sample("a_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67", true)
            .expect("a sample");
        assert_eq!((read.value, read.at), (17.0, Some(1_520_879_607.789)));
        for broken in ["a", "a{b} 1", "a{b=\"c} 1", "a x", "a 1 2 3", "{a=\"b\"} 1", "a{b=\"c\"}"] {
            assert_eq!(sample(broken, false), None, "{broken}");
        }
    }

    #[test]
    fn a_page_has_its_limit_and_its_end() {
        let text = "# HELP a An a.\n# TYPE a counter\na 1\n# nonsense\nb 2\nbroken\n# EOF\nc 3\n";
        let page = Page::parse(text, true, 2).expect("within the limit");
        assert_eq!((page.samples.len(), page.unreadable, page.kinds["a"]), (2, 1, Kind::Counter));
        assert_eq!(Page::parse(text, true, 1), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[a-z{}=\", #\\\\0-9\\n]{0,200}") {
            drop(Page::parse(&text, false, 10));
        }
    }
}
