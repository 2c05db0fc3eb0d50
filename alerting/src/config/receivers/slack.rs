//! `slack_configs`: an incoming webhook, or an app's token.

use super::nodes::{ActionNode, ConfirmNode, Global, SlackNode};
use super::wording;
use crate::config::check::{Report, line};
use crate::config::file::Text;
use crate::config::http::{HttpConfig, is_web_address};
use crate::config::secret::SecretSource;
use crate::config::wording::Wording;
use crate::template::Mode;

const APP_URL: &str = "https://slack.com/api/chat.postMessage";

#[derive(Debug)]
pub(crate) struct SlackConfig {
    pub(crate) address: SlackAddress,
    pub(crate) channel: Option<Wording>,
    pub(crate) username: Option<Wording>,
    pub(crate) color: Option<Wording>,
    pub(crate) title: Option<Wording>,
    pub(crate) title_link: Option<Wording>,
    pub(crate) pretext: Option<Wording>,
    pub(crate) text: Option<Wording>,
    pub(crate) message_text: Option<Wording>,
    pub(crate) fields: Vec<Field>,
    pub(crate) footer: Option<Wording>,
    pub(crate) fallback: Option<Wording>,
    pub(crate) callback_id: Option<Wording>,
    pub(crate) icon_emoji: Option<Wording>,
    pub(crate) icon_url: Option<Wording>,
    pub(crate) image_url: Option<Wording>,
    pub(crate) thumb_url: Option<Wording>,
    pub(crate) link_names: bool,
    pub(crate) mrkdwn_in: Option<Vec<String>>,
    pub(crate) actions: Vec<Action>,
    pub(crate) http: HttpConfig,
}

#[derive(Debug)]
pub(crate) enum SlackAddress {
    Webhook(SecretSource),
    App { url: String, token: SecretSource },
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) title: Wording,
    pub(crate) value: Wording,
    pub(crate) is_short: bool,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) kind: Wording,
    pub(crate) text: Wording,
    pub(crate) url: Option<Wording>,
    pub(crate) style: Option<Wording>,
    pub(crate) name: Option<Wording>,
    pub(crate) value: Option<Wording>,
    pub(crate) confirm: Option<Confirm>,
}

#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) text: Wording,
    pub(crate) title: Option<Wording>,
    pub(crate) ok_text: Option<Wording>,
    pub(crate) dismiss_text: Option<Wording>,
}

/// Keys whose text Slack reads as its own markup.
const SHOWN: [&str; 6] = ["title", "pretext", "text", "message_text", "footer", "fallback"];

/// A text in which what alerts say is no markup.
fn shown(text: Option<&Text>, key: &str, report: &mut Report) -> Option<Wording> {
    Wording::read(text, key, Mode::Slack, report)
}

pub(super) fn read(node: &SlackNode, at: u64, global: &Global, report: &mut Report) -> Option<SlackConfig> {
    let http = HttpConfig::read(node.http_config.as_ref(), global.http_config.as_ref(), report);
    let address = address(node, at, global, &http, report);
    let mut word = |text: &Option<Text>, key: &str| {
        if SHOWN.contains(&key) { shown(text.as_ref(), key, report) } else { wording(text, key, report) }
    };
    Some(SlackConfig {
        channel: word(&node.channel, "channel"),
        username: word(&node.username, "username"),
        color: word(&node.color, "color"),
        title: word(&node.title, "title"),
        title_link: word(&node.title_link, "title_link"),
        pretext: word(&node.pretext, "pretext"),
        text: word(&node.text, "text"),
        message_text: word(&node.message_text, "message_text"),
        footer: word(&node.footer, "footer"),
        fallback: word(&node.fallback, "fallback"),
        callback_id: word(&node.callback_id, "callback_id"),
        icon_emoji: word(&node.icon_emoji, "icon_emoji"),
        icon_url: word(&node.icon_url, "icon_url"),
        image_url: word(&node.image_url, "image_url"),
        thumb_url: word(&node.thumb_url, "thumb_url"),
        fields: fields(node, report),
        link_names: node.link_names,
        mrkdwn_in: node.mrkdwn_in.clone(),
        actions: node.actions.iter().filter_map(|node| action(&node.value, line(node), report)).collect(),
        address: address?,
        http,
    })
}

