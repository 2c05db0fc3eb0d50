//! The mail itself: one incident is one thread, and no text can begin a header or a command.

use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MessageBuilder, MultiPart, SinglePart};
use plimsoll_model::Timestamp;

use crate::config::{EmailConfig, Threading};
use crate::receiver::{Parcel, SendError};

/// Headers that the file may set and we would otherwise.
const SUBJECT: &str = "subject";
const ADDRESSES: [&str; 2] = ["from", "to"];

pub(super) fn mail(config: &EmailConfig, parcel: Parcel<'_>) -> Result<Mail, SendError> {
    let notification = parcel.notification;
    let said = |name: &str| {
        config.headers.get(name).and_then(|(_, text)| parcel.say(text)).map(|text| one_line(&text))
    };
    let domain = config.from.email.domain();
    let subject = said(SUBJECT).unwrap_or_else(|| one_line(&parcel.message.subject));
    let mut builder = Mail::builder()
        .date(SystemTime::from(notification.decided_at.to_utc()))
        .message_id(Some(format!("<{}@{domain}>", notification.id)))
        .subject(subject)
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned())?)
        .raw_header(header("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply".to_owned())?);
    builder = addresses(builder, config, &said)?;
    if let Some(thread) = thread(config.threading, &notification.incident_id, notification.opened_at) {
        let thread = format!("<{thread}@{domain}>");
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    let ours = |name: &str| name == SUBJECT || ADDRESSES.contains(&name);
    for (_, (name, text)) in config.headers.iter().filter(|(lower, _)| !ours(lower)) {
        if let Some(text) = parcel.say(text) {
            builder = builder.raw_header(header(name, one_line(&text))?);
        }
    }
    bodies(builder, config, parcel)
}

/// What is shown may differ from whom it goes to, which is the envelope.
fn addresses(
    mut builder: MessageBuilder,
    config: &EmailConfig,
    said: &dyn Fn(&str) -> Option<String>,
) -> Result<MessageBuilder, SendError> {
    let envelope = lettre::address::Envelope::new(
        Some(config.from.email.clone()),
        config.to.iter().map(|mailbox| mailbox.email.clone()).collect(),
    );
    let envelope = envelope.map_err(|error| not_built(&error))?;
    builder = match said("from").map(|text| text.parse::<Mailbox>()) {
        Some(shown) => builder.from(shown.map_err(|error| not_built(&error))?),
        None => builder.from(config.from.clone()),
    };
    match said("to").map(|text| text.parse::<lettre::message::Mailboxes>()) {
        Some(shown) => {
            for mailbox in shown.map_err(|error| not_built(&error))? {
                builder = builder.to(mailbox);
            }
        }
        None => {
            for mailbox in config.to.iter() {
                builder = builder.to(Mailbox::clone(mailbox));
            }
        }
    }
    Ok(builder.envelope(envelope))
}

/// An empty `html` or `text` in the file means: without that part.
fn bodies(builder: MessageBuilder, config: &EmailConfig, parcel: Parcel<'_>) -> Result<Mail, SendError> {
    let text = config.text.as_ref().and_then(|text| parcel.say(text));
    let text = text.unwrap_or_else(|| parcel.message.text.clone());
    let html = config.html.as_ref().and_then(|html| parcel.say(html));
    let html = html.unwrap_or_else(|| parcel.message.html.clone());
    let built = match (text.is_empty(), html.is_empty()) {
        (false, false) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
        (true, false) => builder.singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html)),
        _ => builder.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text)),
    };
    built.map_err(|error| not_built(&error))
}

fn thread(threading: Threading, incident: &str, opened_at: Timestamp) -> Option<String> {
    match threading {
        Threading::Off => None,
        _ if incident.is_empty() => None,
        Threading::Incident => Some(incident.to_owned()),
        Threading::IncidentAndDay => {
            let moment = opened_at.to_rfc3339();
            let day = moment.split('T').next().unwrap_or_default();
            Some(format!("{incident}.{day}"))
        }
    }
}

fn header(name: &str, value: String) -> Result<HeaderValue, SendError> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| not_built(&error))?;
    Ok(HeaderValue::new(name, value))
}

/// A line break in a header would begin another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn not_built(error: &dyn std::fmt::Display) -> SendError {
    SendError::give_up(format!("the mail cannot be built: {error}"))
}
