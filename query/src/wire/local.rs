//! Statements about the session, which drivers send and which are answered here: none of them reaches the engine.

use std::collections::HashMap;
use std::time::Duration;

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Set, Statement};
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response, Tag};
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;

use super::answer;

/// A connection's settings, which pgwire keeps as metadata beside the start-up parameters.
pub(super) type Settings = HashMap<String, String>;

const STATEMENT_TIMEOUT: &str = "statement_timeout";
const MAX_SETTINGS: usize = 100;

pub(super) fn is_local(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Set(_)
            | Statement::Reset(_)
            | Statement::ShowVariable { .. }
            | Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Discard { .. }
            | Statement::Deallocate { .. }
    )
}

/// The columns of the answer, for a client that asks before it executes.
pub(super) fn fields(statement: &Statement) -> Vec<FieldInfo> {
    match statement {
        Statement::ShowVariable { .. } => vec![answer::one_field(&shown_name(statement))],
        _ => Vec::new(),
    }
}

pub(super) fn respond(
    statement: &Statement,
    settings: &mut Settings,
    transaction: TransactionStatus,
) -> PgWireResult<Response> {
    Ok(match statement {
        Statement::StartTransaction { .. } if transaction == TransactionStatus::Idle => {
            Response::TransactionStart(Tag::new("BEGIN"))
        }
        Statement::StartTransaction { .. } => Response::Execution(Tag::new("BEGIN")),
        Statement::Commit { .. } if transaction == TransactionStatus::Error => {
            Response::TransactionEnd(Tag::new("ROLLBACK"))
        }
        Statement::Commit { .. } => Response::TransactionEnd(Tag::new("COMMIT")),
        Statement::Rollback { .. } => Response::TransactionEnd(Tag::new("ROLLBACK")),
        Statement::Discard { .. } => Response::Execution(Tag::new("DISCARD ALL")),
        Statement::Deallocate { .. } => Response::Execution(Tag::new("DEALLOCATE")),
        Statement::Reset(_) => Response::Execution(Tag::new("RESET")),
        Statement::ShowVariable { .. } => {
            let name = shown_name(statement);
            Response::Query(answer::one_value(&name, &value_of(&name, settings)?)?)
        }
        Statement::Set(set) => {
            remember(set, settings)?;
            Response::Execution(Tag::new("SET"))
        }
        other => return Err(answer::error("42501", format!("{other} is refused"))),
    })
}

/// What the client wants its statements to end after; the engine's own limit holds anyhow.
pub(super) fn statement_timeout(settings: &Settings) -> Option<Duration> {
    let text = settings.get(STATEMENT_TIMEOUT)?;
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|number| *number > 0)?;
    Some(match text.strip_prefix(digits)?.trim() {
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.saturating_mul(60)),
        _ => Duration::from_millis(number),
    })
}

fn remember(set: &Set, settings: &mut Settings) -> PgWireResult<()> {
    // Values are always shown in UTC, with their offset; names, roles and characteristics change nothing here.
    let Set::SingleAssignment { variable, values, .. } = set else { return Ok(()) };
    if settings.len() >= MAX_SETTINGS {
        return Err(answer::error("54000", format!("more than {MAX_SETTINGS} settings in one session")));
    }
    let value = values.iter().map(setting_text).collect::<Vec<_>>().join(", ");
    settings.insert(setting_name(variable), value);
    Ok(())
}

fn setting_name(variable: &ObjectName) -> String {
    variable.to_string().to_lowercase()
}

fn setting_text(value: &Expr) -> String {
    value.to_string().trim_matches(['\'', '"']).to_owned()
}

fn shown_name(statement: &Statement) -> String {
    let Statement::ShowVariable { variable } = statement else { return String::new() };
    let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["time", "zone"] => "timezone".to_owned(),
        ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
        _ => words.join("."),
    }
}

fn value_of(name: &str, settings: &Settings) -> PgWireResult<String> {
    if let Some(value) = settings.get(name) {
        return Ok(value.clone());
    }
    let value = match name {
        "server_version" => "16.6",
        "server_version_num" => "160006",
        "server_encoding" | "client_encoding" => "UTF8",
        "timezone" => "UTC",
        "datestyle" => "ISO, MDY",
        "intervalstyle" => "postgres",
        "bytea_output" => "hex",
        "extra_float_digits" => "1",
        "search_path" => crate::session::SCHEMA,
        "standard_conforming_strings" | "integer_datetimes" => "on",
        "transaction_isolation" | "default_transaction_isolation" => "read committed",
        "transaction_read_only" | "default_transaction_read_only" => "on",
        STATEMENT_TIMEOUT => "0",
        "application_name" => "",
        "max_identifier_length" => "63",
        _ => return Err(answer::error("42704", format!("unrecognized configuration parameter \"{name}\""))),
    };
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(text: &str) -> Option<Duration> {
        statement_timeout(&HashMap::from([(STATEMENT_TIMEOUT.to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_statement_timeout_is_read_in_postgresqls_units() {
        assert_eq!(timeout("1500"), Some(Duration::from_millis(1_500)));
        assert_eq!(timeout("5s"), Some(Duration::from_secs(5)));
        assert_eq!(timeout("2 min"), Some(Duration::from_secs(120)));
        assert_eq!(timeout("0"), None);
        assert_eq!(timeout("soon"), None);
    }
}
