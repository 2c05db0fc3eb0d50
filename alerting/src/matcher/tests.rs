use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &[&str]) {
    let parsed = parse_matchers(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let shown: Vec<String> = parsed.iter().map(ToString::to_string).collect();
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn both_grammars_read_what_people_write() {
    check(r#"severity="page""#, &[r#"severity="page""#]);
    check("severity=page", &[r#"severity="page""#]);
    check(r#"{severity="page", service=~"odoo.*"}"#, &[r#"severity="page""#, r#"service=~"odoo.*""#]);
    check("severity != page , team!~x.y,", &[r#"severity!="page""#, r#"team!~"x.y""#]);
    check(r#""my label"="a, b""#, &[r#""my label"="a, b""#]);
    check("grüße=🙂", &[r#""grüße"="🙂""#]);
    check("{}", &[]);
}

#[test]
fn the_classic_grammar_catches_what_the_new_one_refuses() {
    check("foo=", &[r#"foo="""#]);
    check(r"foo=bar\.baz", &[r#"foo="bar\\.baz""#]);
    check("foo=a b", &[r#"foo="a b""#]);
    check(r#"foo=~"a\.b""#, &[r#"foo=~"a\\.b""#]);
    check("foo=~a|b=c", &[r#"foo=~"a|b=c""#]);
}

#[test]
fn what_neither_grammar_reads_is_refused_with_an_example() {
    for text in
        ["", "foo", "=x", "{foo=bar", r#"foo="bar"#, r#"foo="a"b""#, "1a=b c", "foo=bar=~", "a=b,,c=d e"]
    {
        let Err(error) = parse_matchers(text) else {
            // Unbalanced braces and stray operators are values to the classic grammar, as in Alertmanager.
            assert!(["{foo=bar", "foo=bar=~"].contains(&text), "{text}");
            continue;
        };
        assert!(error.to_string().contains("severity=\"page\""), "{error}");
    }
}

#[test]
fn an_expression_is_anchored_bounded_and_keeps_its_own_brackets() {
    let labels: Labels = [("service", "odoo-web")].into_iter().collect();
    let matches =
        |value| Matcher::new("service", MatchOp::Regex, value).map(|matcher| matcher.matches(&labels));
    assert_eq!(matches("odoo"), Ok(false));
    assert_eq!(matches("odoo|odoo-web"), Ok(true));
    assert_eq!(matches(".*web"), Ok(true));
    assert!(matches("a)|(b").is_err());
    assert!(matches("(a{1000}){1000}").is_err());
}

#[test]
fn a_missing_label_is_the_empty_text() {
    let none = Labels::default();
    let matches = |op, value| Matcher::new("team", op, value).expect("valid").matches(&none);
    assert!(matches(MatchOp::Equal, ""));
    assert!(matches(MatchOp::NotEqual, "sales"));
    assert!(matches(MatchOp::Regex, "a?"));
    assert!(!matches(MatchOp::NotRegex, ".*"));
}

proptest! {
    #[test]
    fn a_printed_matcher_reads_back_as_itself(name in "[a-z_][a-z0-9_]{0,8}", value in "[ -~]{0,12}", negated: bool) {
        let op = if negated { MatchOp::NotEqual } else { MatchOp::Equal };
        let matcher = Matcher::new(&name, op, &value).expect("valid");
        prop_assert_eq!(parse_matchers(&matcher.to_string()), Ok(vec![matcher]));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        drop(parse_matchers(&text));
    }
}
