//! E-mail by SMTP: STARTTLS (required unless the file says otherwise), implicit TLS on port 465, PLAIN and LOGIN.
//! All mail of one incident is one thread, and a repetition has the Message-ID of the first.

use std::path::Path;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::SendError;
use crate::config::{EmailConfig, Smarthost};
use crate::message::Message;
use crate::notification::Notification;

/// For each command; the whole delivery has a limit of its own.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
const IMPLICIT_TLS_PORT: u16 = 465;

pub(super) async fn send(
    config: &EmailConfig,
    notification: &Notification,
    message: &Message,
) -> Result<String, SendError> {
    let mail = mail(config, notification, message)?;
    let transport = transport(config).await?;
    let response = transport.send(mail).await.map_err(|error| refused(&error))?;
    let words: Vec<&str> = response.message().collect();
    Ok(format!("{} {}", response.code(), words.join(" ")))
}

fn mail(config: &EmailConfig, notification: &Notification, message: &Message) -> Result<Mail, SendError> {
    let domain = config.from.email.domain();
    let thread = format!("<{}@{domain}>", notification.incident_id);
    let date = SystemTime::from(notification.decided_at.to_utc());
    let mut builder = Mail::builder()
        .from(config.from.clone())
        .date(date)
        .message_id(Some(format!("<{}@{domain}>", notification.id)))
        .in_reply_to(thread.clone())
        .references(thread)
        .subject(one_line(config.subject.as_deref().unwrap_or(&message.subject)))
        .raw_header(header("Auto-Submitted", "auto-generated"));
    for mailbox in config.to.iter() {
        builder = builder.to(Mailbox::clone(mailbox));
    }
    let both = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
    builder.multipart(both).map_err(|error| SendError::give_up(format!("the mail cannot be built: {error}")))
}

fn header(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A line break in a header would begin another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

async fn transport(config: &EmailConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, SendError> {
    let Smarthost { host, port } = &config.smarthost;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(*port)
        .timeout(Some(COMMAND_TIMEOUT))
        .hello_name(ClientId::Domain(config.hello.clone()))
        .tls(tls(config).await?);
    if let Some((user, password)) = &config.credentials {
        let password = password.read().await.map_err(SendError::retry)?;
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        builder = builder.credentials(credentials).authentication(vec![Mechanism::Plain, Mechanism::Login]);
    }
    Ok(builder.build())
}

async fn tls(config: &EmailConfig) -> Result<Tls, SendError> {
    let is_implicit = config.smarthost.port == IMPLICIT_TLS_PORT;
    if !is_implicit && !config.require_tls {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(config.smarthost.host.clone());
    if let Some(path) = &config.ca_file {
        parameters = parameters.add_root_certificate(certificate(path).await?);
    }
    if config.insecure_skip_verify {
        parameters = parameters.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    }
    let parameters =
        parameters.build().map_err(|error| SendError::retry(format!("TLS cannot be set up: {error}")))?;
    Ok(if is_implicit { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

async fn certificate(path: &Path) -> Result<Certificate, SendError> {
    let pem = tokio::fs::read(path).await;
    let pem = pem.map_err(|error| SendError::retry(format!("cannot read {}: {error}", path.display())))?;
    Certificate::from_pem(&pem)
        .map_err(|error| SendError::retry(format!("{} is not a certificate: {error}", path.display())))
}

/// A 5xx reply is final; a 4xx reply, a broken connection and a TLS failure may pass.
fn refused(error: &SmtpError) -> SendError {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error).filter(|_| error.status().is_none()) {
        text = format!("{text}: {cause}");
    }
    if error.is_permanent() { SendError::give_up(text) } else { SendError::retry(text) }
}

#[cfg(test)]
mod tests;
