//! No template takes the process down or holds up the page.

use proptest::prelude::*;

use super::{DEFINITIONS, data, rendered, rendered_as};
use crate::template::{Mode, Template};

#[track_caller]
fn stopped(text: &str, words: &str) {
    let error = rendered(text).expect_err(text).to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_would_not_end_is_stopped() {
    stopped("{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}", "deeper than 100");
    let doubling = "{{ $x := \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }}{{ range stringSlice ITEMS }}\
                    {{ $x = print $x $x }}{{ end }}{{ $x }}";
    stopped(&doubling.replace("ITEMS", &"\"a\" ".repeat(40)), "larger than 1048576 bytes");
    let nested = "{{ $l := stringSlice ITEMS }}{{ range $l }}{{ range $l }}{{ range $l }}{{ range $l }}x\
                  {{ end }}{{ end }}{{ end }}{{ end }}";
    stopped(&nested.replace("ITEMS", &"\"a\" ".repeat(100)), "too many steps");
    stopped("{{ printf \"%100000d\" 1 }}", "larger than 1000");
    stopped("{{ match \"(a{1000}){1000}\" .Status }}", "is not a regular expression");
    stopped(&format!("{{{{ {}1{} }}}}", "(".repeat(30), ")".repeat(30)), "nested deeper than 20");
    stopped(&format!("{}{}", "{{ if true }}".repeat(60), "{{ end }}".repeat(60)), "nested deeper than 40");
    stopped(&"x".repeat(600 << 10), "larger than 524288 bytes");
}

#[test]
fn the_deepest_that_is_allowed_fits_the_stack() {
    let inner = format!("{}{{{{ template \"r\" . }}}}{}", "{{ if . }}".repeat(38), "{{ end }}".repeat(38));
    stopped(
        &format!("{{{{ define \"r\" }}}}{inner}{{{{ end }}}}{{{{ template \"r\" . }}}}"),
        "deeper than 100",
    );
}

/// Pieces of the language, put together by chance.
fn any_template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{{ "),
        Just(" }}"),
        Just("{{- "),
        Just(" -}}"),
        Just("{{/*"),
        Just("*/}}"),
        Just("if "),
        Just("else "),
        Just("end"),
        Just("range "),
        Just("with "),
        Just("define \"a\""),
        Just("template \"a\" "),
        Just("break"),
        Just("block \"b\" "),
        Just("$x := "),
        Just("$x "),
        Just("$x = "),
        Just(". "),
        Just(".Alerts "),
        Just(".CommonLabels "),
        Just("$ "),
        Just("| "),
        Just("( "),
        Just(") "),
        Just("len "),
        Just("index "),
        Just("slice "),
        Just("printf "),
        Just("\"%d%s%q%5.1f\" "),
        Just("1 "),
        Just("-1 "),
        Just("1.5 "),
        Just("\"é\" "),
        Just("nil "),
        Just("and "),
        Just("eq "),
        Just("join "),
        Just("stringSlice "),
        Just("title "),
        Just("dict "),
        Just("date "),
        Just("toJson "),
        Just("reReplaceAll "),
        Just("humanizeDuration "),
        Just(".StartsAt"),
        Just("text"),
        Just("<a href=\""),
        Just("\">"),
        Just("<script>"),
        Just("</script>"),
        Just("<!--"),
        Just("-->"),
        Just("{{ end }}"),
        Just("{{ range .Alerts }}"),
        Just("{{ . }}"),
        Just("ü\n"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_taken_or_refused_and_never_a_panic(text in any_template(), noise in "\\PC{0,60}") {
        for text in [text.as_str(), noise.as_str(), &format!("{{{{ {noise} }}}}")] {
            for mode in [Mode::Text, Mode::Html] {
                if let Ok(template) = Template::parse("fuzz", text, mode, &DEFINITIONS) {
                    // Refused or not, it comes back.
                    drop(template.render(&data()));
                }
            }
        }
    }

    #[test]
    fn functions_take_whatever_they_are_given(
        name in prop::sample::select(crate::template::functions::names().collect::<Vec<_>>()),
        arguments in prop::collection::vec(prop::sample::select(vec![
            "1", "-9223372036854775808", "9223372036854775807", "1.5", "-0.0", "\"\"", "\"é%s\"", "\"(\"", "nil", "true", ".", "$.Alerts",
            "$.CommonLabels", "(index $.Alerts 0).StartsAt", "(since (index $.Alerts 0).EndsAt)", "(stringSlice \"a\" \"b\")",
            "(list 1 nil)", "(dict \"a\" 1)", "(safeHtml \"<\")", "0",
        ]), 0..4),
    ) {
        let text = format!("{{{{ {name} {} }}}}", arguments.join(" "));
        drop(rendered_as(&text, Mode::Text));
        drop(rendered_as(&text, Mode::Html));
    }
}
