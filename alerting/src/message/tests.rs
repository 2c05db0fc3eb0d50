mod browser;
mod injection;
mod snapshots;

use super::*;

const URL: &str = "http://127.0.0.1:8088";

#[test]
fn of_several_alerts_the_page_leads_and_the_others_are_short() {
    let message = render(&samples::three_firing(), URL);
    assert_eq!(message.subject, "[FIRING:3] PAGE sales WH1: 41 orders posted late since 10:02 UTC (+2)");
    let also = "\
ALSO FIRING (2)
  TICKET WH2: 12 stock moves wait for a lock since 10:02 UTC
  TICKET: an alert without a name since 10:02 UTC
";
    assert!(message.text.contains(also), "{}", message.text);
}

#[test]
fn numbers_of_one_rule_are_added_up_by_currency_and_said_by_place() {
    let text = render(&samples::many(), URL).text;
    let part = "\
AT RISK, IN 12 PLACES
  Orders late: 426
  Value at risk: 94,400 EUR
  Value at risk: 46,600 PLN
";
    assert!(text.contains(part), "{text}");
    let place = "\nWHERE\n  WH1 edi: 2 min oldest, 41 orders late, 12,300 EUR value at risk\n";
    assert!(text.contains(place), "{text}");
    assert!(text.contains("  and 2 more places\n"), "{text}");
    assert!(text.contains("ALSO FIRING (50)\n"), "{text}");
    assert!(text.contains("  and 40 more: http://127.0.0.1:8088/incidents/INC-20261121-7f3a\n"), "{text}");
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
    let text = render(&samples::chinese(), URL).text;
    for line in text.lines().filter(|line| !line.contains("://")) {
        assert!(line.chars().count() <= 40, "a Chinese letter is two columns wide: {line}");
    }
}

#[test]
fn a_subject_fits_a_header_and_says_the_most_that_fits() {
    let subject_of = |summary: &str| {
        let mut notification = samples::firing();
        notification.alerts[0].annotations.insert("summary".to_owned(), summary.to_owned());
        render(&notification, URL).subject
    };
    let risk = "[FIRING:1] PAGE sales WH1: late since 10:02 UTC (12,400 EUR at risk)";
    assert_eq!(subject_of("late"), risk);
    assert_eq!(
        subject_of("41 orders of WH1 posted late"),
        "[FIRING:1] PAGE sales: 41 orders of WH1 posted late since 10:02 UTC",
        "the place is in the sentence already"
    );
    let long = "41 orders of warehouse WH1 are posted later than they should, and more will follow soon";
    assert_eq!(subject_of(long), "[FIRING:1] PAGE: 41 orders of warehouse WH1 are posted later than they…");
    assert_eq!(subject_of(&"W".repeat(200)).chars().count(), 78);
}

#[test]
fn an_amount_that_the_summary_names_is_not_said_twice() {
    let mut notification = samples::firing();
    let annotations = &mut notification.alerts[0].annotations;
    annotations.remove("impact_value_at_risk");
    annotations.insert("impact_amount".to_owned(), "12400.0".to_owned());
    annotations.insert("summary".to_owned(), "41 orders posted late, 12400 EUR of sales held up".to_owned());
    let message = render(&notification, URL);
    assert_eq!(message.subject, "[FIRING:1] PAGE WH1: 41 orders posted late, 12400 EUR of sales held up");
    assert!(message.text.contains("  Amount: 12,400 EUR\n"), "{}", message.text);
}
