//! One conversation with a mail server: connect to an address that the fence let through, TLS, log in, hand over.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lettre::Message as Mail;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, Identity, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;

use super::auth;
use crate::config::{EmailConfig, SecretSource, Smarthost};
use crate::fence::Fence;
use crate::receiver::SendError;
use crate::receiver::http::{Scrub, from_base64};

/// For the connection; the whole delivery has a limit of its own.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn deliver(
    fence: &Fence,
    config: &EmailConfig,
    mail: &Mail,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let hello = ClientId::Domain(config.hello.clone());
    let mut connection = connect(fence, config, &hello, scrub).await?;
    let result = hand_over(&mut connection, mail, scrub).await;
    // Whether the server took it is known by now; a farewell that fails changes nothing.
    drop(connection.quit().await);
    result
}

async fn connect(
    fence: &Fence,
    config: &EmailConfig,
    hello: &ClientId,
    scrub: &mut Scrub,
) -> Result<AsyncSmtpConnection, SendError> {
    let Smarthost { host, port } = &config.smarthost;
    let addresses = fence.resolve(host, *port).await.map_err(SendError::unresolved)?;
    let needs_tls = config.is_implicit_tls || config.require_tls;
    let tls = if needs_tls { Some(tls(config).await?) } else { None };
    let at_once = tls.clone().filter(|_| config.is_implicit_tls);
    let (mut connection, peer) = first_of(&addresses, hello, at_once, scrub).await?;
    if let Some(tls) = tls.filter(|_| !config.is_implicit_tls) {
        if !connection.can_starttls() {
            return Err(SendError::retry(
                "the server offers no STARTTLS, and require_tls is true: nothing was sent".to_owned(),
            ));
        }
        connection.starttls(tls, hello).await.map_err(|error| refused(&error, scrub))?;
    }
    if let Some(account) = &config.auth {
        let is_private = needs_tls || peer.is_loopback();
        auth::log_in(&mut connection, hello, account, is_private, scrub).await?;
    }
    Ok(connection)
}

/// The first address that answers.
async fn first_of(
    addresses: &[SocketAddr],
    hello: &ClientId,
    tls: Option<TlsParameters>,
    scrub: &Scrub,
) -> Result<(AsyncSmtpConnection, IpAddr), SendError> {
    let mut last = SendError::retry("the server's name has no address".to_owned());
    for address in addresses {
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), hello, tls.clone(), None)
                .await;
        match connected {
            Ok(connection) => return Ok((connection, address.ip())),
            Err(error) => last = refused(&error, scrub),
        }
    }
    Err(last)
}

/// Those whom the server takes get it; one dead mailbox in a list must not keep the others from hearing.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    mail: &Mail,
    scrub: &Scrub,
) -> Result<String, SendError> {
    let envelope = mail.envelope();
    let mut options = Vec::new();
    let addresses = || envelope.from().into_iter().chain(envelope.to());
    if addresses().any(|address| !address.to_string().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(SendError::give_up(
                "an address is not ASCII, and the server offers no SMTPUTF8".to_owned(),
            ));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    let sender = MailFrom::new(envelope.from().cloned(), options);
    connection.command(sender).await.map_err(|error| refused(&error, scrub))?;
    let (mut taken, mut not_taken) = (0, Vec::new());
    for address in envelope.to() {
        match connection.command(Rcpt::new(address.clone(), Vec::new())).await {
            Ok(_) => taken += 1,
            Err(error) if error.status().is_some() => not_taken.push(refused(&error, scrub)),
            Err(error) => return Err(refused(&error, scrub)),
        }
    }
    if taken == 0 {
        let may_pass = not_taken.iter().position(|error| error.retry != crate::receiver::Retry::Never);
        return Err(not_taken.swap_remove(may_pass.unwrap_or(0)));
    }
    connection.command(Data).await.map_err(|error| refused(&error, scrub))?;
    let response = connection.message(&mail.formatted()).await.map_err(|error| refused(&error, scrub))?;
    let receipt = said(&response, scrub);
    if let Some(error) = not_taken.first() {
        tracing::error!(
            refused = not_taken.len(),
            error = error.message,
            "a mail was taken for some of its recipients only"
        );
        return Ok(format!(
            "{} recipient(s) refused ({}), the others: {receipt}",
            not_taken.len(),
            error.message
        ));
    }
    Ok(receipt)
}

pub(super) fn said(response: &Response, scrub: &Scrub) -> String {
    let words: Vec<&str> = response.message().collect();
    scrub.text(&format!("{} {}", response.code(), words.join(" ")))
}

async fn tls(config: &EmailConfig) -> Result<TlsParameters, SendError> {
    let settings = &config.tls;
    let domain = settings.server_name.clone().unwrap_or_else(|| config.smarthost.host.clone());
    let least = if settings.only_tls13 { TlsVersion::Tlsv13 } else { TlsVersion::Tlsv12 };
    let mut parameters = TlsParameters::builder(domain).set_min_tls_version(least);
    if let Some(source) = &settings.ca {
        let authority = Certificate::from_pem(&read(source).await?).map_err(|_| no_pem("ca_file"))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    if let Some((certificate, key)) = &settings.identity {
        let certificate = der_of(&read(certificate).await?).ok_or_else(|| no_pem("cert_file"))?;
        let identity = Identity::from_pem(&certificate, &read(key).await?);
        parameters = parameters.identify_with(identity.map_err(|_| no_pem("key_file"))?);
    }
    if settings.insecure_skip_verify {
        parameters = parameters.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    }
    parameters.build().map_err(|error| SendError::retry(format!("TLS cannot be set up: {error}")))
}

/// The first certificate of a file. Lettre's `from_pem` takes the key as PEM, and the certificate as what is in it.
fn der_of(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (encoded, _) = rest.split_once("-----END CERTIFICATE-----")?;
    from_base64(&encoded.split_whitespace().collect::<String>())
}

async fn read(source: &SecretSource) -> Result<Vec<u8>, SendError> {
    let secret = source.read().await.map_err(SendError::retry)?;
    Ok(secret.expose().as_bytes().to_vec())
}

fn no_pem(key: &str) -> SendError {
    SendError::retry(format!("{key} cannot be used: it has to be PEM"))
}

/// A 5xx reply is final; a 4xx reply, a broken connection and a TLS failure may pass.
pub(super) fn refused(error: &SmtpError, scrub: &Scrub) -> SendError {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text = format!("{text}: {cause}");
    }
    let text = scrub.text(&text);
    if error.is_permanent() { SendError::give_up(text) } else { SendError::retry(text) }
}
