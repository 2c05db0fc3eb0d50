//! What amtool 0.25 doesn't know yet: functions of later versions, and forms of later Go.

use super::{check, refused};

#[test]
fn labels_and_pairs_have_a_form_of_their_own() {
    check("{{ .GroupLabels }}", "service=sales");
    check(
        "{{ (index .Alerts 0).Labels.SortedPairs }}",
        "alertname=OrdersPostedLate, service=sales, severity=page, warehouse=WH1",
    );
    check("{{ printf \"%s|%v\" .GroupLabels .GroupLabels.SortedPairs }}", "service=sales|service=sales");
}

#[test]
fn the_reason_of_the_notification_is_there() {
    check("{{ .NotificationReason }}", "new alerts added");
    check("[{{ .RouteLabels.team }}][{{ routeLabels \"team\" }}]", "[][]");
}

#[test]
fn times_are_shown_in_a_zone_and_in_words() {
    check(
        "{{ (index .Alerts 0).StartsAt | tz \"Europe/Berlin\" | date \"15:04 MST -0700\" }}",
        "11:02 CET +0100",
    );
    check("{{ tz \"America/New_York\" (index .Alerts 0).StartsAt }}", "2026-11-21 05:02:00 -0500 EST");
    check("{{ date \"2 January 2006\" (index .Alerts 0).StartsAt }}", "21 November 2026");
    check("{{ since (index .Alerts 0).StartsAt }} {{ now | date \"15:04\" }}", "15m0s 10:17");
    check("{{ (since (index .Alerts 0).StartsAt).Minutes }}", "15");
    check("{{ humanizeDuration (since (index .Alerts 0).StartsAt) }}", "15m 0s");
    let said = "{{ humanizeDuration 0 }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration \"90\" }} \
                {{ humanizeDuration 93784 }} {{ humanizeDuration -1.5 }} {{ humanizeDuration 3661.0 }}";
    check(said, "0s 12.3ms 1m 30s 1d 2h 3m 4s -1.5s 1h 1m 1s");
}

#[test]
fn values_become_json_base64_and_addresses() {
    check(
        "{{ toJson .GroupLabels }} {{ toJson (list 1 \"<\" true nil) }}",
        r#"{"service":"sales"} [1,"\u003c",true,null]"#,
    );
    check("{{ toJson (index .Alerts 0).StartsAt }}", "\"2026-11-21T10:02:00Z\"");
    check("{{ base64encode \"ü?>\" }} {{ base64decode \"w7w_Pg==\" }}", "w7w_Pg== ü?>");
    check("{{ urlUnescape \"a%20b+c\" }} {{ trimSpace \"  a b \\n\" }}", "a b c a b");
}

#[test]
fn lists_and_dicts_are_built() {
    check("{{ $l := list 1 2 }}{{ $l = append $l 3 }}{{ range $l }}{{ . }},{{ end }}{{ len $l }}", "1,2,3,3");
    check(
        "{{ $d := dict \"a\" 1 \"b\" (list 2) }}{{ $d.a }} {{ $d.b }} {{ $d.c }} {{ $d }}",
        "1 [2] <no value> map[a:1 b:[2]]",
    );
    check(
        "{{ define \"t\" }}{{ .who }}/{{ .alert.Labels.service }}{{ end }}{{ template \"t\" dict \"who\" \"me\" \"alert\" (index .Alerts 0) }}",
        "me/sales",
    );
}

#[test]
fn else_with_is_a_word_of_todays_go() {
    check("{{ with .CommonLabels.nosuch }}a{{ else with .Status }}{{ . }}{{ else }}c{{ end }}", "firing");
    refused("{{ range .Alerts }}{{ else range .Alerts }}{{ end }}", "else");
}

#[test]
fn names_of_alertmanagers_own_templates_can_be_called() {
    check("{{ template \"__subject\" . }}", "[FIRING:3] sales");
    check("{{ template \"slack.default.titlelink\" . }}", "http://127.0.0.1:8088/#/alerts?receiver=on-call");
    check("{{ template \"pagerduty.default.client\" . }}", "Plimsoll");
    let list =
        "Labels:\n - severity = ticket\nAnnotations:\nSource: http://127.0.0.1:8088/rules/OrdersPostedLate\n";
    check("{{ template \"__text_alert_list\" (slice .Alerts 2 3) }}", list);
}
