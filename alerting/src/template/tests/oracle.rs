//! The same templates rendered by amtool, whose engine is Go's own.

use std::path::Path;
use std::process::Command;

use super::{data, rendered_as};
use crate::template::{Mode, encode};

/// Rendered by both to the same text.
const TEXTS: &[&str] = &[
    // Text, trimming, comments.
    "plain",
    "a {{ `b` }} c",
    "a  {{- \" b\" -}}  c",
    "a\n\n{{- /* nothing */ -}}\n\nb",
    "x{{/* a\ncomment */}}y",
    "{{ \"a\\tb\\u00e9\\x41\\101\\\"\" }}",
    "{{ print\n  1\n  2 }}",
    "{ {{`{{`}} } }}",
    "{{- 3 -}} x",
    "{{-3}}",
    // Fields and chains.
    "{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}",
    "{{ .GroupLabels.service }}/{{ .CommonLabels.severity }}/{{ .CommonLabels.nosuch }}|",
    "{{ (index .Alerts 0).Labels.warehouse }}",
    "{{ .Alerts.Firing | len }} {{ len .Alerts.Resolved }}",
    "{{ with index .Alerts 0 }}{{ .GeneratorURL }} {{ .Fingerprint }} {{ .Status }}{{ end }}",
    "{{ (index .Alerts 0).StartsAt.Format \"2006-01-02T15:04:05Z07:00\" }}",
    "{{ $.Status }}{{ $.Alerts | len | not | not }}",
    // Variables.
    "{{ $x := 1 }}{{ $x }}{{ $x = 2 }}{{ $x }}",
    "{{ $x := \"a\" }}{{ range .Alerts }}{{ $x = print $x .Labels.severity }}{{ end }}{{ $x }}",
    "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}",
    "{{ range $i, $a := .Alerts }}{{ $i }}={{ $a.Status }};{{ end }}",
    "{{ range $name, $value := .CommonLabels }}{{ $name }}={{ $value }};{{ end }}",
    "{{ with $x := .Status }}{{ $x }}{{ end }}",
    "{{ if $x := .CommonLabels.nosuch }}yes{{ else }}no{{ $x }}{{ end }}",
    "{{ range $i, $_ := .Alerts }}{{ if $i }}, {{ end }}{{ $i }}{{ end }}",
    // Control.
    "{{ if .Alerts.Firing }}f{{ else }}r{{ end }}",
    "{{ if eq .Status \"x\" }}1{{ else if eq .Status \"firing\" }}2{{ else }}3{{ end }}",
    "{{ if 0 }}a{{ else if 0.0 }}b{{ else if \"\" }}c{{ else if not nil }}d{{ end }}",
    "{{ with .CommonLabels.nosuch }}{{ . }}{{ else }}none{{ end }}",
    "{{ range .Alerts.Resolved }}{{ .Labels.alertname }}{{ else }}none{{ end }}",
    "{{ range .CommonLabels.Remove (.CommonLabels.Names) }}x{{ else }}none{{ end }}",
    "{{ range .Alerts }}{{ if eq .Labels.severity \"ticket\" }}{{ continue }}{{ end }}{{ .Labels.alertname }};{{ end }}",
    "{{ range $i, $a := .Alerts }}{{ if eq $i 2 }}{{ break }}{{ end }}{{ $i }}{{ end }}",
    "{{ range .Alerts }}{{ range .Labels.SortedPairs }}{{ if eq .Name \"severity\" }}{{ break }}{{ end }}{{ .Name }} {{ end }}|{{ end }}",
    // Templates.
    "{{ define \"a\" }}<{{ . }}>{{ end }}{{ template \"a\" .Status }}{{ template \"a\" 1 }}",
    "{{ define \"a\" }}x{{ end }}{{ template \"a\" }}",
    "{{ define \"a\" }}{{ . }}{{ end }}{{ template \"a\" }}",
    "{{ block \"b\" .Status }}[{{ . }}]{{ end }}{{ template \"b\" 2 }}",
    "{{ define \"r\" }}{{ if gt (len .) 0 }}{{ slice . 0 1 }}.{{ template \"r\" slice . 1 }}{{ end }}{{ end }}{{ template \"r\" \"abc\" }}",
    "{{ template \"own.greeting\" . }}",
    "{{ define \"own.greeting\" }}replaced{{ end }}{{ template \"own.greeting\" . }}",
    "{{ define \"d\" }}{{ $.Status }}{{ end }}{{ with .GroupLabels }}{{ template \"d\" $ }}{{ end }}",
    // Comparison and logic.
    "{{ eq 1 1 }} {{ eq 1 2 3 1 }} {{ ne \"a\" \"b\" }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 1.5 1.0 }} {{ ge \"b\" \"a\" }}",
    "{{ and 1 0 2 }} {{ and 1 2 }} {{ or 0 \"\" \"x\" }} {{ or 0 \"\" }} {{ not 0 }}",
    "{{ and false (index .Alerts 99) }} {{ or true (index .Alerts 99) }}",
    "{{ eq (index .Alerts 0).StartsAt (index .Alerts 0).StartsAt }}",
    "{{ if and (eq .Status \"firing\") (gt (len .Alerts) 1) }}many{{ end }}",
    "{{ true | and 1 }} {{ .Status | eq \"firing\" }}",
    // Length, index, slice.
    "{{ len \"häuser\" }} {{ len .CommonLabels }} {{ len .Alerts }}",
    "{{ index .CommonLabels \"severity\" }}|{{ index .CommonLabels \"nosuch\" }}|{{ index \"abc\" 1 }}",
    "{{ (index .Alerts.Firing 1).Labels.service }}",
    "{{ slice \"abcdef\" 1 3 }} {{ slice \"abc\" 1 }} {{ len (slice .Alerts 1 3) }} {{ slice \"abc\" 3 }}|",
    // Printing.
    "{{ print 1 2 \"a\" 3 4 }} {{ print \"a\" \"b\" }} {{ println 1 \"a\" 2 }}",
    "{{ printf \"%s|%v|%q|%d|%5d|%-5d|%05d|%+d|%x|%X|%c|%U|%t|%%\" \"a\" 1 \"b\\n\" 2 3 4 5 6 255 255 65 8364 true }}",
    "{{ printf \"%f|%.2f|%8.3f|%-8.1f|%g|%e|%v|%06.2f|%+.1f\" 1.5 1.005 3.14159 2.25 100000.0 123456.789 0.1 3.14159 2.0 }}",
    "{{ printf \"%d\" \"a\" }} {{ printf \"%s\" 1 }} {{ printf \"%d\" }} {{ printf \"%d\" 1 2 }} {{ printf \"%z\" 1 }} {{ printf \"%\" }}",
    "{{ printf \"%.2s|%10s|%-10s|%10.3s|\" \"abcdef\" \"ab\" \"ab\" \"abcdef\" }}",
    "{{ printf \"%v %v %s\" (stringSlice \"a\" \"b\") true (stringSlice \"c\") }}",
    "{{ printf \"%T %T %T %T %T %T\" 1 1.5 \"a\" true .CommonLabels .Alerts }}",
    "{{ printf \"%v %t %d\" nil nil nil }}",
    "{{ 1e3 }} {{ 1000000.0 }} {{ 1e21 }} {{ 123456789.5 }} {{ 1e-5 }} {{ 0.0001 }} {{ 0x1F }} {{ 1_000 }} {{ 'a' }} {{ 017 }} {{ -2.50 }}",
    "{{ printf \"%08.3f|% d|%x|%X|%#x|%b|%o\" -3.5 42 \"hé\" \"hé\" 255 5 8 }}",
    "{{ printf \"%6.2f%%\" 99.5 }} {{ printf \"%3c|%-3c|\" 65 66 }} {{ printf \"%q\" 65 }}",
    "{{ print nil 1 }} {{ not nil }} {{ printf \"%v\" nil }}",
    // Escaping by hand.
    "{{ html \"<a href='x'>&\\\"\" }} {{ js \"it's <b> & \\\"x\\\" = \\n\" }} {{ urlquery \"a b&c/ü~\" }}",
    "{{ html 1 \"<\" 2 }} {{ urlquery 1 2 }} {{ \"<\" | html | html }}",
    // Alertmanager's functions.
    "{{ toUpper \"äb\" }} {{ toLower \"ÄB\" }} {{ title \"fooBAR baz-qux éa o'neil\" }}",
    "{{ title \"foo_bar 3foo a.b foo:bar x3y 'quoted' AB\" }}",
    "{{ join \", \" (stringSlice \"a\" \"b\") }}|{{ stringSlice \"x\" | join \"-\" }}|{{ join \"\" (stringSlice) }}",
    "{{ match \"^f.*g$\" .Status }} {{ match \"x\" .Status }} {{ match \"(?i)FIR\" .Status }}",
    "{{ reReplaceAll \"([a-z]+)@.*\" \"<$1>\" \"bob@example.org\" }} {{ reReplaceAll \"a(b)?\" \"[${1}x$$]\" \"ab a\" }}",
    "{{ safeHtml \"<b>\" }}",
    // Labels.
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}",
    "{{ range (index .Alerts 0).Labels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}",
    "{{ .GroupLabels.SortedPairs.Values | join \" \" }} {{ (index .Alerts 0).Labels.SortedPairs.Names | join \",\" }}",
    "{{ (index .Alerts 0).Labels.Names }} {{ (index .Alerts 0).Labels.Values }}",
    "{{ with (index .Alerts 0).Labels.Remove (stringSlice \"alertname\" \"severity\") }}{{ range .SortedPairs }}{{ .Name }},{{ end }}{{ end }}",
    "{{ with .CommonLabels.Remove .GroupLabels.Names }}{{ len . }}{{ .Values | join \" \" }}{{ end }}",
    "{{ range .Alerts }}{{ range .Annotations.SortedPairs }}{{ .Name }}: {{ .Value }}\n{{ end }}{{ end }}",
    // Time.
    "{{ (index .Alerts 0).StartsAt }} {{ (index .Alerts 0).EndsAt }}",
    "{{ with (index .Alerts 0).StartsAt }}{{ .Unix }} {{ .Year }} {{ .Month }} {{ .Day }} {{ .Hour }} {{ .Minute }} {{ .Second }} {{ .Weekday }} {{ .YearDay }}{{ end }}",
    "{{ with (index .Alerts 0).StartsAt }}{{ .Format \"Mon Jan _2 15:04:05 2006 | Monday, 02-Jan-06 03:04PM MST -0700 | 1/2 3:4:5 pm .000 002\" }}{{ end }}",
    "{{ (index .Alerts 0).EndsAt.IsZero }} {{ ((index .Alerts 3).EndsAt.Sub (index .Alerts 3).StartsAt) }} {{ ((index .Alerts 3).EndsAt.Sub (index .Alerts 3).StartsAt).Minutes }}",
    "{{ ((index .Alerts 0).StartsAt.Add 5400000000000).Format \"15:04\" }} {{ (index .Alerts 0).StartsAt.Before (index .Alerts 3).EndsAt }}",
    "{{ printf \"%d %s %v\" (index .Alerts 0).StartsAt.Month (index .Alerts 0).StartsAt.Month ((index .Alerts 3).EndsAt.Sub (index .Alerts 3).StartsAt) }}",
    "{{ (((index .Alerts 3).EndsAt.Sub (index .Alerts 3).StartsAt).Round 3600000000000) }}",
    // As people write them.
    "[{{ .Status | toUpper }}{{ if eq .Status \"firing\" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join \" \" }} {{ if gt (len .CommonLabels) (len .GroupLabels) }}({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join \" \" }}{{ end }}){{ end }}",
    "{{ range .Alerts }}\n*Alert:* {{ .Annotations.title }}{{ if .Labels.severity }} - `{{ .Labels.severity }}`{{ end }}\n*Details:*\n{{ range .Labels.SortedPairs }} • *{{ .Name }}:* `{{ .Value }}`\n{{ end }}\n{{ end }}",
    "{{ .ExternalURL }}/#/silences/new?filter=%7B{{- range .CommonLabels.SortedPairs -}}{{- if ne .Name \"alertname\" -}}{{- .Name }}%3D%22{{- .Value -}}%22%2C%20{{- end -}}{{- end -}}alertname%3D%22{{- .CommonLabels.alertname -}}%22%7D",
    "{{ if eq .Status \"firing\" }}{{ if eq .CommonLabels.severity \"critical\" }}danger{{ else }}warning{{ end }}{{ else }}good{{ end }}",
    "{{ define \"sev\" }}{{ if or (eq . \"page\") (eq . \"critical\") }}:fire:{{ else }}:warning:{{ end }}{{ end }}{{ range .Alerts }}{{ template \"sev\" .Labels.severity }}{{ end }}",
];

