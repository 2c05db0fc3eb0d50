//! Slack: one attachment, as Alertmanager's users know it. What nobody wrote into the file is our own message, in which
//! nothing that came out of telemetry is Slack's markup: it can neither call a channel nor dress up a link.

use std::fmt::Write;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Map, Value, json};

use super::http::{Answer, Http, Post, Scrub};
use super::{Parcel, SendError, cut};
use crate::config::{Action, SlackAddress, SlackConfig, Wording};
use crate::message::{self, Line, Section};

/// As Alertmanager cuts it.
const MAX_TITLE_CHARS: usize = 1024;
/// Slack shows some hundred and takes 40,000.
const MAX_TEXT_CHARS: usize = 12_000;

pub(super) async fn send(
    http: &Http,
    config: &SlackConfig,
    parcel: Parcel<'_>,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let body = body(config, parcel).to_string().into_bytes();
    let (url, authorization) = match &config.address {
        SlackAddress::Webhook(url) => (url.read().await.map_err(SendError::retry)?, None),
        SlackAddress::App { url, token } => {
            let token = token.read().await.map_err(SendError::retry)?;
            scrub.secret(&token);
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
                SendError::give_up("app_token holds characters a header cannot carry".to_owned())
            })?;
            value.set_sensitive(true);
            (crate::config::Secret::new(url.clone()), Some(value))
        }
    };
    let mut post = Post { timeout: parcel.timeout, ..Post::json(&config.http, &url, body, parcel.now) };
    post.headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
    let answer = http.post(post, scrub).await?.judge(scrub)?;
    verdict(&answer, scrub)?;
    Ok(format!("HTTP {}", answer.status.as_u16()))
}

/// The API says 200 to what it refuses, and why in the body.
fn verdict(answer: &Answer, scrub: &Scrub) -> Result<(), SendError> {
    let Ok(Value::Object(said)) = serde_json::from_str::<Value>(&answer.body) else { return Ok(()) };
    if said.get("ok") != Some(&Value::Bool(false)) {
        return Ok(());
    }
    let word = said.get("error").and_then(Value::as_str).unwrap_or("no reason given");
    let message = format!("Slack refused: {}", scrub.text(word));
    // What Slack says of itself may pass; what it says of our message or our token will not.
    let may_pass = matches!(
        word,
        "ratelimited"
            | "rate_limited"
            | "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout"
    );
    Err(if may_pass { SendError::retry(message) } else { SendError::give_up(message) })
}

fn body(config: &SlackConfig, parcel: Parcel<'_>) -> Value {
    let said = |wording: &Option<Wording>| {
        wording.as_ref().and_then(|text| parcel.say(text)).filter(|text| !text.is_empty())
    };
    let mut body = Map::new();
    let mut set = |key: &str, text: Option<String>| {
        body.extend(text.map(|text| (key.to_owned(), Value::String(text))));
    };
    set("channel", said(&config.channel));
    set("username", said(&config.username));
    set("icon_emoji", said(&config.icon_emoji));
    set("icon_url", said(&config.icon_url));
    set("text", said(&config.message_text));
    if config.link_names {
        body.insert("link_names".to_owned(), true.into());
    }
    body.insert("attachments".to_owned(), json!([attachment(config, parcel)]));
    Value::Object(body)
}

fn attachment(config: &SlackConfig, parcel: Parcel<'_>) -> Value {
    let said = |wording: &Option<Wording>| wording.as_ref().and_then(|text| parcel.say(text));
    let title = said(&config.title).unwrap_or_else(|| escaped(&parcel.message.subject));
    let link = message::incident_url(parcel.public_url, &parcel.notification.incident_id);
    let text = said(&config.text).unwrap_or_else(|| {
        markup(&message::sections(parcel.notification, parcel.public_url), MAX_TEXT_CHARS)
    });
    let fields: Vec<Value> = config
        .fields
        .iter()
        .map(|field| {
            json!({
                "title": parcel.say(&field.title), "value": parcel.say(&field.value), "short": field.is_short,
            })
        })
        .collect();
    let mut attachment = json!({
        "title": cut(&title, MAX_TITLE_CHARS),
        "title_link": said(&config.title_link).unwrap_or(link),
        "text": cut(&text, MAX_TEXT_CHARS),
        "fallback": said(&config.fallback).unwrap_or_else(|| escaped(&parcel.message.subject)),
        "color": said(&config.color).unwrap_or_else(|| color(parcel).to_owned()),
        "mrkdwn_in": config.mrkdwn_in.clone().unwrap_or_else(|| ["fallback", "pretext", "text"].map(str::to_owned).to_vec()),
    });
    let optional = [
        ("pretext", &config.pretext),
        ("footer", &config.footer),
        ("callback_id", &config.callback_id),
        ("image_url", &config.image_url),
        ("thumb_url", &config.thumb_url),
    ];
    for (key, text) in optional {
        if let Some(text) = said(text).filter(|text| !text.is_empty()) {
            attachment[key] = text.into();
        }
    }
    if !fields.is_empty() {
        attachment["fields"] = fields.into();
    }
    if !config.actions.is_empty() {
        attachment["actions"] = config.actions.iter().map(|node| action(node, parcel)).collect();
    }
    attachment
}

fn action(action: &Action, parcel: Parcel<'_>) -> Value {
    let mut said = json!({"type": parcel.say(&action.kind), "text": parcel.say(&action.text)});
    let optional =
        [("url", &action.url), ("style", &action.style), ("name", &action.name), ("value", &action.value)];
    for (key, text) in optional {
        if let Some(text) = text {
            said[key] = parcel.say(text).into();
        }
    }
    if let Some(confirm) = &action.confirm {
        said["confirm"] = json!({"text": parcel.say(&confirm.text)});
        let optional = [
            ("title", &confirm.title),
            ("ok_text", &confirm.ok_text),
            ("dismiss_text", &confirm.dismiss_text),
        ];
        for (key, text) in optional {
            if let Some(text) = text {
                said["confirm"][key] = parcel.say(text).into();
            }
        }
    }
    said
}

fn color(parcel: Parcel<'_>) -> &'static str {
    let urgent = |severity: &str| matches!(severity, "page" | "critical");
    match parcel.notification.is_firing() {
        false => "good",
        true if parcel.notification.firing().any(|alert| urgent(alert.labels.get("severity"))) => "danger",
        true => "warning",
    }
}

/// Whole lines of the sections, as many as fit; the first title is the subject's.
fn markup(sections: &[Section], chars: usize) -> String {
    let mut out = String::new();
    for (index, section) in sections.iter().enumerate() {
        let title = if index == 0 { String::new() } else { format!("\n*{}*\n", escaped(&section.title)) };
        let lines = section.lines.iter().map(line);
        for line in std::iter::once(title).chain(lines) {
            if out.chars().count() + line.chars().count() > chars {
                return out;
            }
            out.push_str(&line);
        }
    }
    out
}

fn line(line: &Line) -> String {
    let mut out = String::new();
    match line {
        Line::Text(text) => writeln!(out, "{}", escaped(text)),
        Line::Item { label, value } => writeln!(out, "{}: *{}*", escaped(label), escaped(value)),
        Line::Link { label, url } => writeln!(out, "<{}|{}>", link(url), escaped(label)),
    }
    .expect("a string takes everything");
    out
}

/// The three characters that begin Slack's markup of links, channels and people.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An address between `<` and `|`.
fn link(url: &str) -> String {
    escaped(url).replace('|', "%7C")
}

#[cfg(test)]
mod tests;
