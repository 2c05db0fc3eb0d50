//! Receivers and their integrations, with global defaults applied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lettre::message::{Mailbox, Mailboxes};
use serde_saphyr::Spanned;

use super::check::{Report, line};
use super::file::{AuthorizationNode, EmailNode, Global, PagerDutyNode, ReceiverNode, Text, WebhookNode};
use super::secret::{Secret, SecretSource};

const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// Who is told: a name in the route tree, and every way to reach them.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) integrations: Vec<Integration>,
}

#[derive(Debug)]
pub(crate) struct Integration {
    /// `email[0]`: type and position, which the notification log and the outbox remember it by.
    pub(crate) name: String,
    pub(crate) send_resolved: bool,
    pub(crate) kind: IntegrationKind,
}

#[derive(Debug)]
pub(crate) enum IntegrationKind {
    Email(EmailConfig),
    PagerDuty(PagerDutyConfig),
    Webhook(WebhookConfig),
}

#[derive(Debug)]
pub(crate) struct EmailConfig {
    pub(crate) to: Mailboxes,
    pub(crate) from: Mailbox,
    pub(crate) smarthost: Smarthost,
    pub(crate) hello: String,
    pub(crate) credentials: Option<(String, SecretSource)>,
    pub(crate) require_tls: bool,
    pub(crate) insecure_skip_verify: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) subject: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Smarthost {
    pub(crate) host: String,
    pub(crate) port: u16,
}

#[derive(Debug)]
pub(crate) struct PagerDutyConfig {
    pub(crate) routing_key: SecretSource,
    pub(crate) url: String,
    pub(crate) severity: Option<String>,
}

#[derive(Debug)]
pub(crate) struct WebhookConfig {
    pub(crate) url: SecretSource,
    pub(crate) max_alerts: usize,
    pub(crate) authorization: Option<Authorization>,
}

#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) scheme: String,
    pub(crate) credentials: SecretSource,
}

pub(super) fn check_receivers(
    nodes: Vec<ReceiverNode>,
    global: &Global,
    report: &mut Report,
) -> BTreeMap<String, Receiver> {
    let mut receivers = BTreeMap::new();
    for node in nodes {
        let (name, at) = (node.name.value.clone(), line(&node.name));
        if name.is_empty() {
            report.error(at, "a receiver has an empty name: give it one that routes can use");
        }
        let receiver = Receiver { integrations: integrations(node, global, report) };
        if receivers.insert(name.clone(), receiver).is_some() {
            report.error(at, format!("receiver `{name}` is defined twice: rename or merge one of them"));
        }
    }
    receivers
}

fn integrations(node: ReceiverNode, global: &Global, report: &mut Report) -> Vec<Integration> {
    let at = line(&node.name);
    let emails = node.email_configs.into_iter().enumerate().filter_map(|(index, email)| {
        let send_resolved = email.send_resolved.unwrap_or(false);
        let kind = IntegrationKind::Email(email_config(email, at, global, report)?);
        Some(Integration { name: format!("email[{index}]"), send_resolved, kind })
    });
    let mut integrations: Vec<_> = emails.collect();
    for (index, pager) in node.pagerduty_configs.into_iter().enumerate() {
        let send_resolved = pager.value.send_resolved.unwrap_or(true);
        if let Some(config) = pagerduty_config(pager, global, report) {
            let kind = IntegrationKind::PagerDuty(config);
            integrations.push(Integration { name: format!("pagerduty[{index}]"), send_resolved, kind });
        }
    }
    for (index, webhook) in node.webhook_configs.into_iter().enumerate() {
        let send_resolved = webhook.value.send_resolved.unwrap_or(true);
        if let Some(config) = webhook_config(webhook, report) {
            let kind = IntegrationKind::Webhook(config);
            integrations.push(Integration { name: format!("webhook[{index}]"), send_resolved, kind });
        }
    }
    integrations
}

fn email_config(node: EmailNode, at: u64, global: &Global, report: &mut Report) -> Option<EmailConfig> {
    let to = parsed::<Mailboxes>(&node.to, "to", report);
    let Some(from) = node.from.as_ref().or(global.smtp_from.as_ref()) else {
        report.error(at, "an e-mail receiver has no sender: set global smtp_from, or `from` here");
        return None;
    };
    let from = parsed::<Mailbox>(from, "from", report);
    let Some(smarthost) = node.smarthost.as_ref().or(global.smtp_smarthost.as_ref()) else {
        report.error(
            at,
            "an e-mail receiver has no server: set global smtp_smarthost to host:port, or `smarthost` here",
        );
        return None;
    };
    let smarthost = smarthost_of(smarthost, report);
    let hello = node.hello.as_ref().or(global.smtp_hello.as_ref());
    let require_tls = node.require_tls.or(global.smtp_require_tls).unwrap_or(true);
    let credentials = credentials(&node, global, at, report);
    let to_tls = smarthost.as_ref().is_some_and(|server| server.port == 465) || require_tls;
    if credentials.is_some() && !to_tls {
        report.warn(at, "the SMTP password would travel in the clear: set require_tls to true");
    }
    let subject = node.headers.subject.filter(|text| literal(text, "headers.Subject", report));
    Some(EmailConfig {
        to: to?,
        from: from?,
        smarthost: smarthost?,
        hello: hello.map_or_else(|| "localhost".to_owned(), |text| text.value.clone()),
        credentials,
        require_tls,
        insecure_skip_verify: node.tls_config.insecure_skip_verify,
        ca_file: node.tls_config.ca_file.and_then(|path| readable(path, report)),
        subject: subject.map(|text| text.value),
    })
}