/// Rendered by both as HTML to the same page.
const PAGES: &[&str] = &[
    "<p>{{ (index .Alerts 1).Annotations.evil }}</p>",
    "<a href=\"{{ .ExternalURL }}/#/alerts?q={{ (index .Alerts 1).Annotations.evil }}\">x</a>",
    "<a title=\"{{ (index .Alerts 1).Annotations.evil }}\" href='{{ \"javascript:alert(1)\" }}'>x</a>",
    "<a href=\"{{ (index .Alerts 1).Annotations.evil }}/a b\">x</a>",
    "<!-- {{ .Status }} --><b>{{ safeHtml \"<i>1 + 1</i>\" }}</b> 1 < 2",
    "<title>{{ (index .Alerts 1).Annotations.evil }}</title><textarea>{{ .Status }}</textarea>",
    "<!DOCTYPE html><html><head><style>p { color: red }</style></head><body>{{ .Status }}</body></html>",
    "{{ range .Alerts }}<li class=\"{{ .Status }}\">{{ .Labels.alertname }}</li>{{ end }}",
    "<img src=\"https://example.org/{{ .Status }}.png?x={{ \"a b&c\" }}\" alt='{{ \"it\\\"s\" }}'>",
    "<p>{{ 1 }} {{ \"a+b\" }} {{ .CommonLabels.nosuch }}</p>",
    "{{ define \"row\" }}<td>{{ . }}</td>{{ end }}<table><tr>{{ template \"row\" .Status }}</tr></table>",
];

