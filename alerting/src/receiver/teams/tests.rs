use super::*;
use crate::config::{HttpConfig, Secret, SecretSource, Wording};
use crate::message::{render, samples};
use crate::notification::Notification;

fn config() -> TeamsConfig {
    TeamsConfig {
        webhook_url: SecretSource::Inline(Secret::new("http://127.0.0.1:9")),
        title: None,
        text: None,
        http: HttpConfig::default(),
    }
}

fn body_of(config: &TeamsConfig, notification: &Notification) -> Value {
    let url = "http://127.0.0.1:8088";
    let message = render(notification, url);
    let now = notification.decided_at;
    body(config, Parcel { notification, message: &message, public_url: url, timeout: None, now })
}

fn card(body: &Value) -> &Value {
    &body["attachments"][0]["content"]
}

#[test]
fn a_page_is_a_card_with_buttons() {
    let body = body_of(&config(), &samples::firing());
    assert_eq!(body["type"], "message");
    assert_eq!(body["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = card(&body);
    assert_eq!(card["type"], "AdaptiveCard");
    let title = &card["body"][0]["inlines"][0];
    assert!(title["text"].as_str().is_some_and(|text| text.contains("PAGE sales WH1: 41 orders")), "{title}");
    assert_eq!(title["color"], "attention");
    let buttons: Vec<_> =
        card["actions"].as_array().expect("a list").iter().map(|action| &action["url"]).collect();
    assert_eq!(buttons[0], "http://127.0.0.1:8088/incidents/INC-20261121-7f3a");
    assert!(buttons.contains(&&Value::from("https://wiki.example.org/late-orders")), "{buttons:?}");
    assert_eq!(card["body"][0]["inlines"][0]["color"], "attention");
    let over = body_of(&config(), &samples::resolved());
    assert_eq!(over["attachments"][0]["content"]["body"][0]["inlines"][0]["color"], "good");
}

#[test]
fn what_telemetry_says_is_never_markup() {
    let mut notification = samples::firing();
    let evil = "[our wiki](https://evil.example) **bold**";
    for name in ["summary", "cause", "action", "description"] {
        notification.alerts[0].annotations.insert(name.to_owned(), evil.to_owned());
    }
    let body = body_of(&config(), &notification);
    let blocks = card(&body)["body"].as_array().expect("a list").clone();
    assert!(blocks.iter().any(|block| block.to_string().contains("evil.example")));
    assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"), "{blocks:#?}");
}

#[test]
fn what_the_file_says_takes_the_place_of_ours() {
    let says = |text: &str| Some(Wording::fixed(text));
    let config = TeamsConfig { title: says("late"), text: says("**look**"), ..config() };
    let body = body_of(&config, &samples::firing());
    let blocks = card(&body)["body"].as_array().expect("a list");
    assert_eq!(blocks.len(), 2);
    assert_eq!((&blocks[0]["text"], &blocks[1]["text"]), (&"late".into(), &"**look**".into()));
}

#[test]
fn the_longest_card_fits() {
    let mut notification = samples::firing();
    for n in 0..200 {
        notification.alerts[0].annotations.insert(format!("note_{n}"), "ü".repeat(1000));
    }
    let body = body_of(&config(), &notification);
    assert!(body.to_string().len() < 28 << 10, "{}", body.to_string().len());
}

#[test]
fn what_alerts_say_through_a_template_is_no_link() {
    let mut config = config();
    let text = "[all]({{ .ExternalURL }}) {{ .CommonAnnotations.summary }} {{ safeHtml .CommonAnnotations.summary }}";
    config.text = Some(Wording::template(text, crate::template::Mode::Markdown));
    let mut notification = samples::firing();
    notification.alerts[0].annotations.insert("summary".to_owned(), "[x](http://evil.example)".to_owned());
    let body = body_of(&config, &notification);
    let text = &body["attachments"][0]["content"]["body"][1]["text"];
    assert_eq!(text, "[all](http://127.0.0.1:8088) \\[x\\](http://evil.example) [x](http://evil.example)");
}
