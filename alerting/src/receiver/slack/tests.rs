use super::*;
use crate::config::{Field, HttpConfig, Secret, SecretSource};
use crate::message::{render, samples};
use crate::notification::Notification;

fn config() -> SlackConfig {
    SlackConfig {
        address: SlackAddress::Webhook(SecretSource::Inline(Secret::new("http://127.0.0.1:9"))),
        channel: None,
        username: None,
        color: None,
        title: None,
        title_link: None,
        pretext: None,
        text: None,
        message_text: None,
        fields: Vec::new(),
        footer: None,
        fallback: None,
        callback_id: None,
        icon_emoji: None,
        icon_url: None,
        image_url: None,
        thumb_url: None,
        link_names: false,
        mrkdwn_in: None,
        actions: Vec::new(),
        http: HttpConfig::default(),
    }
}

fn body_of(config: &SlackConfig, notification: &Notification) -> Value {
    let url = "http://127.0.0.1:8088";
    let message = render(notification, url);
    let now = notification.decided_at;
    body(config, Parcel { notification, message: &message, public_url: url, timeout: None, now })
}

#[test]
fn a_page_is_red_and_links_to_its_incident() {
    let body = body_of(&config(), &samples::firing());
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["color"], "danger");
    assert!(attachment["title"].as_str().is_some_and(|title| title.contains("PAGE sales WH1: 41 orders")));
    assert_eq!(attachment["title_link"], "http://127.0.0.1:8088/incidents/INC-20261121-7f3a");
    let text = attachment["text"].as_str().expect("text");
    assert!(text.contains("<https://wiki.example.org/late-orders|Runbook>"), "{text}");
    assert!(!body.to_string().contains("channel"), "{body}");
    assert_eq!(body_of(&config(), &samples::resolved())["attachments"][0]["color"], "good");
    assert_eq!(
        body_of(
            &config(),
            &Notification { alerts: samples::three_firing().alerts[1..].to_vec(), ..samples::firing() }
        )["attachments"][0]["color"],
        "warning"
    );
}

#[test]
fn telemetry_can_neither_call_a_channel_nor_dress_up_a_link() {
    let mut notification = samples::firing();
    for name in ["summary", "cause", "action", "description", "impact_orders_late", "other"] {
        notification.alerts[0]
            .annotations
            .insert(name.to_owned(), "<!channel> <@U1> <https://evil.example|our wiki>".to_owned());
    }
    notification.alerts[0]
        .annotations
        .insert("runbook_url".to_owned(), "https://evil.example/x>|<!here>".to_owned());
    let said = body_of(&config(), &notification).to_string();
    for evil in ["<!channel", "<@U1", "<https://evil.example|our", "<!here"] {
        assert!(!said.contains(evil), "{evil} in {said}");
    }
}

#[test]
fn what_the_file_says_takes_the_place_of_ours() {
    let says = |text: &str| Some(Wording::fixed(text));
    let config = SlackConfig {
        channel: says("#oncall"),
        username: says("Plimsoll"),
        color: says("#ff0000"),
        title: says("late"),
        text: says("*look*"),
        link_names: true,
        fields: vec![Field { title: Wording::fixed("Where"), value: Wording::fixed("WH1"), is_short: true }],
        actions: vec![Action {
            kind: Wording::fixed("button"),
            text: Wording::fixed("Open"),
            url: says("https://example.org"),
            style: says("primary"),
            name: None,
            value: None,
            confirm: None,
        }],
        ..config()
    };
    let body = body_of(&config, &samples::firing());
    assert_eq!((&body["channel"], &body["username"]), (&"#oncall".into(), &"Plimsoll".into()));
    assert_eq!(body["link_names"], true);
    let attachment = &body["attachments"][0];
    assert_eq!((&attachment["title"], &attachment["text"]), (&"late".into(), &"*look*".into()));
    assert_eq!(attachment["fields"][0], json!({"title": "Where", "value": "WH1", "short": true}));
    assert_eq!(
        attachment["actions"][0],
        json!({"type": "button", "text": "Open", "url": "https://example.org", "style": "primary"})
    );
}

#[test]
fn a_refusal_within_a_200_is_a_refusal() {
    let said =
        |body: &str| Answer { status: reqwest::StatusCode::OK, retry_after: None, body: body.to_owned() };
    let scrub = Scrub::default();
    assert!(verdict(&said("ok"), &scrub).is_ok());
    assert!(verdict(&said(r#"{"ok":true,"ts":"1"}"#), &scrub).is_ok());
    let refused = verdict(&said(r#"{"ok":false,"error":"channel_not_found"}"#), &scrub).expect_err("refused");
    assert_eq!(
        (refused.message.as_str(), refused.retry),
        ("Slack refused: channel_not_found", crate::receiver::Retry::Never)
    );
    let later = verdict(&said(r#"{"ok":false,"error":"ratelimited"}"#), &scrub).expect_err("later");
    assert!(matches!(later.retry, crate::receiver::Retry::After(_)));
}

#[test]
fn the_longest_message_is_cut_between_lines() {
    let mut notification = samples::firing();
    for n in 0..100 {
        notification.alerts[0].annotations.insert(format!("note_{n}"), "<".repeat(1000));
    }
    let body = body_of(&config(), &notification);
    let text = body["attachments"][0]["text"].as_str().expect("text");
    assert!(text.chars().count() <= MAX_TEXT_CHARS && text.ends_with('\n'), "{}", text.len());
}

#[test]
fn what_alerts_say_through_a_template_is_text_and_what_the_file_says_is_markup() {
    let text = "<{{ .ExternalURL }}|all> {{ range .Alerts }}{{ .Annotations.summary }} {{ safeHtml .Labels.service }}{{ end }}";
    let mut config = config();
    config.text = Some(Wording::template(text, crate::template::Mode::Slack));
    config.channel = Some(Wording::template("#{{ .GroupLabels.service }}", crate::template::Mode::Text));
    // Only the alerts can show that there is no second one: our own title stands in.
    config.title = Some(Wording::template("{{ (index .Alerts 7).Status }}", crate::template::Mode::Slack));
    let mut notification = samples::firing();
    notification.alerts[0]
        .annotations
        .insert("summary".to_owned(), "<!channel> {{ .Status }} & co".to_owned());
    let body = body_of(&config, &notification);
    let attachment = &body["attachments"][0];
    assert_eq!(
        attachment["text"],
        "<http://127.0.0.1:8088|all> &lt;!channel&gt; {{ .Status }} &amp; co sales"
    );
    assert_eq!(body["channel"], "#sales");
    assert!(
        attachment["title"].as_str().is_some_and(|title| title.starts_with("[FIRING:1] PAGE")),
        "{attachment}"
    );
}