/// Refused by both, be it when read or when rendered.
const REFUSED: &[&str] = &[
    "{{ .Foo }}",
    "{{ range .Alerts }}{{ .Foo }}{{ end }}",
    "{{ nosuch 1 }}",
    "{{ template \"nosuch\" . }}",
    "{{ $x }}",
    "{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}",
    "{{ if true }}",
    "{{ end }}",
    "{{ else }}",
    "{{ break }}",
    "{{ .Status",
    "{{ \"abc }}",
    "{{ /* a */ }}",
    "{{/* a }}",
    "{{ (1 }}",
    "{{ 1) }}",
    "{{ 1 2 }}",
    "{{ .Status 1 }}",
    "{{ nil }}",
    "{{ nil | print }}",
    "{{ 1 | 2 }}",
    "{{ define \"a\" }}",
    "{{ if true }}{{ define \"a\" }}{{ end }}{{ end }}",
    "{{ range 5 }}{{ end }}",
    "{{ range .Status }}{{ end }}",
    "{{ toUpper 5 }}",
    "{{ toUpper }}",
    "{{ join .Status .Status }}",
    "{{ index .Alerts 99 }}",
    "{{ slice \"abc\" 2 1 }}",
    "{{ len 3 }}",
    "{{ lt 1 \"a\" }}",
    "{{ eq 1 \"a\" }}",
    "{{ eq .Alerts .Alerts }}",
    "{{ .Status.Foo }}",
    "{{ .Alerts.Firing.Firing }}",
    "{{ 1.2.3 }}",
    "{{ 1x }}",
    "{{ \"a\"\"b\" }}",
    "{{ 'ab' }}",
    "{{ \"\\q\" }}",
    "{{ reReplaceAll \"(\" \"\" \"a\" }}",
    "{{ match \"(\" \"a\" }}",
    "{{ # }}",
    "{{ if }}x{{ end }}",
    "{{ range .Alerts }}{{ else }}{{ else }}{{ end }}",
    "{{ template nosuch }}",
    "{{ $x := }}",
    "{{ $x, $y := .Alerts }}",
    "{{ true.Foo }}",
    "{{ }}",
];

