use super::*;

const URL: &str = "http://127.0.0.1:8088";

#[test]
fn the_page_of_the_night() {
    let message = render(&samples::firing(), URL);
    assert_eq!(
        message.subject,
        "[FIRING:1] PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk)"
    );
    assert_eq!(
        message.text,
        "\
41 orders posted late
Since 10:02 UTC, for 15 min now.

AT RISK
  Orders late: 41
  Value at risk: 12,400 EUR

LIKELIEST CAUSE
  A stock valuation report holds locks that stock moves wait for.
  Lock wait p95: 8,200 ms
  Waiting sessions: 17

EXAMPLE
  Trace: http://127.0.0.1:8088/traces/4bf92f3577b34da6a3ce929d0e0e4736

WHAT TO DO
  Cancel the report's session, then watch the posting latency fall.
  Runbook: https://wiki.example.org/late-orders

LINKS
  Incident INC-20261121-7f3a:
    http://127.0.0.1:8088/incidents/INC-20261121-7f3a
  Alert: http://127.0.0.1:8088/rules/OrdersPostedLate

LABELS
  alertname: OrdersPostedLate
  service: sales
  severity: page
  warehouse: WH1
"
    );
}

#[test]
fn the_resolve_says_how_long_it_lasted_and_what_it_cost() {
    let message = render(&samples::resolved(), URL);
    assert_eq!(message.subject, "[RESOLVED] PAGE sales WH1: 41 orders posted late is over after 29 min");
    assert_eq!(
        message.text,
        "\
41 orders posted late
It lasted 29 min: from 10:02 UTC to 10:31 UTC.

IMPACT AT THE END
  Orders late: 41
  Value at risk: 12,400 EUR

LINKS
  Incident INC-20261121-7f3a:
    http://127.0.0.1:8088/incidents/INC-20261121-7f3a
  Alert: http://127.0.0.1:8088/rules/OrdersPostedLate

LABELS
  alertname: OrdersPostedLate
  service: sales
  severity: page
  warehouse: WH1
"
    );
}

#[test]
fn of_several_alerts_the_page_leads_and_the_others_are_short() {
    let message = render(&samples::three_firing(), URL);
    assert_eq!(
        message.subject,
        "[FIRING:3] PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk) (+2 more)"
    );
    let also = "\
ALSO FIRING (2)
  TICKET stock WH2: 12 stock moves wait for a lock since 10:02 UTC
  TICKET: an alert without a name since 10:02 UTC
";
    assert!(message.text.contains(also), "{}", message.text);
}

#[test]
fn a_group_whose_alerts_moved_away_is_still_a_message() {
    let mut notification = samples::resolved();
    notification.alerts.clear();
    let message = render(&notification, URL);
    assert_eq!(message.subject, "[RESOLVED] sales");
    assert!(
        message.text.starts_with("It is over\nNothing of this group fires any more.\n"),
        "{}",
        message.text
    );
}

#[test]
fn no_line_is_wider_than_a_phone_unless_it_is_an_address() {
    let mut notification = samples::firing();
    let long = "every order of the morning waits for the same lock ".repeat(9);
    notification.alerts[0].annotations.insert("cause".to_owned(), long);
    let text = render(&notification, URL).text;
    for line in text.lines().filter(|line| !line.contains("://")) {
        assert!(line.chars().count() < 78, "{line}");
    }
}

#[test]
fn what_telemetry_says_is_never_markup_nor_a_line_of_its_own() {
    let mut notification = samples::firing();
    let evil = "x</h2><img onerror=alert(1) src=y>\r\nBcc: a@example.org\r\n.\r\n{{ .Labels }}\u{202e}";
    for name in
        ["summary", "cause", "evidence_x", "example_x", "example_trace_id", "action", "runbook_url", "other"]
    {
        notification.alerts[0].annotations.insert(name.to_owned(), evil.to_owned());
    }
    notification.alerts[0].labels.set("warehouse", evil);
    notification.alerts[0].generator_url = "javascript:alert(1)//<script>".to_owned();
    let message = render(&notification, URL);
    assert!(!message.html.contains("<img") && !message.html.contains("<script"), "{}", message.html);
    assert!(!message.html.contains("href=\"javascript"), "{}", message.html);
    assert!(!message.subject.contains(['\r', '\n', '\u{202e}']), "{}", message.subject);
    assert!(!message.text.lines().any(|line| line.starts_with("Bcc") || line == "."), "{}", message.text);
    assert!(message.text.contains("{{ .Labels }}"), "printed as text: {}", message.text);
}

#[test]
fn an_amount_that_the_summary_names_is_not_said_twice() {
    let mut notification = samples::firing();
    let annotations = &mut notification.alerts[0].annotations;
    annotations.remove("impact_value_at_risk");
    annotations.insert("impact_amount".to_owned(), "12400.0".to_owned());
    annotations.insert("summary".to_owned(), "41 orders posted late, 12400 EUR of sales held up".to_owned());
    let message = render(&notification, URL);
    assert_eq!(
        message.subject,
        "[FIRING:1] PAGE sales WH1: 41 orders posted late, 12400 EUR of sales held up since 10:02 UTC"
    );
    assert!(message.text.contains("  Amount: 12,400 EUR\n"), "{}", message.text);
}