/// The receiver's own webhook, its own token, then the global ones, in the order of Alertmanager.
fn address(
    node: &SlackNode,
    at: u64,
    global: &Global,
    http: &HttpConfig,
    report: &mut Report,
) -> Option<SlackAddress> {
    let has_webhook = node.api_url.is_some() || node.api_url_file.is_some();
    let has_token = node.app_token.is_some() || node.app_token_file.is_some();
    if has_webhook && has_token {
        report.error(at, "api_url and app_token are both set: keep one");
        return None;
    }
    if has_webhook {
        return webhook(node.api_url.clone(), node.api_url_file.clone(), "api_url", at, report);
    }
    if has_token {
        let token = report.secret(node.app_token.clone(), node.app_token_file.clone(), "app_token", at)?;
        return app(token, node, at, global, http, report);
    }
    if global.slack_api_url.is_some() || global.slack_api_url_file.is_some() {
        let (url, file) = (global.slack_api_url.clone(), global.slack_api_url_file.clone());
        return webhook(url, file, "slack_api_url", at, report);
    }
    if global.slack_app_token.is_some() || global.slack_app_token_file.is_some() {
        let (token, file) = (global.slack_app_token.clone(), global.slack_app_token_file.clone());
        let token = report.secret(token, file, "slack_app_token", at)?;
        return app(token, node, at, global, http, report);
    }
    report.error(
        at,
        "a Slack receiver has no address: set api_url (or api_url_file) here, or global slack_api_url",
    );
    None
}

fn webhook(
    url: Option<crate::config::Secret>,
    file: Option<std::path::PathBuf>,
    key: &str,
    at: u64,
    report: &mut Report,
) -> Option<SlackAddress> {
    report.secret_address(url, file, key, at).map(SlackAddress::Webhook)
}

fn app(
    token: SecretSource,
    node: &SlackNode,
    at: u64,
    global: &Global,
    http: &HttpConfig,
    report: &mut Report,
) -> Option<SlackAddress> {
    if http.auth.is_some() {
        report.error(at, "app_token is the authorization: remove authorization from http_config");
    }
    if node.channel.is_none() {
        report.error(at, "with app_token there is no channel of its own: set `channel`");
    }
    let url = node.app_url.as_ref().or(global.slack_app_url.as_ref());
    if let Some(url) = url.filter(|url| !is_web_address(&url.value)) {
        report.error(
            line(url),
            "`app_url` is not a web address: it starts with https:// or http:// and a host",
        );
        return None;
    }
    Some(SlackAddress::App { url: url.map_or_else(|| APP_URL.to_owned(), |url| url.value.clone()), token })
}

fn fields(node: &SlackNode, report: &mut Report) -> Vec<Field> {
    let mut fields = Vec::new();
    for field in &node.fields {
        let title = shown(Some(&field.title), "fields.title", report);
        let value = shown(Some(&field.value), "fields.value", report);
        let is_short = field.short.unwrap_or(node.short_fields);
        fields.extend(title.zip(value).map(|(title, value)| Field { title, value, is_short }));
    }
    fields
}

fn action(node: &ActionNode, at: u64, report: &mut Report) -> Option<Action> {
    for (key, is_missing) in [("type", node.r#type.is_none()), ("text", node.text.is_none())] {
        if is_missing {
            report.error(at, format!("a Slack action has no `{key}`: set it"));
        }
    }
    if node.url.is_none() && node.name.is_none() {
        report.error(at, "a Slack action needs a `url` or a `name`: set one");
    }
    // With an address it is a link, and the keys of a message action mean nothing.
    let is_link = node.url.is_some();
    let unless_link = |text: &Option<_>, key: &str, report: &mut Report| {
        if is_link { None } else { wording(text, key, report) }
    };
    Some(Action {
        kind: wording(&node.r#type, "type", report)?,
        text: wording(&node.text, "text", report)?,
        url: wording(&node.url, "url", report),
        style: wording(&node.style, "style", report),
        name: unless_link(&node.name, "name", report),
        value: unless_link(&node.value, "value", report),
        confirm: node.confirm.as_ref().filter(|_| !is_link).and_then(|node| confirm(node, report)),
    })
}

fn confirm(node: &ConfirmNode, report: &mut Report) -> Option<Confirm> {
    Some(Confirm {
        text: shown(Some(&node.text), "confirm.text", report)?,
        title: wording(&node.title, "confirm.title", report),
        ok_text: wording(&node.ok_text, "confirm.ok_text", report),
        dismiss_text: wording(&node.dismiss_text, "confirm.dismiss_text", report),
    })
}
