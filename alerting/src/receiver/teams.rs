//! Microsoft Teams, by a webhook of its Workflows: an Adaptive Card. What nobody wrote into the file is our own message
//! as text runs, which Teams shows as they are: nothing that came out of telemetry is markup.

use serde_json::{Value, json};

use super::http::{Http, Post, Scrub};
use super::{Parcel, SendError, cut};
use crate::config::TeamsConfig;
use crate::message::{self, Line, Section};

/// A card may have 28 kB; what is cut is one click away.
const MAX_CARD_BYTES: usize = 24 << 10;
const MAX_TITLE_CHARS: usize = 500;
const MAX_TEXT_CHARS: usize = 15_000;
const MAX_ACTIONS: usize = 5;

pub(super) async fn send(
    http: &Http,
    config: &TeamsConfig,
    parcel: Parcel<'_>,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let url = config.webhook_url.read().await.map_err(SendError::retry)?;
    let body = body(config, parcel).to_string().into_bytes();
    let post = Post { timeout: parcel.timeout, ..Post::json(&config.http, &url, body, parcel.now) };
    let answer = http.post(post, scrub).await?.judge(scrub)?;
    Ok(format!("HTTP {}", answer.status.as_u16()))
}

fn body(config: &TeamsConfig, parcel: Parcel<'_>) -> Value {
    let own_title = config.title.as_ref().and_then(|title| parcel.say(title));
    let own_text = config.text.as_ref().and_then(|text| parcel.say(text));
    let title = own_title.clone().unwrap_or_else(|| parcel.message.subject.clone());
    let sections = message::sections(parcel.notification, parcel.public_url);
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": cut(&title, MAX_TITLE_CHARS),
        "weight": "bolder",
        "size": "medium",
        "wrap": true,
        "style": "heading",
        "color": if parcel.notification.is_firing() { "attention" } else { "good" },
    })];
    // A title of ours is telemetry's words, in which a TextBlock would read Markdown.
    if own_title.is_none() {
        body[0] = heading(&title, parcel.notification.is_firing());
    }
    match own_text {
        Some(text) => body.push(json!({
            "type": "TextBlock", "text": cut(&text, MAX_TEXT_CHARS), "wrap": true,
        })),
        None => body.extend(blocks(&sections)),
    }
    let incident = message::incident_url(parcel.public_url, &parcel.notification.incident_id);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
                "actions": actions(&sections, &incident),
            },
        }],
    })
}

fn heading(title: &str, is_firing: bool) -> Value {
    let color = if is_firing { "attention" } else { "good" };
    let run = json!({"type": "TextRun", "text": cut(title, MAX_TITLE_CHARS), "weight": "bolder", "size": "medium", "color": color});
    json!({"type": "RichTextBlock", "inlines": [run]})
}

/// Whole lines of the sections, as many as fit; the first title is the card's.
fn blocks(sections: &[Section]) -> Vec<Value> {
    let (mut blocks, mut room) = (Vec::new(), MAX_CARD_BYTES);
    for (index, section) in sections.iter().enumerate() {
        if index > 0 {
            let run = json!({"type": "TextRun", "text": section.title, "weight": "bolder"});
            blocks.push(json!({"type": "RichTextBlock", "inlines": [run], "spacing": "medium"}));
        }
        for line in &section.lines {
            let inlines = match line {
                Line::Text(text) => json!([{"type": "TextRun", "text": text}]),
                Line::Item { label, value } => json!([
                    {"type": "TextRun", "text": format!("{label}: ")},
                    {"type": "TextRun", "text": value, "weight": "bolder"},
                ]),
                // Links are buttons.
                Line::Link { .. } => continue,
            };
            let block = json!({"type": "RichTextBlock", "inlines": inlines, "spacing": "none"});
            let size = block.to_string().len();
            if size > room {
                return blocks;
            }
            room -= size;
            blocks.push(block);
        }
    }
    blocks
}

fn actions(sections: &[Section], incident: &str) -> Vec<Value> {
    let button =
        |title: &str, url: &str| json!({"type": "Action.OpenUrl", "title": cut(title, 60), "url": url});
    let links = sections.iter().flat_map(|section| &section.lines).filter_map(|line| match line {
        Line::Link { label, url } if url.as_str() != incident && url.len() <= 2000 => {
            Some(button(label, url))
        }
        _ => None,
    });
    std::iter::once(button("Incident", incident)).chain(links).take(MAX_ACTIONS).collect()
}

#[cfg(test)]
mod tests;
