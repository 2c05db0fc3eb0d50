//! Answers and errors in PostgreSQL's words.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use futures::stream;

use crate::{QueryError, QueryOutput, output};

pub(super) fn fields(schema: &Schema, format: &Format) -> PgWireResult<Vec<FieldInfo>> {
    arrow_schema_to_pg_fields(&output::flat_schema(schema), format, None)
}

/// The rows, encoded while they are sent. Maps and what else is nested go as JSON text.
pub(super) fn rows(answer: &QueryOutput, format: &Format) -> PgWireResult<QueryResponse> {
    let flat = output::flatten(answer).map_err(|error| user_error(&error, ""))?;
    let fields = Arc::new(fields(&flat.schema, format)?);
    let columns = Arc::clone(&fields);
    let rows =
        flat.batches.into_iter().flat_map(move |batch| encode_recordbatch(Arc::clone(&columns), batch));
    Ok(QueryResponse::new(fields, stream::iter(rows)))
}

pub(super) fn one_field(name: &str) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)
}

pub(super) fn one_value(name: &str, value: &str) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(vec![one_field(name)]);
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    encoder.encode_field(&Some(value))?;
    let row = Ok(encoder.take_row());
    Ok(QueryResponse::new(fields, stream::iter([row])))
}

pub(super) fn error(code: &str, message: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into())))
}

/// With a code that drivers understand, and the place in `sql` where psql puts its caret.
pub(super) fn user_error(error: &QueryError, sql: &str) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), code(error).to_owned(), error.to_string());
    if let QueryError::Invalid { line: Some(line), column: Some(column), .. } = error {
        info.position = position(sql, *line, *column).map(|position| position.to_string());
    }
    PgWireError::UserError(Box::new(info))
}

/// SQLSTATE. Limits are told apart by the key they name, statements by how their message begins: both are ours.
fn code(error: &QueryError) -> &'static str {
    match error {
        QueryError::Invalid { message, .. } if message.starts_with("unknown table") => "42P01",
        QueryError::Invalid { message, .. } if message.starts_with("unknown column") => "42703",
        QueryError::Invalid { message, .. } if message.starts_with("syntax error") => "42601",
        // An error of the statement as a whole: types, functions, values.
        QueryError::Invalid { .. } => "42000",
        QueryError::Refused(_) => "42501",
        QueryError::Limit(message) if message.contains("query.timeout") => "57014",
        QueryError::Limit(message) if message.contains("query.memory_limit") => "53200",
        QueryError::Limit(message) if message.contains("query.spill_limit") => "53100",
        QueryError::Limit(_) => "54000",
        QueryError::Internal(_) => "XX000",
    }
}

/// PostgreSQL counts characters from the start of the text, from one.
fn position(sql: &str, line: u64, column: u64) -> Option<u64> {
    let before = usize::try_from(line).ok()?.checked_sub(1)?;
    let lines_before: u64 =
        sql.split_inclusive('\n').take(before).map(|line| line.chars().count() as u64).sum();
    (before < sql.lines().count()).then_some(lines_before + column)
}

/// What a client is told that finds no place, before it says a word.
pub(super) fn too_many_clients() -> Vec<u8> {
    let mut body = Vec::new();
    for (field, value) in
        [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "53300"), (b'M', "too many clients already")]
    {
        body.push(field);
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + size_of::<u32>()).expect("four short fields");
    let mut message = vec![b'E'];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_the_code_that_drivers_know() {
        let invalid = |message: &str| QueryError::invalid(message);
        let cases = [
            (invalid("unknown table 'x': there are spans"), "42P01"),
            (invalid("unknown column 'x': there are time"), "42703"),
            (invalid("syntax error: Expected"), "42601"),
            (QueryError::Refused("COPY is refused".to_owned()), "42501"),
            (QueryError::Limit("stopped after 1s (query.timeout)".to_owned()), "57014"),
            (QueryError::Limit("stopped (query.memory_limit)".to_owned()), "53200"),
            (QueryError::Limit("more than 10 rows (query.max_rows)".to_owned()), "54000"),
        ];
        for (error, expected) in cases {
            assert_eq!(code(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn line_and_column_become_a_count_of_characters() {
        assert_eq!(position("SELECT 'ä',\n  x", 2, 3), Some(15));
        assert_eq!(position("SELECT x", 1, 8), Some(8));
        assert_eq!(position("SELECT x", 3, 1), None);
    }
}
