//! Logging in to a mail server: CRAM-MD5 (RFC 2195), PLAIN (RFC 4616) and LOGIN, by what the server offers and the file
//! has a secret for. A password never crosses a network in the clear.

use hmac::{Hmac, KeyInit, Mac};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Ehlo;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use md5::Md5;

use super::connection::refused;
use crate::config::EmailAuth;
use crate::receiver::SendError;
use crate::receiver::http::{Scrub, base64, from_base64};

pub(super) async fn log_in(
    connection: &mut AsyncSmtpConnection,
    hello: &ClientId,
    account: &EmailAuth,
    is_private: bool,
    scrub: &mut Scrub,
) -> Result<(), SendError> {
    let greeting =
        connection.command(Ehlo::new(hello.clone())).await.map_err(|error| refused(&error, scrub))?;
    let offered = mechanisms(&greeting);
    let offers = |name: &str| offered.iter().any(|offered| offered == name);
    if let Some(secret) = account.secret.as_ref().filter(|_| offers("CRAM-MD5")) {
        let secret = secret.read().await.map_err(SendError::retry)?;
        scrub.secret(&secret);
        return cram_md5(connection, &account.user, secret.expose(), scrub).await;
    }
    let Some(password) = account.password.as_ref().filter(|_| offers("PLAIN") || offers("LOGIN")) else {
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        return Err(SendError::give_up(format!(
            "the server offers no way to log in that we have a secret for (it offers {offered})"
        )));
    };
    if !is_private {
        return Err(SendError::give_up(
            "the password would cross the network in the clear: set require_tls to true".to_owned(),
        ));
    }
    let password = password.read().await.map_err(SendError::retry)?;
    scrub.secret(&password);
    if offers("PLAIN") {
        return plain(connection, account, password.expose(), scrub).await;
    }
    login(connection, &account.user, password.expose(), scrub).await
}

/// `AUTH PLAIN LOGIN` in the answer to EHLO.
fn mechanisms(greeting: &Response) -> Vec<String> {
    let lines = greeting.message().filter_map(|line| {
        let (verb, names) = line.split_once([' ', '='])?;
        verb.eq_ignore_ascii_case("AUTH").then(|| names.to_ascii_uppercase())
    });
    lines.flat_map(|names| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

async fn plain(
    connection: &mut AsyncSmtpConnection,
    account: &EmailAuth,
    password: &str,
    scrub: &mut Scrub,
) -> Result<(), SendError> {
    let encoded = base64(format!("{}\0{}\0{password}", account.identity, account.user).as_bytes());
    scrub.word(&encoded);
    say(connection, &format!("AUTH PLAIN {encoded}"), scrub).await.map(drop)
}

async fn login(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    password: &str,
    scrub: &mut Scrub,
) -> Result<(), SendError> {
    let encoded = base64(password.as_bytes());
    scrub.word(&encoded);
    say(connection, "AUTH LOGIN", scrub).await?;
    say(connection, &base64(user.as_bytes()), scrub).await?;
    say(connection, &encoded, scrub).await.map(drop)
}

async fn cram_md5(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    secret: &str,
    scrub: &mut Scrub,
) -> Result<(), SendError> {
    let challenge = say(connection, "AUTH CRAM-MD5", scrub).await?;
    let challenge = challenge.message().next().and_then(from_base64);
    let challenge =
        challenge.ok_or_else(|| SendError::retry("the server's challenge is not base64".to_owned()))?;
    let answer = base64(format!("{user} {}", digest(secret, &challenge)).as_bytes());
    scrub.word(&answer);
    say(connection, &answer, scrub).await.map(drop)
}

fn digest(secret: &str, challenge: &[u8]) -> String {
    let mut mac = Hmac::<Md5>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(challenge);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn say(connection: &mut AsyncSmtpConnection, line: &str, scrub: &Scrub) -> Result<Response, SendError> {
    connection.command(format!("{line}\r\n")).await.map_err(|error| {
        let SendError { message, retry } = refused(&error, scrub);
        SendError { message: format!("the server did not let us log in: {message}"), retry }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standards_example() {
        // RFC 2195, section 2.
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        assert_eq!(digest("tanstaaftanstaaf", challenge), "b913a602c7eda7a495b4e6e7334d3890");
    }
}
