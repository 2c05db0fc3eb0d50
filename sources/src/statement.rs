//! Statements without what stood in them: literals become `?`, so that the same statement is the same text, and no
//! customer's name leaves his database.

/// The longest text that is kept of a statement.
const LONGEST: usize = 2_000;

/// Comments and literals taken out, blanks and lists of literals made one.
pub(crate) fn normalised(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len().min(LONGEST));
    let mut rest = sql.trim();
    while let Some(first) = rest.chars().next() {
        if text.len() > LONGEST {
            break;
        }
        let (token, after) = token(first, rest);
        rest = after;
        match token {
            Token::Blank => push(&mut text, " "),
            Token::Literal => {
                if !text.ends_with("?, ") && !text.ends_with("?,") {
                    push(&mut text, "?");
                } else {
                    let end = text.trim_end_matches([' ', ',']).len();
                    text.truncate(end);
                }
            }
            Token::Text(token) => push(&mut text, token),
        }
    }
    text.trim_end().to_owned()
}

/// What it does and to what: `UPDATE stock_quant`.
pub(crate) fn summary(sql: &str) -> String {
    let text = normalised(sql);
    let mut words = text.split([' ', '(', ')', ',', ';']).filter(|word| !word.is_empty());
    let Some(verb) = words.next().map(str::to_uppercase) else { return String::new() };
    let mut words: Vec<&str> = words.collect();
    let target = match verb.as_str() {
        "SELECT" | "DELETE" | "WITH" => after(&words, "FROM"),
        "INSERT" => after(&words, "INTO"),
        "UPDATE" => words.drain(..).find(|word| !word.eq_ignore_ascii_case("ONLY")),
        "VACUUM" | "ANALYZE" | "REINDEX" | "CLUSTER" | "COPY" | "LOCK" | "TRUNCATE" | "ALTER" | "CREATE"
        | "DROP" => {
            return [verb]
                .into_iter()
                .chain(words.iter().take(2).map(|word| plain(word)))
                .collect::<Vec<_>>()
                .join(" ");
        }
        _ => None,
    };
    match target.map(plain).filter(|target| !target.is_empty() && target != "?") {
        Some(target) => format!("{verb} {target}"),
        None => verb,
    }
}

fn after<'a>(words: &[&'a str], keyword: &str) -> Option<&'a str> {
    let place = words.iter().position(|word| word.eq_ignore_ascii_case(keyword))?;
    words.get(place + 1).copied()
}

fn plain(word: &str) -> String {
    word.replace('"', "").chars().take(60).collect()
}

enum Token<'a> {
    Blank,
    Literal,
    Text(&'a str),
}

/// The token at the beginning, and what is behind it.
fn token(first: char, rest: &str) -> (Token<'_>, &str) {
    if first.is_whitespace() {
        return (Token::Blank, rest.trim_start());
    }
    if let Some(comment) = rest.strip_prefix("--") {
        return (Token::Blank, comment.split_once('\n').map_or("", |(_, after)| after).trim_start());
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return (Token::Blank, comment.split_once("*/").map_or("", |(_, after)| after).trim_start());
    }
    if first == '\'' {
        return (Token::Literal, behind_string(rest, false));
    }
    if matches!(first, 'E' | 'e') && behind(rest, 1).starts_with('\'') {
        return (Token::Literal, behind_string(behind(rest, 1), true));
    }
    if first == '$'
        && let Some(after) = behind_dollars(rest)
    {
        return (Token::Literal, after);
    }
    if first == '"' {
        let end = behind(rest, 1).find('"').map_or(rest.len(), |end| end + 2);
        return text_until(rest, end);
    }
    if first.is_ascii_digit() || first == '$' {
        let end =
            behind(rest, 1).find(|byte: char| !byte.is_ascii_alphanumeric() && byte != '.' && byte != '_');
        return (Token::Literal, behind(rest, end.map_or(rest.len(), |end| end + 1)));
    }
    if first.is_alphabetic() || first == '_' {
        let end = rest.find(|byte: char| !byte.is_alphanumeric() && byte != '_' && byte != '$');
        return text_until(rest, end.unwrap_or(rest.len()));
    }
    text_until(rest, first.len_utf8())
}