fn parsed<T: std::str::FromStr<Err = lettre::address::AddressError>>(
    text: &Text,
    key: &str,
    report: &mut Report,
) -> Option<T> {
    if !literal(text, key, report) {
        return None;
    }
    let result = text.value.parse();
    result
        .map_err(|error| {
            report.error(
                line(text),
                format!("`{key}` is not an e-mail address ({error}): write name@example.org"),
            )
        })
        .ok()
}

fn smarthost_of(text: &Text, report: &mut Report) -> Option<Smarthost> {
    let parts = text.value.rsplit_once(':');
    let smarthost = parts.and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (!host.is_empty()).then(|| Smarthost { host: host.to_owned(), port })
    });
    if smarthost.is_none() {
        report.error(
            line(text),
            format!("`{}` is not host:port: write it like mail.example.org:587", text.value),
        );
    }
    smarthost
}

/// Own user and password, or else the global ones. No user means that the server asks for none.
fn credentials(
    node: &EmailNode,
    global: &Global,
    at: u64,
    report: &mut Report,
) -> Option<(String, SecretSource)> {
    let user =
        node.auth_username.as_ref().or(global.smtp_auth_username.as_ref()).filter(|user| !user.is_empty())?;
    let identity = node.auth_identity.as_ref().or(global.smtp_auth_identity.as_ref());
    if identity.is_some_and(|identity| !identity.is_empty() && identity != user) {
        report.error(
            at,
            "an authorization identity other than the user is not supported: remove auth_identity",
        );
    }
    let own = node.auth_password.is_some() || node.auth_password_file.is_some();
    let (password, file) = if own {
        (node.auth_password.clone(), node.auth_password_file.clone())
    } else {
        (global.smtp_auth_password.clone(), global.smtp_auth_password_file.clone())
    };
    let source = secret(password, file, "auth_password", at, report)?;
    Some((user.clone(), source))
}

fn pagerduty_config(
    node: Spanned<PagerDutyNode>,
    global: &Global,
    report: &mut Report,
) -> Option<PagerDutyConfig> {
    let at = line(&node);
    let node = node.value;
    let routing_key = secret(node.routing_key, node.routing_key_file, "routing_key", at, report);
    let url = node.url.as_ref().or(global.pagerduty_url.as_ref());
    let url_is_good = url.is_none_or(|url| web_address(&url.value, line(url), "url", report));
    let severity = node.severity.filter(|text| literal(text, "severity", report));
    if let Some(text) = &severity
        && !["critical", "error", "warning", "info"].contains(&text.value.as_str())
    {
        report.error(
            line(text),
            "PagerDuty knows the severities critical, error, warning and info: use one of them",
        );
    }
    let url = url.map_or_else(|| PAGERDUTY_URL.to_owned(), |url| url.value.clone());
    let config =
        PagerDutyConfig { routing_key: routing_key?, url, severity: severity.map(|text| text.value) };
    url_is_good.then_some(config)
}

fn webhook_config(node: Spanned<WebhookNode>, report: &mut Report) -> Option<WebhookConfig> {
    let at = line(&node);
    let node = node.value;
    if let Some(url) = &node.url {
        web_address(url.expose(), at, "url", report);
    }
    let url = secret(node.url, node.url_file, "url", at, report);
    let authorization = node.http_config.authorization.and_then(|node| authorization(node, report));
    Some(WebhookConfig { url: url?, max_alerts: node.max_alerts, authorization })
}

fn authorization(node: Spanned<AuthorizationNode>, report: &mut Report) -> Option<Authorization> {
    let at = line(&node);
    let node = node.value;
    let credentials = secret(node.credentials, node.credentials_file, "credentials", at, report)?;
    Some(Authorization { scheme: node.r#type.unwrap_or_else(|| "Bearer".to_owned()), credentials })
}

/// Exactly one of the two ways to give a secret. A file that is missing now may be there when it is needed: it is a
/// warning, and deliveries wait for it.
fn secret(
    inline: Option<Secret>,
    file: Option<PathBuf>,
    key: &str,
    at: u64,
    report: &mut Report,
) -> Option<SecretSource> {
    let source = match (inline, file) {
        (Some(secret), None) => SecretSource::Inline(secret),
        (None, Some(path)) => SecretSource::File(report.resolve(path)),
        (None, None) => {
            report.error(at, format!("`{key}` is missing: set it, or name a file in {key}_file"));
            return None;
        }
        (Some(_), Some(_)) => {
            report.error(at, format!("`{key}` and {key}_file are both set: keep one"));
            return None;
        }
    };
    if let Err(message) = source.check() {
        report.warn(at, format!("{message}: nothing can be sent with {key}_file until it is there"));
    }
    Some(source)
}

fn readable(path: Spanned<PathBuf>, report: &mut Report) -> Option<PathBuf> {
    let at = line(&path);
    let path = report.resolve(path.value);
    let opened = std::fs::File::open(&path);
    opened
        .map_err(|error| report.error(at, format!("cannot read ca_file {}: {error}", path.display())))
        .ok()?;
    Some(path)
}

/// Never shows the address: for a webhook it often is the password.
fn web_address(text: &str, at: u64, key: &str, report: &mut Report) -> bool {
    let is_good =
        url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_good {
        report.error(
            at,
            format!("`{key}` is not a web address: it starts with https:// or http:// and a host"),
        );
    }
    is_good
}

fn literal(text: &Text, key: &str, report: &mut Report) -> bool {
    let is_literal = !text.value.contains("{{");
    if !is_literal {
        report.error(
            line(text),
            format!("templates are not supported in `{key}`: write plain text, or remove it"),
        );
    }
    is_literal
}
