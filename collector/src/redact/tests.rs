use proptest::prelude::*;

use super::sql::without_literals;
use super::*;

fn body(text: &str) -> String {
    Redactor::default().body(text.as_bytes()).unwrap_or_else(|| text.to_owned())
}

fn attribute(redactor: &Redactor, key: &str, value: &str) -> Option<String> {
    redactor.attribute(key.as_bytes(), value.as_bytes())
}

#[test]
fn literals_become_question_marks_and_the_rest_of_a_statement_stays() {
    for (sql, kept) in [
        ("SELECT 1", "SELECT ?"),
        (
            "SELECT * FROM res_partner WHERE email = 'ann@example.com'",
            "SELECT * FROM res_partner WHERE email = ?",
        ),
        ("SELECT 'it''s', E'it\\'s', $$it's$$, $q$it's $$ $q$", "SELECT ?, ?, ?, ?"),
        ("SELECT x'00ff', B'101', N'ann', 0x1F, 1.5e-3, .5, 1_000", "SELECT ?, ?, ?, ?, ?, ?, ?"),
        (
            "UPDATE t2 SET a1 = $1, b = %s, c = :name, d = -12 WHERE id IN (1, 2)",
            "UPDATE t2 SET a1 = $1, b = %s, c = :name, d = -? WHERE id IN (?, ?)",
        ),
        ("SELECT \"o'neill\" FROM \"Order 66\"", "SELECT \"o'neill\" FROM \"Order 66\""),
        ("SELECT a-1--it's 5\n, 2", "SELECT a-?--it's 5\n, ?"),
        ("SELECT 1 /* traceparent='00-4bf9-01' */", "SELECT ? /* traceparent='00-4bf9-01' */"),
        ("INSERT INTO t VALUES ('ann, cut by the instr", "INSERT INTO t VALUES (?"),
        ("SELECT 'Müller', größe1 FROM straße WHERE x='ö'", "SELECT ?, größe1 FROM straße WHERE x=?"),
        ("SELECT '?', '%s'", "SELECT '?', '%s'"),
    ] {
        assert_eq!(without_literals(sql), kept, "{sql}");
    }
}

#[test]
fn a_statement_without_literals_is_not_copied() {
    let sql = "SELECT id FROM stock_quant WHERE product_id = %s AND location_id = $2 FOR UPDATE NOWAIT";
    assert!(matches!(without_literals(sql), Cow::Borrowed(kept) if kept == sql));
}

#[test]
fn a_bad_query_keeps_its_shape_and_loses_its_values() {
    for (sent, kept) in [
        (
            "bad query: UPDATE res_partner SET email='ann@example.com' WHERE id IN (7)\nERROR: could not serialize access due to concurrent update\n",
            "bad query: UPDATE res_partner SET email=? WHERE id IN (?)\nERROR: could not serialize access due to concurrent update\n",
        ),
        (
            "bad query: b'INSERT INTO res_users (login) VALUES (\\'ann\\')'\nERROR: duplicate key value violates unique constraint \"res_users_login_key\"\nDETAIL:  Key (login)=(ann) already exists.\n",
            "bad query: INSERT INTO res_users (login) VALUES (?)\nERROR: duplicate key value violates unique constraint \"res_users_login_key\"\nDETAIL:  Key (login)=(?) already exists.\n",
        ),
        (
            "bad query: b\"SELECT 'ann'\"\nERROR: invalid input syntax for type integer: \"ann\"\nLINE 1: SELECT 'ann'",
            "bad query: SELECT ?\nERROR: invalid input syntax for type integer: ?\nLINE ?: SELECT ?",
        ),
        (
            "2026-11-21 bad query: INSERT\nERROR: null value in column \"x\"\nDETAIL:  Failing row contains (7, ann, null).",
            "2026-11-21 bad query: INSERT\nERROR: null value in column \"x\"\nDETAIL:  Failing row contains (?).",
        ),
    ] {
        assert_eq!(body(sent), kept);
        assert_eq!(body(kept), kept, "there is nothing left to take out");
    }
}

#[test]
fn a_login_is_not_named() {
    for (sent, kept) in [
        (
            "Login successful for db:prod login:ann@example.com from 10.0.0.7",
            "Login successful for db:prod login:? from 10.0.0.7",
        ),
        ("Login failed for login:ann from mars from 10.0.0.7", "Login failed for login:? from 10.0.0.7"),
        ("Login failed for db:prod login:ann", "Login failed for db:prod login:?"),
        ("Logout of nobody", "Logout of nobody"),
    ] {
        assert_eq!(body(sent), kept);
        assert_eq!(body(kept), kept, "there is nothing left to take out");
    }
}

#[test]
fn attributes_on_the_list_are_redacted_and_others_are_left_alone() {
    let redactor = Redactor::new(DEFAULT_ATTRIBUTES.into_iter().chain(["customer.phone", "db.statement"]));
    let whole = Some(REDACTED.to_owned());
    assert_eq!(attribute(&redactor, "user.email", "ann@example.com"), whole);
    assert_eq!(attribute(&redactor, "user.email", REDACTED), None);
    assert_eq!(attribute(&redactor, "customer.phone", "555"), whole);
    assert_eq!(attribute(&redactor, "db.query.text", "SELECT 1").as_deref(), Some("SELECT ?"));
    assert_eq!(attribute(&redactor, "db.query.text", "SELECT ?"), None);
    assert_eq!(
        attribute(&redactor, "db.statement", "SELECT 1"),
        whole,
        "the configuration asked for all of it"
    );
    assert_eq!(attribute(&redactor, "http.route", "/web/1"), None);
    assert_eq!(attribute(&redactor, &"k".repeat(1_000), "v"), None);
    assert_eq!(attribute(&Redactor::nothing(), "user.email", "ann@example.com"), None);
}

proptest! {
    /// What was in a literal is nowhere in what is kept, wherever the statement is cut, and nothing panics.
    #[test]
    fn no_literal_survives(before in "[a-z =,(]{0,12}", secret in "[A-Z]{8,12}", quotes in 0..4_usize, cut in 0..60_usize) {
        let literal = match quotes {
            0 => format!("'{secret}'"),
            1 => format!("E'\\'{secret}'"),
            2 => format!("$tag${secret}$tag$"),
            _ => format!("'it''s {secret}'"),
        };
        let sql = format!("SELECT {before} {literal} FROM t");
        let sql: String = sql.chars().take(cut.max(8 + before.len())).collect();
        let kept = without_literals(&sql);
        prop_assert!(!kept.contains(secret.get(..4).unwrap_or_default()), "{sql} -> {kept}");
    }

    /// Doing it twice changes nothing more.
    #[test]
    fn redaction_is_idempotent(sql in "[ -~\\n]{0,80}") {
        let once = without_literals(&sql).into_owned();
        prop_assert_eq!(without_literals(&once), once.as_str());
    }

    #[test]
    fn whatever_the_text_is_it_comes_out_as_text(text in any::<String>()) {
        body(&text);
        body(&format!("bad query: {text}"));
        attribute(&Redactor::default(), "db.query.text", &text);
    }
}
