//! Whoever may write a span, a label or an annotation can make a message show text, and nothing else.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::{Line, Message, render, samples, sections};
use super::URL;

/// Everything at once.
pub(super) const ATTACK: &str = "\u{202e}x</td></tr></table></div><script>window.hit=1</script><img src=x onerror=\"window.hit=2\">\
\" onmouseover='window.hit=3' style=\"position:fixed\r\nBcc: a@example.org\r\n\r\n.\r\n{{ .Labels }} {{ template \"x\" }}\
<!channel> <http://evil.example|click> [click](javascript:alert(1)) <style>*{display:none}</style><link rel=stylesheet \
href=//evil.example/x.css>&#x3c;b&#x3e;\0\u{7}\u{200b}\u{feff}";

/// Tags as they stand, without the addresses of links.
fn tags(html: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let body = html.split_once("</style>").expect("our own styles").1;
    for part in body.split('<').skip(1) {
        let tag = part.split('>').next().unwrap_or_default();
        let tag = match tag.split_once("href=\"") {
            Some((before, rest)) => format!("{before}href={}", rest.split_once('"').expect("closed").1),
            None => tag.to_owned(),
        };
        found.insert(tag);
    }
    found
}

fn addresses(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1);
    links.map(|part| part.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[track_caller]
fn check(text: &str, known: &BTreeSet<String>) {
    let notification = samples::written_by(text);
    let Message { subject, text: plain, html } = render(&notification, URL);
    assert!(subject.chars().count() <= 78 && !subject.chars().any(char::is_control), "{subject:?}");
    assert!(!plain.replace('\n', "").chars().any(char::is_control), "{plain:?}");
    assert!(!plain.lines().any(|line| line == "." || line.starts_with("Bcc:")), "{plain}");
    let strange: Vec<String> = tags(&html).difference(known).cloned().collect();
    assert_eq!(strange, [""; 0], "{html}");
    for address in addresses(&html) {
        assert!(address.starts_with("http://") || address.starts_with("https://"), "{address}");
    }
    for hidden in ['\u{202e}', '\u{200b}', '\u{feff}', '\0'] {
        assert!(!html.contains(hidden) && !plain.contains(hidden) && !subject.contains(hidden));
    }
    for line in sections(&notification, URL).iter().flat_map(|section| &section.lines) {
        let (Line::Text(text) | Line::Item { value: text, .. } | Line::Link { url: text, .. }) = line;
        assert!(text.chars().count() <= 2100 && !text.chars().any(char::is_control), "{text}");
    }
    assert!(html.len() < 256 << 10, "{} bytes", html.len());
}

/// Of messages that nobody meant ill.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(known);

fn known() -> BTreeSet<String> {
    let harmless = ["x", "https://example.org/x", "12", "2026-11-21T10:02:00Z"].map(samples::written_by);
    let stories = super::snapshots::all().into_iter().map(|(_, notification)| notification);
    let all = harmless.into_iter().chain(stories);
    all.flat_map(|notification| tags(&render(&notification, URL).html)).collect()
}

#[test]
fn the_worst_that_we_thought_of_is_shown_as_text() {
    check(ATTACK, &KNOWN);
    check(&"W".repeat(1 << 20), &KNOWN);
    check(&"<b>&\"'".repeat(100_000), &KNOWN);
    check("javascript:alert(1)", &KNOWN);
    check("https://example.org/\"onmouseover=\"x", &KNOWN);
    let message = render(&samples::written_by("{{ .Labels }}"), URL);
    assert!(message.text.contains("{{ .Labels }}") && message.html.contains("{{ .Labels }}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_changes_a_message_beyond_being_shown(
        text in r#"(<[a-z/!]{1,6}|>|"|'|&|\r\n|\n|\x00|\{\{|\}\}|javascript:|https?://[a-z]{1,5}|\u{202e}|=|\*|_|`|\||[a-zü中 ]|\PC)*"#
    ) {
        check(&text, &KNOWN);
    }
}
