use super::*;
use crate::route::GroupBy;

fn load(yaml: &str) -> (Option<Routing>, Vec<Finding>) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, yaml).expect("written");
    Routing::load(&Config { file, ..Config::default() })
}

const GOOD: &str = r#"
global:
  smtp_smarthost: mail.example.org:587
  smtp_from: Plimsoll <alerts@example.org>
  smtp_auth_username: alerts
  smtp_auth_password: hunter2
  resolve_timeout: 10m
route:
  receiver: tickets
  group_by: [service]
  group_wait: 10s
  routes:
    - matchers: ['severity="page"']
      receiver: on-call
      group_by: ['...']
      repeat_interval: 1h
      routes:
        - match: {team: stock}
          match_re: {warehouse: WH.}
          continue: true
          group_by: []
inhibit_rules:
  - source_matchers: [severity="page"]
    target_matchers: [severity="ticket"]
    equal: [service]
receivers:
  - name: tickets
    email_configs:
      - to: 'one@example.org, Two <two@example.org>'
        headers: {Subject: a fixed subject}
  - name: on-call
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
    webhook_configs:
      - url: http://127.0.0.1:9/hook?token=hunter2
        max_alerts: 3
        http_config: {authorization: {credentials: hunter2}}
"#;

#[test]
fn a_whole_file_is_understood_with_its_inheritance() {
    let (routing, findings) = load(GOOD);
    assert_eq!(findings, []);
    let routing = routing.expect("valid");
    assert_eq!(routing.resolve_timeout, Duration::from_secs(600));
    let page = &routing.root.routes[0];
    assert_eq!(page.path, r#"{}/{severity="page"}"#);
    assert_eq!(page.group_by, GroupBy::All);
    assert_eq!(page.timing.group_wait, Duration::from_secs(10));
    assert_eq!(page.timing.group_interval, Duration::from_secs(300));
    assert_eq!(page.timing.repeat_interval, Duration::from_secs(3600));
    let stock = &page.routes[0];
    assert_eq!(stock.path, r#"{}/{severity="page"}/{team="stock",warehouse=~"^(?:WH.)$"}"#);
    assert_eq!((stock.receiver.as_str(), stock.continues), ("on-call", true));
    assert_eq!(stock.group_by, GroupBy::none());
    let names: Vec<_> =
        routing.receivers["on-call"].integrations.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["pagerduty[0]", "webhook[0]"]);
    let IntegrationKind::Email(email) = &routing.receivers["tickets"].integrations[0].kind else {
        panic!("an e-mail integration");
    };
    assert_eq!(email.to.iter().count(), 2);
    assert!(email.require_tls && !routing.receivers["tickets"].integrations[0].send_resolved);
}

#[test]
fn no_secret_is_printed() {
    let (routing, _) = load(GOOD);
    let printed = format!("{:?}", routing.expect("valid"));
    assert!(!printed.contains("hunter2") && !printed.contains("0123456789abcdef"), "{printed}");
    // A parse error on the line of a secret must not quote it.
    let (_, findings) = load("global:\n  smtp_auth_password: hunter2\n  smtp_require_tls: [1]\n");
    assert!(!findings[0].to_string().contains("hunter2"), "{}", findings[0]);
}

#[track_caller]
fn check_refused(yaml: &str, line: u64, words: &str) {
    let (routing, findings) = load(yaml);
    assert!(routing.is_none());
    let found = findings
        .iter()
        .any(|finding| finding.is_error && finding.line == line && finding.message.contains(words));
    assert!(found, "wanted line {line} {words:?}, got {findings:#?}");
}

#[test]
fn what_we_do_not_have_is_refused_with_line_and_cure() {
    let tail = "route: {receiver: a}\nreceivers:\n  - name: a\n";
    check_refused(
        &format!("{tail}    opsgenie_configs:\n      - api_key: x\n"),
        4,
        "receiver type `opsgenie_configs` does not exist here: use email_configs",
    );
    check_refused("globl: {}\n", 1, "unknown key `globl`: remove it, or use one of global");
    check_refused(&format!("{tail}    pagerduty_configs:\n      - service_key: x\n"), 5, "use routing_key");
    check_refused(
        &format!("{tail}    webhook_configs:\n      - url: 'ftp://x'\n"),
        5,
        "starts with https://",
    );
    check_refused(
        &format!(
            "{tail}    email_configs:\n      - to: '{{{{ .x }}}}'\n        from: a@b.c\n        smarthost: a:25\n"
        ),
        5,
        "templates are not supported",
    );
}

#[test]
fn alertmanagers_own_validation_holds() {
    check_refused("receivers: [{name: a}]\n", 1, "there is no `route`");
    check_refused("route: {group_wait: 5s}\nreceivers: [{name: a}]\n", 1, "no receiver");
    check_refused(
        "route: {receiver: a, matchers: [x=y]}\nreceivers: [{name: a}]\n",
        1,
        "must match everything",
    );
    check_refused(
        "route:\n  receiver: b\nreceivers: [{name: a}]\n",
        2,
        "undefined receiver `b`: define it, or use one of a",
    );
    check_refused("route: {receiver: a}\nreceivers:\n  - name: a\n  - name: a\n", 4, "defined twice");
    check_refused("route: {receiver: a, group_by: [x, x]}\nreceivers: [{name: a}]\n", 1, "stands twice");
    check_refused("route: {receiver: a, group_by: ['...', x]}\nreceivers: [{name: a}]\n", 1, "stand alone");
    check_refused(
        "route:\n  receiver: a\n  group_wait: soon\nreceivers: [{name: a}]\n",
        3,
        "write it like 30s",
    );
    check_refused("route: {receiver: a, group_interval: 0s}\nreceivers: [{name: a}]\n", 1, "cannot be zero");
    check_refused(
        "route:\n  receiver: a\n  routes:\n    - matchers: ['a=~\"(\"']\nreceivers: [{name: a}]\n",
        4,
        "regular expression",
    );
    check_refused(
        "route: {receiver: a}\nreceivers:\n  - name: a\n    email_configs: [{to: x@example.org}]\n",
        4,
        "smtp_from",
    );
    check_refused(
        "route: {receiver: a}\nreceivers:\n  - name: a\n    pagerduty_configs: [{}]\n",
        4,
        "`routing_key` is missing",
    );
}

#[test]
fn a_secret_file_that_is_not_there_is_a_warning() {
    let (routing, findings) = load(
        "route: {receiver: a}\nreceivers:\n  - name: a\n    pagerduty_configs: [{routing_key_file: no/such/key}]\n",
    );
    assert!(routing.is_some());
    assert!(!findings[0].is_error && findings[0].message.contains("no/such/key"), "{findings:?}");
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let config = Config { file: "/no/such/alertmanager.yml".into(), ..Config::default() };
    let (routing, findings) = Routing::load(&config);
    assert!(routing.is_none());
    assert!(findings[0].to_string().contains("cannot read the routing file"), "{}", findings[0]);
}

#[test]
fn files_of_templates_are_checked_with_the_file_that_names_them() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("own.tmpl", "{{ define \"own.title\" }}\n{{ nosuch }}{{ end }}");
    write("alertmanager.yml", "templates: ['*.tmpl']\nroute: {receiver: a}\nreceivers: [{name: a}]\n");
    let file = folder.path().join("alertmanager.yml");
    let (routing, findings) = Routing::load(&Config { file, ..Config::default() });
    assert!(routing.is_none());
    assert_eq!((findings[0].line, &findings[0].file), (2, &folder.path().join("own.tmpl")));
    assert!(findings[0].message.starts_with("there is no function `nosuch`"), "{findings:?}");
}

