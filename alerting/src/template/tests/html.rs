//! Values are text, wherever in a page they stand.

use proptest::prelude::*;

use super::{DEFINITIONS, data, rendered_as};
use crate::message::samples;
use crate::template::{Data, Definitions, Mode, Template};

#[track_caller]
fn refused(text: &str, words: &str) {
    let error = Template::parse("page", text, Mode::Html, &Definitions::default()).expect_err(text);
    assert!(error.to_string().contains(words), "{text}: {error}");
}

#[test]
fn places_where_escaping_would_be_guesswork_take_no_values() {
    refused("<script>var a = \"{{ .Status }}\"</script>", "page:1: a value can't stand in a script or style");
    refused("<style>p { color: {{ .Status }} }</style>", "in a script or style");
    refused("a\n<p onclick=\"{{ .Status }}\">", "page:2: a value can't stand in the attribute `onclick`");
    refused("<p style=\"color:{{ .Status }}\">", "in the attribute `style`");
    refused("<p title={{ .Status }}>", "put the attribute's value in quotes");
    refused("<p {{ .Status }}>", "in a tag, outside of quotes");
    refused("<p title=\"a", "ends inside of a tag");
    refused("{{ if .Status }}<script>{{ end }}x", "branches end in different places");
    refused("{{ range .Alerts }}<p title=\"{{ end }}", "in different places");
    refused("{{ js .Status }}", "`js` has no place in a page");
}

#[test]
fn the_page_of_alertmanagers_own_name_escapes_what_alerts_say() {
    let page = rendered_as("{{ template \"email.default.html\" . }}", Mode::Html).expect("rendered");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

/// Every place that takes a value, filled with it.
const PLACES: &str = "<!DOCTYPE html><html><head><title>{{ $v := (index .Alerts 0).Annotations.v }}{{ $v }}</title></head>\
<body><p>{{ $v }}</p><p title=\"{{ $v }}\" class='{{ $v }}'>x</p><a href=\"{{ $v }}\">x</a>\
<a href=\"https://example.org/{{ $v }}?q={{ $v }}#{{ $v }}\">x</a><img alt=\"{{ $v }}\" src='/{{ $v }}'></body></html>";

/// The markup alone: what stands between quotes in tags, and between tags, is left out.
fn skeleton(page: &str) -> String {
    let (mut out, mut in_tag, mut quote) = (String::new(), false, None);
    for c in page.chars() {
        match (in_tag, quote) {
            (true, Some(q)) if c == q => quote = None,
            (true, Some(_)) => continue,
            (true, None) if c == '"' || c == '\'' => quote = Some(c),
            (true, None) if c == '>' => in_tag = false,
            (false, _) if c == '<' => in_tag = true,
            (false, _) => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

fn page_of(value: &str) -> String {
    let mut notification = samples::firing();
    notification.alerts[0].annotations.insert("v".to_owned(), value.to_owned());
    let template = Template::parse("page", PLACES, Mode::Html, &DEFINITIONS).expect("valid");
    template.render(&Data::new(&notification, "http://127.0.0.1:8088")).expect("rendered")
}

proptest! {
    #[test]
    fn no_value_changes_the_markup_or_becomes_a_script(
        value in r#"(javascript:|data:|JAVASCRIPT&#58;|"|'|<|>|&|/|-->|</title>|<script>|=| |\{\{|[a-zü\x00-\x1f])*"#
    ) {
        let page = page_of(&value);
        prop_assert_eq!(skeleton(&page), skeleton(&page_of("x")), "{}", page);
        let first = page.split("<a href=\"").nth(1).unwrap_or_default().split('"').next().unwrap_or_default();
        let scheme = first.split(['/', '?', '#']).next().unwrap_or_default();
        prop_assert!(!scheme.contains(':') || scheme.starts_with("http") || scheme.starts_with("mailto"), "{}", first);
    }
}

#[test]
fn data_has_what_the_pages_of_others_show() {
    let text = "{{ range .Alerts.Firing }}{{ .Annotations.evil }}{{ end }}";
    let text = Template::parse("text", text, Mode::Text, &Definitions::default()).expect("valid");
    assert!(text.render(&data()).expect("rendered").contains("{{ .Status }}"), "data is never a template");
}
