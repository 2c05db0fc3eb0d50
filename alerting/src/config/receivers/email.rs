//! `email_configs`.

use std::collections::{BTreeMap, BTreeSet};

use lettre::message::header::HeaderName;
use lettre::message::{Mailbox, Mailboxes};

use super::nodes::{EmailNode, Global};
use crate::config::check::{Report, line};
use crate::config::file::Text;
use crate::config::http::TlsConfig;
use crate::config::secret::SecretSource;
use crate::config::wording::Wording;
use crate::template::Mode;

const IMPLICIT_TLS_PORT: u16 = 465;

#[derive(Debug)]
pub(crate) struct EmailConfig {
    pub(crate) to: Mailboxes,
    pub(crate) from: Mailbox,
    pub(crate) smarthost: Smarthost,
    pub(crate) hello: String,
    pub(crate) auth: Option<EmailAuth>,
    pub(crate) require_tls: bool,
    /// TLS from the first byte, in place of STARTTLS.
    pub(crate) is_implicit_tls: bool,
    pub(crate) tls: TlsConfig,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, (String, Wording)>,
    pub(crate) html: Option<Wording>,
    pub(crate) text: Option<Wording>,
    pub(crate) threading: Threading,
}

/// Who we are to the mail server; which way is taken is the server's to say.
#[derive(Debug)]
pub(crate) struct EmailAuth {
    pub(crate) user: String,
    /// For PLAIN; empty is the user.
    pub(crate) identity: String,
    /// For PLAIN and LOGIN.
    pub(crate) password: Option<SecretSource>,
    /// For CRAM-MD5.
    pub(crate) secret: Option<SecretSource>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Smarthost {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What a mail program shows together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threading {
    Incident,
    IncidentAndDay,
    Off,
}

pub(super) fn read(node: &EmailNode, at: u64, global: &Global, report: &mut Report) -> Option<EmailConfig> {
    let Some(to) = &node.to else {
        report.error(at, "an e-mail receiver has no `to`: write whom the mail goes to");
        return None;
    };
    let to = parsed::<Mailboxes>(to, "to", report);
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
    let smarthost = smarthost_of(smarthost, report)?;
    let hello = node.hello.as_ref().or(global.smtp_hello.as_ref());
    let require_tls = node.require_tls.or(global.smtp_require_tls).unwrap_or(true);
    let forced = node.force_implicit_tls.or(global.smtp_force_implicit_tls);
    let is_implicit_tls = forced.unwrap_or(smarthost.port == IMPLICIT_TLS_PORT);
    let auth = auth(node, global, at, report);
    if auth.as_ref().is_some_and(|auth| auth.password.is_some()) && !require_tls && !is_implicit_tls {
        report.warn(at, "the SMTP password would travel in the clear: set require_tls to true");
    }
    Some(EmailConfig {
        to: to?,
        from: from?,
        smarthost,
        hello: hello.map_or_else(|| "localhost".to_owned(), |text| text.value.clone()),
        auth,
        require_tls,
        is_implicit_tls,
        tls: TlsConfig::read(node.tls_config.as_ref().or(global.smtp_tls_config.as_ref()), report),
        headers: headers(node, at, report),
        html: Wording::read(node.html.as_ref(), "html", Mode::Html, report),
        text: Wording::read(node.text.as_ref(), "text", Mode::Text, report),
        threading: threading(node, report),
    })
}

fn parsed<T: std::str::FromStr<Err = lettre::address::AddressError>>(
    text: &Text,
    key: &str,
    report: &mut Report,
) -> Option<T> {
    let literal = Wording::literal(text, key, report)?;
    let result = literal.parse();
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

/// Own user, password and secret, or else the global ones. No user means that the server asks for none.
fn auth(node: &EmailNode, global: &Global, at: u64, report: &mut Report) -> Option<EmailAuth> {
    let user =
        node.auth_username.as_ref().or(global.smtp_auth_username.as_ref()).filter(|user| !user.is_empty())?;
    let own = node.auth_password.is_some() || node.auth_password_file.is_some();
    let (password, password_file) = if own {
        (node.auth_password.clone(), node.auth_password_file.clone())
    } else {
        (global.smtp_auth_password.clone(), global.smtp_auth_password_file.clone())
    };
    let own = node.auth_secret.is_some() || node.auth_secret_file.is_some();
    let (secret, secret_file) = if own {
        (node.auth_secret.clone(), node.auth_secret_file.clone())
    } else {
        (global.smtp_auth_secret.clone(), global.smtp_auth_secret_file.clone())
    };
    let has_secret = secret.is_some() || secret_file.is_some();
    let has_password = password.is_some() || password_file.is_some();
    let secret = if has_secret { Some(report.secret(secret, secret_file, "auth_secret", at)?) } else { None };
    // Asked for by name when neither is there: most servers want it.
    let password = if has_password || !has_secret {
        Some(report.secret(password, password_file, "auth_password", at)?)
    } else {
        None
    };
    let identity =
        node.auth_identity.clone().or_else(|| global.smtp_auth_identity.clone()).unwrap_or_default();
    Some(EmailAuth { user: user.clone(), identity, password, secret })
}

/// Headers that say how the mail is built are not the file's to set.
const OURS: [&str; 5] =
    ["content-type", "content-transfer-encoding", "mime-version", "content-length", "received"];

fn headers(node: &EmailNode, at: u64, report: &mut Report) -> BTreeMap<String, (String, Wording)> {
    let mut seen = BTreeSet::new();
    let mut headers = BTreeMap::new();
    for (name, text) in &node.headers {
        let lower = name.to_ascii_lowercase();
        if !seen.insert(lower.clone()) {
            report.error(at, format!("the header `{name}` stands twice: remove one"));
        }
        if HeaderName::new_from_ascii(name.clone()).is_err() {
            report
                .error(at, format!("`{name}` is not the name of a header: use letters, digits and hyphens"));
            continue;
        }
        if OURS.contains(&lower.as_str()) {
            report.error(
                at,
                format!("headers cannot set `{name}`, which says how the mail is built: remove it"),
            );
            continue;
        }
        if matches!(lower.as_str(), "from" | "to" | "cc" | "sender" | "reply-to") {
            parsed::<Mailboxes>(text, &format!("headers.{name}"), report);
        }
        if let Some(wording) = Wording::read(Some(text), &format!("headers.{name}"), Mode::Text, report) {
            headers.insert(lower, (name.clone(), wording));
        }
    }
    headers
}

fn threading(node: &EmailNode, report: &mut Report) -> Threading {
    let Some(node) = &node.threading else { return Threading::Incident };
    let by_date = node.value.thread_by_date.as_ref();
    match by_date.map(|text| text.value.as_str()) {
        _ if !node.value.enabled => Threading::Off,
        None | Some("none") => Threading::Incident,
        Some("daily") => Threading::IncidentAndDay,
        Some(_) => {
            report.error(line(node), "thread_by_date is `daily` or `none`: use one of them");
            Threading::Off
        }
    }
}