const REFUSED_PAGES: &[&str] = &[
    "<a href=\"{{ .Status }}",
    "<a {{ if .Status }}href=\"{{ end }}\">",
    "{{ if .Status }}<a title=\"{{ end }}x",
    "<a href=\"{{ if .Status }}?a={{ else }}/b{{ end }}{{ .Status }}\">",
];

struct Amtool {
    folder: tempfile::TempDir,
}

impl Amtool {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let definitions = "{{ define \"own.greeting\" }}hello, {{ .Receiver }}{{ end }}";
        std::fs::write(folder.path().join("own.tmpl"), definitions).expect("written");
        let data = encode::json(&data().dot).expect("JSON");
        std::fs::write(folder.path().join("data.json"), data).expect("written");
        Self { folder }
    }

    /// What it prints, or `None` when it refuses.
    fn render(&self, text: &str, mode: Mode) -> Option<String> {
        let at = |name: &str| Path::join(self.folder.path(), name).display().to_string();
        let kind = if mode == Mode::Html { "html" } else { "text" };
        let output = Command::new("amtool")
            .args(["template", "render", &format!("--template.glob={}", at("own.tmpl"))])
            .args([format!("--template.text={text}"), format!("--template.data={}", at("data.json"))])
            .arg(format!("--template.type={kind}"))
            .output()
            .expect("amtool, which `make test` installs");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
    }

    fn ours(&self, text: &str, mode: Mode) -> Result<String, String> {
        let file = self.folder.path().join("own.tmpl");
        let (definitions, errors) = crate::template::Definitions::load(&[file]);
        assert_eq!(errors, []);
        let template = crate::template::Template::parse("text", text, mode, &definitions);
        template.and_then(|template| template.render(&data())).map_err(|error| error.to_string())
    }

    /// Every disagreement at once.
    fn compare(&self, texts: &[&str], mode: Mode) {
        let mut different = Vec::new();
        for text in texts {
            let theirs = self.render(text, mode);
            let ours = self.ours(text, mode);
            if ours.as_deref().ok() != theirs.as_deref() || ours.is_err() {
                different.push(format!("{text}\n  theirs: {theirs:?}\n  ours:   {ours:?}"));
            }
        }
        assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    }

    fn both_refuse(&self, texts: &[&str], mode: Mode) {
        let mut taken = Vec::new();
        for text in texts {
            if let Some(theirs) = self.render(text, mode) {
                taken.push(format!("amtool takes {text}: {theirs}"));
            }
            if let Ok(ours) = self.ours(text, mode) {
                taken.push(format!("we take {text}: {ours}"));
            }
        }
        assert!(taken.is_empty(), "{}", taken.join("\n"));
    }
}

#[test]
fn texts_are_rendered_as_amtool_renders_them() {
    assert!(TEXTS.len() + PAGES.len() >= 80);
    Amtool::new().compare(TEXTS, Mode::Text);
}

#[test]
fn pages_are_rendered_as_amtool_renders_them() {
    Amtool::new().compare(PAGES, Mode::Html);
}

#[test]
fn what_amtool_refuses_we_refuse() {
    let amtool = Amtool::new();
    amtool.both_refuse(REFUSED, Mode::Text);
    amtool.both_refuse(REFUSED_PAGES, Mode::Html);
}

#[test]
fn a_text_without_actions_is_itself_in_both() {
    assert_eq!(rendered_as("a \u{202e} b", Mode::Text).as_deref(), Ok("a \u{202e} b"));
}
