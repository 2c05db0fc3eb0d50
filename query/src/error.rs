//! What a statement can die of, told to the person who wrote it. DataFusion's errors are sorted into four kinds here and
//! nowhere else.

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::Location;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The statement is at fault; `line` and `column` (1-based) when the parser knows them.
    #[error("{message}")]
    Invalid { message: String, line: Option<u64>, column: Option<u64> },
    /// The fence said no: not a read, not on the allow-list, too many terms, too deep.
    #[error("{0}")]
    Refused(String),
    /// Stopped at a limit (time, memory, rows, spill); the message names the limit and its key.
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    Internal(String),
}

impl QueryError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), line: None, column: None }
    }

    pub(crate) fn invalid_at(message: impl Into<String>, at: Location) -> Self {
        // The parser counts from one and says 0 for "unknown".
        let known = at.line > 0;
        Self::Invalid {
            message: message.into(),
            line: known.then_some(at.line),
            column: known.then_some(at.column),
        }
    }
}

impl From<ParserError> for QueryError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::RecursionLimitExceeded => {
                Self::Refused("the statement is nested too deeply: at most 50 levels".to_owned())
            }
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
                let (message, line, column) = split_position(&text);
                Self::Invalid { message: format!("syntax error: {message}"), line, column }
            }
        }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let at = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| span.start);
        match error.find_root() {
            DataFusionError::SQL(parser, _) => parser.as_ref().clone().into(),
            DataFusionError::ResourcesExhausted(text) => Self::Limit(exhausted(text)),
            DataFusionError::SchemaError(schema, _) => Self::statement(schema_message(schema), at),
            DataFusionError::Plan(text) | DataFusionError::Execution(text) => {
                Self::statement(text.clone(), at)
            }
            DataFusionError::NotImplemented(text) => Self::statement(format!("not supported: {text}"), at),
            DataFusionError::ArrowError(arrow, _) => Self::statement(arrow.to_string(), at),
            DataFusionError::Configuration(text) => Self::statement(text.clone(), at),
            DataFusionError::Collection(errors) if !errors.is_empty() => {
                Self::statement(errors[0].strip_backtrace(), at)
            }
            other => Self::Internal(other.strip_backtrace()),
        }
    }
}

impl QueryError {
    fn statement(message: String, at: Option<datafusion::common::Location>) -> Self {
        let message = message.split("\n\nbacktrace:").next().unwrap_or_default().to_owned();
        Self::Invalid { message, line: at.map(|at| at.line), column: at.map(|at| at.column) }
    }
}

/// Which of the two stores ran out, and the key that sets it.
fn exhausted(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    if text.contains("disk space") {
        format!("stopped at the spill limit (query.spill_limit): {first}")
    } else {
        format!(
            "stopped at the memory limit (query.memory_limit); narrow the time range or the columns: {first}"
        )
    }
}

fn schema_message(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return error.to_string();
    };
    let mut candidates: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    candidates.sort_unstable();
    candidates.dedup();
    format!("unknown column '{}': there are {}", field.flat_name(), candidates.join(", "))
}

/// The parser puts the position at the end of its text.
fn split_position(text: &str) -> (&str, Option<u64>, Option<u64>) {
    let position = || {
        let (message, position) = text.rsplit_once(" at Line: ")?;
        let (line, column) = position.split_once(", Column: ")?;
        Some((message, line.parse().ok()?, column.trim().parse().ok()?))
    };
    match position() {
        Some((message, line, column)) => (message, Some(line), Some(column)),
        None => (text, None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_position_becomes_line_and_column() {
        let text = "Expected: an expression, found: EOF at Line: 2, Column: 14".to_owned();
        let error = QueryError::from(ParserError::ParserError(text));
        let QueryError::Invalid { message, line, column } = error else { panic!("{error:?}") };
        assert_eq!(message, "syntax error: Expected: an expression, found: EOF");
        assert_eq!((line, column), (Some(2), Some(14)));
    }

    #[test]
    fn an_exhausted_pool_names_the_key_that_sets_it() {
        let error = QueryError::from(DataFusionError::ResourcesExhausted("no more".to_owned()));
        assert!(
            matches!(&error, QueryError::Limit(text) if text.contains("query.memory_limit")),
            "{error:?}"
        );
    }
}