fn text_until(rest: &str, end: usize) -> (Token<'_>, &str) {
    (Token::Text(rest.get(..end).unwrap_or("")), behind(rest, end))
}

fn behind(rest: &str, start: usize) -> &str {
    rest.get(start..).unwrap_or("")
}

/// Behind `'...'`, in which `''` and, with an `E` before it, a backslash don't end it.
fn behind_string(rest: &str, escapes: bool) -> &str {
    let mut bytes = rest.bytes().enumerate().skip(1).peekable();
    while let Some((i, byte)) = bytes.next() {
        match byte {
            b'\\' if escapes => drop(bytes.next()),
            b'\'' if bytes.peek().is_some_and(|(_, next)| *next == b'\'') => drop(bytes.next()),
            b'\'' => return behind(rest, i + 1),
            _ => {}
        }
    }
    ""
}

/// Behind `$tag$...$tag$`; `None` when it is no such thing.
fn behind_dollars(rest: &str) -> Option<&str> {
    let end = behind(rest, 1).find('$')? + 2;
    let tag = rest.get(..end)?;
    let name = tag.trim_matches('$');
    let is_tag = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let starts_well = !name.starts_with(|letter: char| letter.is_ascii_digit());
    (is_tag && starts_well).then(|| behind(rest, end).split_once(tag).map_or("", |(_, after)| after))
}

/// One blank where there was any; none at the beginning.
fn push(text: &mut String, token: &str) {
    if token != " " || !(text.is_empty() || text.ends_with(' ')) {
        text.push_str(token);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_go_and_the_shape_stays() {
        for (sql, expected) in [
            ("SELECT  1", "SELECT ?"),
            ("select * from a where b = 'O''Brien' and c=2.5e3", "select * from a where b = ? and c=?"),
            (
                "UPDATE \"res_partner\" SET \"name\" = E'it\\'s' WHERE id IN (1, 2,3)",
                "UPDATE \"res_partner\" SET \"name\" = ? WHERE id IN (?)",
            ),
            ("INSERT INTO a1 VALUES ($1, $2) -- for Mr. Smith\n", "INSERT INTO a1 VALUES (?)"),
            ("SELECT /* Jane */ $tag$ secret $tag$, x_2", "SELECT ?, x_2"),
            ("SELECT 'unfinished secret", "SELECT ?"),
            ("SELECT $$unfinished secret", "SELECT ?"),
        ] {
            assert_eq!(normalised(sql), expected, "{sql}");
        }
        assert!(normalised(&"a, ".repeat(10_000)).len() < LONGEST + 100);
    }

    #[test]
    fn a_summary_is_what_is_done_to_what() {
        for (sql, expected) in [
            ("UPDATE \"stock_quant\" SET a = 1", "UPDATE stock_quant"),
            ("SELECT id FROM stock_quant WHERE id = 7 FOR NO KEY UPDATE", "SELECT stock_quant"),
            ("insert into mail_message (id) values (1)", "INSERT mail_message"),
            ("VACUUM ANALYZE stock_move", "VACUUM ANALYZE stock_move"),
            ("autovacuum: VACUUM public.stock_move", "AUTOVACUUM:"),
            ("COMMIT", "COMMIT"),
            ("SELECT 1", "SELECT"),
            ("", ""),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_string_stays_there(secret in "[a-z]{12}", text in "\\PC{0,80}") {
            let quoted = text.replace('\'', "''");
            let sql = format!("SELECT a FROM b WHERE c = '{quoted}{secret}' AND d = 1");
            prop_assert!(!normalised(&sql).contains(&secret), "{}", normalised(&sql));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,200}") {
            normalised(&text);
            summary(&text);
        }
    }
}
