//! What is refused says where, what, and what to do.

use std::path::PathBuf;

use super::{refused, rendered};
use crate::template::{Definitions, Mode, Template};

#[test]
fn a_mistake_is_told_with_its_line_and_a_cure() {
    refused("a\nb {{ nosuch . }}", "text:2: there is no function `nosuch`: use one of and, append");
    refused("{{ .Statsu }}", "text:1: the message has no `.Statsu`: use one of Receiver, Status, Alerts");
    refused(
        "{{ range .Alerts }}\n{{ .Label.x }}{{ end }}",
        "text:2: an alert has no `.Label`: use one of Status, Labels",
    );
    refused(
        "{{ range .GroupLabels.SortedPairs }}{{ .Key }}{{ end }}",
        "a pair has no `.Key`: use one of Name, Value",
    );
    refused("{{ .Alerts.firing }}", "a list of alerts has no `.firing`: use one of Firing, Resolved");
    refused(
        "{{ template \"nosuch\" }}",
        "there is no template `nosuch`: define it, load its file by `templates`",
    );
    refused("{{ if .Status }}\n\nx", "text:1: this `if` has no end");
    refused("\n{{ .Status", "text:2: an action is not closed");
    refused("{{ call .Status }}", "there is no function `call`");
    refused("{{ $y }}", "the variable `$y` is not declared here");
    refused("{{ \"(\" | print }}{{ match \"(\" .Status }}", "`(` is not a regular expression");
    refused("{{ range .Status }}{{ end }}", "range can't go over a string");
}

#[test]
fn what_only_the_alerts_can_show_is_an_error_of_the_rendering() {
    let error = rendered("x\n{{ (index .Alerts 99).Status }}").expect_err("out of range");
    assert_eq!(error.to_string(), "text:2: index: 99 is out of range: there are 4");
    let error = rendered("{{ printf \"%#v\" .Status }}").expect_err("not supported");
    assert!(error.to_string().contains("%#v is not supported"), "{error}");
}

fn loaded(files: &[(&str, &str)], pattern: &str) -> (Definitions, Vec<String>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let (definitions, errors) = Definitions::load(&[folder.path().join(pattern)]);
    let prefix = format!("{}/", folder.path().display());
    let errors = errors.iter().map(|error| error.to_string().replace(&prefix, "")).collect();
    (definitions, errors, folder)
}

#[test]
fn files_of_templates_are_read_by_patterns_and_the_later_one_wins() {
    let files = [
        ("a.tmpl", "{{ define \"x\" }}a{{ end }}{{ define \"__subject\" }}ours{{ end }}"),
        ("b.tmpl", "{{ define \"x\" }}b {{ template \"__subject\" . }}{{ end }}"),
    ];
    let (definitions, errors, _folder) = loaded(&files, "*.tmpl");
    assert_eq!(errors, [""; 0]);
    let template =
        Template::parse("text", "{{ template \"x\" . }}", Mode::Text, &definitions).expect("valid");
    assert_eq!(template.render(&super::data()).as_deref(), Ok("b ours"));
}

#[test]
fn a_file_with_a_mistake_is_named_and_one_that_is_missing_is_none() {
    let (_, errors, _folder) =
        loaded(&[("a.tmpl", "\n{{ define \"x\" }}{{ template \"y\" . }}{{ end }}")], "*.tmpl");
    assert!(errors[0].starts_with("a.tmpl:2: there is no template `y`"), "{errors:?}");
    let (_, errors, _folder) = loaded(&[("a.tmpl", "{{ define \"x\" }}")], "*.tmpl");
    assert_eq!(errors, ["a.tmpl:1: this definition has no end"]);
    let (definitions, errors) = Definitions::load(&[PathBuf::from("/nosuch/*.tmpl")]);
    assert_eq!(errors, []);
    assert!(Template::parse("text", "{{ template \"__subject\" . }}", Mode::Text, &definitions).is_ok());
}
