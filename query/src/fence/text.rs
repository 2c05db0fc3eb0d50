//! Counts what a text holds, token by token, without a tree.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};

use super::MAX_DEPTH;
use crate::QueryError;

const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Words, values and operators. DataFusion survives about three times as many in one chain.
const MAX_TERMS: usize = 8_000;

/// Each SELECT of a UNION is a level of the plan.
const MAX_SELECTS: usize = 200;

pub(super) fn check(sql: &str) -> Result<(), QueryError> {
    if sql.len() > MAX_TEXT_BYTES {
        let got = sql.len();
        return Err(QueryError::Refused(format!(
            "the statement has {got} bytes: at most {MAX_TEXT_BYTES} are read"
        )));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().map_err(syntax_error)?;
    count(&tokens)
}

fn count(tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    let (mut terms, mut selects, mut depth) = (0, 0, 0_usize);
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) | Token::EOF => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.keyword == Keyword::SELECT => selects += 1,
            _ => {}
        }
        terms += 1;
        if depth > MAX_DEPTH {
            return Err(too_much("parentheses within each other", MAX_DEPTH, token));
        }
        if selects > MAX_SELECTS {
            return Err(too_much("SELECTs", MAX_SELECTS, token));
        }
        if terms > MAX_TERMS {
            return Err(too_much("words, values and operators", MAX_TERMS, token));
        }
    }
    Ok(())
}

fn too_much(what: &str, limit: usize, token: &TokenWithSpan) -> QueryError {
    let at = token.span.start;
    QueryError::Refused(format!(
        "the statement has more than {limit} {what} (line {}, column {}): join a table of values, or ask in parts",
        at.line, at.column
    ))
}

fn syntax_error(error: TokenizerError) -> QueryError {
    QueryError::invalid_at(format!("syntax error: {}", error.message), error.location)
}