#[track_caller]
fn check_warned(yaml: &str, line: u64, words: &str) {
    let (routing, findings) = load(yaml);
    assert!(routing.is_some(), "{findings:#?}");
    let found = findings
        .iter()
        .any(|finding| !finding.is_error && finding.line == line && finding.message.contains(words));
    assert!(found, "wanted line {line} {words:?}, got {findings:#?}");
}

#[test]
fn what_is_right_and_worth_a_word_is_a_warning() {
    let route =
        |child: &str| format!("route:\n  receiver: a\n  routes:\n    - {child}\nreceivers: [{{name: a}}]\n");
    check_warned(&route("repeat_interval: 1w"), 4, "here it holds as written");
    check_warned(&route("repeat_interval: 1m"), 4, "shorter than group_interval");
    let former = "route: {receiver: a}\nreceivers: [{name: a}]\nmute_time_intervals:\n  - name: night\n";
    check_warned(former, 4, "rename it");
    check_warned(&route("matchers: ['a=b c']"), 4, "write a=\"b c\"");
    check_warned(&route(r#"matchers: ['a="\t"']"#), 4, r#"which is read as a="\\t""#);
}

#[test]
fn a_time_interval_has_its_cure() {
    let with = |field: &str| {
        format!(
            "route: {{receiver: a}}\nreceivers: [{{name: a}}]\ntime_intervals:\n  - name: i\n    time_intervals:\n      - {field}\n"
        )
    };
    let times = "times: [{start_time: '22:00', end_time: '06:00'}]";
    check_refused(&with(times), 6, "over midnight, write two entries");
    check_refused(&with("weekdays: ['friday:monday']"), 6, "split it in two");
    check_refused(&with("days_of_month: ['-3:3']"), 6, "as in -3:-1");
    check_refused(&with("location: Mars/Utopia"), 6, "IANA database");
    let unknown =
        "route:\n  receiver: a\n  routes:\n    - mute_time_intervals: [night]\nreceivers: [{name: a}]\n";
    check_refused(unknown, 4, "undefined time interval `night`");
}

#[test]
fn local_is_the_machines_zone() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("alertmanager.yml");
    let yaml = "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: i, time_intervals: [{location: Local}]}]\n";
    std::fs::write(&file, yaml).expect("written");
    let zone = |local: Option<&str>| {
        let local_time_zone = local.map(ToOwned::to_owned);
        let (routing, findings) =
            Routing::load(&Config { file: file.clone(), local_time_zone, ..Config::default() });
        (routing.expect("valid").time_intervals.0["i"][0].zone, findings.len())
    };
    assert_eq!(zone(None), (chrono_tz::UTC, 0));
    assert_eq!(zone(Some("Europe/Berlin")), (chrono_tz::Europe::Berlin, 0));
    assert_eq!(zone(Some("CET-1CEST")), (chrono_tz::UTC, 1));
}

fn with_receiver(lines: &str) -> (Option<Routing>, Vec<Finding>) {
    load(&format!(
        "global: {{smtp_smarthost: 'mail.example.org:587', smtp_from: a@example.org, slack_api_url: 'https://hooks.example.org/x'}}\n\
         route: {{receiver: a}}\nreceivers:\n  - name: a\n{lines}"
    ))
}

#[test]
fn texts_of_receivers_are_templates_of_their_kind() {
    let (routing, findings) = with_receiver(
        "    email_configs:\n      - to: b@example.org\n        headers: {Subject: '{{ template \"__subject\" . }}'}\n        \
         html: '<p>{{ .Status }}</p>'\n    slack_configs:\n      - channel: '#{{ .GroupLabels.service }}'\n        \
         text: '{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}'\n",
    );
    assert_eq!(findings, []);
    assert!(routing.is_some());
    let (_, findings) = with_receiver(
        "    email_configs:\n      - to: b@example.org\n        html: '<script>{{ .Status }}</script>'\n        text: '{{ .Nosuch }}'\n",
    );
    let said: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(said.iter().any(|said| said.starts_with("`html`: a value can't stand in a script")), "{said:?}");
    assert!(said.iter().any(|said| said.starts_with("`text`: the message has no `.Nosuch`")), "{said:?}");
}

/// The first block of its kind below the heading.
fn block(page: &str, fence: &str) -> String {
    let (_, section) = page.split_once("## Messages and templates").expect("the section");
    let (_, block) = section.split_once(fence).expect("a block");
    block.split("\n```").next().unwrap_or_default().to_owned()
}

#[test]
fn the_manuals_example_is_taken_by_us_and_by_amtool() {
    let page = include_str!("../../../docs/alerting.md");
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, block(page, "```yaml\n")).expect("written");
    let template = format!("{{{{ define{}", block(page, "```\n{{ define"));
    std::fs::write(folder.path().join("shop.tmpl"), template).expect("written");
    let (routing, findings) = Routing::load(&Config { file: file.clone(), ..Config::default() });
    assert_eq!(findings, []);
    assert!(routing.is_some());
    let amtool = std::process::Command::new("amtool").arg("check-config").arg(&file).output();
    let amtool = amtool.expect("amtool, which `make test` installs");
    assert!(amtool.status.success(), "{}", String::from_utf8_lossy(&amtool.stdout));
}

#[test]
fn a_second_channel_that_is_no_receiver_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, "route: {receiver: a}\nreceivers: [{name: a}, {name: b}]\n").expect("written");
    let load = |first: &str, second: &str| {
        let mut config = Config { file: file.clone(), ..Config::default() };
        config.outbound.second_channels.by_receiver.insert(first.to_owned(), second.to_owned());
        Routing::load(&config)
    };
    for (first, second) in [("a", "b"), ("*", "b")] {
        assert!(load(first, second).0.is_some());
    }
    for (first, second) in [("a", "c"), ("c", "b"), ("a", "*")] {
        let (routing, findings) = load(first, second);
        assert!(routing.is_none() && findings[0].message.contains("second_channels"), "{findings:?}");
    }
}
