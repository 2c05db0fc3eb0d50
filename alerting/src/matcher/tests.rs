use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_noted(text, expected, None);
}

#[track_caller]
fn check_noted(text: &str, expected: &[&str], note: Option<Note>) {
    let parsed = parse_with_note(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let shown: Vec<String> = parsed.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(
        (shown.iter().map(String::as_str).collect::<Vec<_>>(), parsed.note),
        (expected.to_vec(), note),
        "{text}"
    );
}

#[test]
fn both_grammars_read_what_people_write() {
    check(r#"severity="page""#, &[r#"severity="page""#]);
    check("severity=page", &[r#"severity="page""#]);
    check(r#"{severity="page", service=~"odoo.*"}"#, &[r#"severity="page""#, r#"service=~"odoo.*""#]);
    check("severity != page , team!~x.y,", &[r#"severity!="page""#, r#"team!~"x.y""#]);
    check(r#"foo="bar,quux", job="job1""#, &[r#"foo="bar,quux""#, r#"job="job1""#]);
    check(r#"{quote="She said: \"Hi!\""}"#, &[r#"quote="She said: \"Hi!\"""#]);
    check(r#"statuscode=~"5..""#, &[r#"statuscode=~"5..""#]);
    check(
        r#"contains_quote != "\"" , contains_comma !~ "foo,bar" , "#,
        &[r#"contains_quote!="\"""#, r#"contains_comma!~"foo,bar""#],
    );
    check(r#"foo="""#, &[r#"foo="""#]);
    check("{}", &[]);
    check("", &[]);
    check("  ", &[]);
}

#[test]
fn only_the_utf8_grammar_reads_other_names_and_go_escapes() {
    check(r#""my label"="a, b""#, &[r#""my label"="a, b""#]);
    check("grüße=🙂", &[r#"grüße="🙂""#]);
    check(r#"{name-with-dashes = "bar"}"#, &[r#"name-with-dashes="bar""#]);
    check(r#""a\"b\\c"="\u00e9\U0001f642\x41\101""#, &[r#""a\"b\\c"="é🙂AA""#]);
    check(r#"{"foo"="bar",}"#, &[r#"foo="bar""#]);
}

/// What Alertmanager reads differently in its two grammars: the classic reading holds.
#[test]
fn where_the_grammars_disagree_the_classic_one_holds() {
    for (text, expected) in [
        (r#"foo="\t""#, r#"foo="\\t""#),
        (r#"foo="bar\tbaz""#, r#"foo="bar\\tbaz""#),
        (r#"foo="\u00e9""#, r#"foo="\\u00e9""#),
        (r#"foo="\x41""#, r#"foo="\\x41""#),
        (r#"foo=~"\r""#, r#"foo=~"\\r""#),
    ] {
        check_noted(text, &[expected], Some(Note::Disagreement));
    }
    check(r#"foo="a\nb\\c\"d""#, &[r#"foo="a\nb\\c\"d""#]);
}

/// The list of Alertmanager's own compliance test: inputs that only its classic grammar takes.
#[test]
fn what_only_the_classic_grammar_takes_is_taken_and_noted() {
    for (text, expected) in [
        ("foo=", vec![r#"foo="""#]),
        ("{foo=", vec![r#"foo="""#]),
        ("{foo='}", vec![r#"foo="'""#]),
        ("{foo=`}", vec![r#"foo="`""#]),
        (r"{foo=\n}", vec![r#"foo="\n""#]),
        (r"{foo=bar\n}", vec![r#"foo="bar\n""#]),
        (r"{foo=\t}", vec![r#"foo="\\t""#]),
        (r"{foo=bar\}", vec![r#"foo="bar\\""#]),
        (r"{foo=bar\\}", vec![r#"foo="bar\\""#]),
        (r#"{foo=\"}"#, vec![r#"foo="\"""#]),
        (r#"{foo=bar\"}"#, vec![r#"foo="bar\"""#]),
        ("tricky=~~~", vec![r#"tricky=~"~~""#]),
        (r#"trickier==\\=\=\""#, vec![r#"trickier="=\\=\\=\"""#]),
        ("{foo=bar}}", vec![r#"foo="bar}""#]),
        ("{foo=bar}},}", vec![r#"foo="bar}}""#]),
        ("{foo=,bar=}}", vec![r#"foo="""#, r#"bar="}""#]),
        ("{foo=}b", vec![r#"foo="}b""#]),
        ("foo=a b", vec![r#"foo="a b""#]),
        (r#"foo=~"a\.b""#, vec![r#"foo=~"a\\.b""#]),
        ("foo=~a|b=c", vec![r#"foo=~"a|b=c""#]),
        ("foo=bar=~", vec![r#"foo="bar=~""#]),
        ("{foo=bar", vec![r#"foo="bar""#]),
    ] {
        check_noted(text, &expected, Some(Note::ClassicOnly));
    }
}

#[test]
fn what_neither_grammar_reads_is_refused_with_an_example() {
    for text in [
        "foo",
        "=x",
        r#"foo="bar"#,
        r#"foo="a"b""#,
        "1a=b c",
        "a=b,,c=d e",
        "{,}",
        r#"job="value"#,
        r#"job=value""#,
        r#"trickier==\\=\=\"""#,
        r#"contains_unescaped_quote = foo"bar"#,
        r#""{foo=\"bar"}"#,
        r#""foo=\"bar""#,
        r#""foo=\"bar\"""#,
        r#""foo=\"bar\""#,
        r#""{foo=\"bar\"}""#,
        r#""foo="bar"""#,
        "{{foo=",
        "a-b=c d",
    ] {
        let error = parse_matchers(text).expect_err(text);
        assert!(error.to_string().contains("severity=\"page\""), "{error}");
    }
    assert!(matches!(parse_matchers(r#"{foo=~"invalid[regexp"}"#), Err(MatcherError::Regex(_))));
    assert!(parse_matchers(&"a=b,".repeat(5_000)).is_err());
}

#[test]
fn one_matcher_is_one_and_stands_without_braces() {
    assert_eq!(parse_matcher("a=b").map(|matcher| matcher.to_string()), Ok(r#"a="b""#.to_owned()));
    for text in ["a=b,c=d", "{a=b}", "", "a"] {
        assert!(parse_matcher(text).is_err(), "{text}");
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

#[test]
fn a_filter_takes_what_all_of_its_matchers_take() {
    let labels: Labels = [("a", "1"), ("b", "2")].into_iter().collect();
    let takes = |texts: &[&str]| Filter::parse(texts).expect("valid").matches(&labels);
    assert!(takes(&[]) && takes(&["a=1", "b=~2|3"]) && takes(&[r#"{a="1",c=""}"#]));
    assert!(!takes(&["a=1", "b=3"]) && !takes(&["c!=\"\""]));
    assert!(Filter::parse(&["a"]).is_err());
}

proptest! {
    #[test]
    fn a_printed_matcher_reads_back_as_itself(name in "[a-z_][a-z0-9_]{0,8}", value in "[ -~\né🙂]{0,12}", negated: bool) {
        let op = if negated { MatchOp::NotEqual } else { MatchOp::Equal };
        let matcher = Matcher::new(&name, op, &value).expect("valid");
        prop_assert_eq!(parse_matchers(&matcher.to_string()), Ok(vec![matcher]));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        drop(parse_matchers(&text));
    }

    #[test]
    fn nor_does_one_of_its_own_characters(text in r#"[ab{}=!~,"\\ nux0-9é']{0,24}"#) {
        drop(parse_matchers(&text));
    }
}
