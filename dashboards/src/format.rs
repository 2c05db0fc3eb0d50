//! The three forms in which rows leave, chosen by `Accept`.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use plimsoll_query::QueryOutput;

use crate::problem::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    ArrowStream,
}

impl Format {
    /// The form the client likes best among ours; JSON when it doesn't say.
    pub(crate) fn accepted_by(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut best: Option<(f32, Self)> = None;
        let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut asked = false;
        for range in ranges.flat_map(|value| value.split(',')) {
            asked = true;
            let (name, weight) = weigh(range);
            let Some(format) = Self::named(name) else { continue };
            if weight > best.map_or(0.0, |(best, _)| best) {
                best = Some((weight, format));
            }
        }
        match best {
            Some((_, format)) => Ok(format),
            None if asked => Err(not_acceptable()),
            None => Ok(Self::Json),
        }
    }

    fn named(media_range: &str) -> Option<Self> {
        match media_range.to_ascii_lowercase().as_str() {
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            "text/csv" | "text/*" => Some(Self::Csv),
            "application/vnd.apache.arrow.stream" => Some(Self::ArrowStream),
            _ => None,
        }
    }

    pub(crate) fn respond(self, output: &QueryOutput) -> Result<Response, Problem> {
        let (content_type, disposition, body) = match self {
            Self::Json => ("application/json", "inline", output.to_json()?),
            Self::Csv => {
                ("text/csv; charset=utf-8", "attachment; filename=\"plimsoll.csv\"", output.to_csv()?)
            }
            Self::ArrowStream => (
                "application/vnd.apache.arrow.stream",
                "attachment; filename=\"plimsoll.arrows\"",
                output.to_arrow()?,
            ),
        };
        let headers = [(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)];
        Ok((headers, body).into_response())
    }
}

/// `text/csv;q=0.5` is `text/csv` at 0.5; a weight that can't be read counts as none given.
fn weigh(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse().ok());
    (name, weight.unwrap_or(1.0))
}

fn not_acceptable() -> Problem {
    Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "urn:plimsoll:not-acceptable",
        "Rows are not available in that form",
        "accept application/json, text/csv or application/vnd.apache.arrow.stream",
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(accept: &'static str) -> Option<Format> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        Format::accepted_by(&headers).ok()
    }

    #[test]
    fn without_a_wish_rows_are_json() {
        assert_eq!(Format::accepted_by(&HeaderMap::new()).ok(), Some(Format::Json));
        assert_eq!(accepted("*/*"), Some(Format::Json));
    }

    #[test]
    fn the_heaviest_wish_wins_and_the_first_among_equals() {
        assert_eq!(accepted("text/csv"), Some(Format::Csv));
        assert_eq!(accepted("application/vnd.apache.arrow.stream"), Some(Format::ArrowStream));
        assert_eq!(accepted("text/html, text/csv;q=0.9, application/json; q=0.8"), Some(Format::Csv));
        assert_eq!(accepted("text/csv, application/json"), Some(Format::Csv));
    }

    #[test]
    fn a_form_that_we_lack_or_that_is_forbidden_is_not_given() {
        assert_eq!(accepted("text/html"), None);
        assert_eq!(accepted("text/csv;q=0"), None);
    }
}
