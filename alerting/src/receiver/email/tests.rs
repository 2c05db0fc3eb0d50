use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::config::{EmailAuth, Secret, SecretSource, Smarthost, Threading, TlsConfig, Wording};
use crate::message::{render, samples};
use crate::notification::Notification;
use crate::receiver::Retry;

fn config(port: u16) -> EmailConfig {
    EmailConfig {
        to: "On Call <on-call@example.org>".parse().expect("valid"),
        from: "Plimsoll <alerts@example.org>".parse().expect("valid"),
        smarthost: Smarthost { host: "127.0.0.1".to_owned(), port },
        hello: "plimsoll.example.org".to_owned(),
        auth: Some(EmailAuth {
            user: "alerts".to_owned(),
            identity: String::new(),
            password: Some(SecretSource::Inline(Secret::new("hunter2"))),
            secret: None,
        }),
        require_tls: false,
        is_implicit_tls: false,
        tls: TlsConfig::default(),
        headers: BTreeMap::new(),
        html: None,
        text: None,
        threading: Threading::Incident,
    }
}

async fn send(config: &EmailConfig, notification: &Notification) -> Result<String, SendError> {
    let url = "http://127.0.0.1:8088";
    let message = render(notification, url);
    let now = notification.decided_at;
    let parcel = Parcel { notification, message: &message, public_url: url, timeout: None, now };
    super::send(&Fence::default(), config, parcel, &mut Scrub::default()).await
}

fn mail_of(config: &EmailConfig, notification: &Notification) -> String {
    let message = render(notification, "");
    let now = notification.decided_at;
    let parcel = Parcel { notification, message: &message, public_url: "", timeout: None, now };
    let mail = mail::mail(config, parcel).expect("built").formatted();
    String::from_utf8(mail).expect("ASCII on the wire")
}

/// A server that speaks just enough SMTP for one mail, answers the mail with `verdict`, and returns what it was told.
async fn smtp_server(
    features: &'static str,
    verdict: &'static str,
) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        let (mut told, mut in_data) = (Vec::new(), false);
        writing.write_all(b"220 test\r\n").await.expect("greeted");
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match line.as_str() {
                "." if in_data => {
                    in_data = false;
                    format!("{verdict}\r\n")
                }
                _ if in_data => String::new(),
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n".to_owned()
                }
                "QUIT" => "221 bye\r\n".to_owned(),
                ehlo if ehlo.starts_with("EHLO") => features.to_owned(),
                auth if auth.starts_with("AUTH") => "235 welcome\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            told.push(line);
            if writing.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
        told
    });
    (port, server)
}

const PLAIN_AUTH: &str = "250-test\r\n250 AUTH PLAIN LOGIN\r\n";

#[tokio::test]
async fn a_page_is_mailed_with_authentication_and_threading() {
    let (port, server) = smtp_server(PLAIN_AUTH, "250 2.0.0 queued as X1").await;
    let receipt = send(&config(port), &samples::firing()).await.expect("sent");
    assert_eq!(receipt, "250 2.0.0 queued as X1");

    let told = server.await.expect("served");
    let has = |line: &str| assert!(told.iter().any(|told| told == line), "{line} in {told:#?}");
    has("EHLO plimsoll.example.org");
    // \0alerts\0hunter2
    has("AUTH PLAIN AGFsZXJ0cwBodW50ZXIy");
    has("MAIL FROM:<alerts@example.org>");
    has("RCPT TO:<on-call@example.org>");
    has("Message-ID: <0123456789abcdef0123456789abcdef@example.org>");
    has("References: <INC-20261121-7f3a@example.org>");
    has("Auto-Submitted: auto-generated");
    has("X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply");
    has("In-Reply-To: <INC-20261121-7f3a@example.org>");
    has("Date: Sat, 21 Nov 2026 10:17:00 +0000");
    assert!(
        told.iter().any(|line| line.starts_with("Subject: [FIRING:1] PAGE sales WH1: 41 orders")),
        "{told:#?}"
    );
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_and_it_is_tried_again() {
    let (port, server) = smtp_server(PLAIN_AUTH, "250 ok").await;
    let config = EmailConfig { require_tls: true, ..config(port) };
    let error = send(&config, &samples::firing()).await.expect_err("refused");
    assert!(matches!(error.retry, Retry::After(_)), "{error:?}");
    let told = server.await.expect("served");
    assert!(!told.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{told:#?}");
}

#[tokio::test]
async fn a_permanent_refusal_is_final_and_a_transient_one_is_not() {
    for (verdict, expected) in [("554 no", Retry::Never), ("451 later", Retry::After(Duration::ZERO))] {
        let (port, server) = smtp_server(PLAIN_AUTH, verdict).await;
        let error = send(&config(port), &samples::firing()).await.expect_err("refused");
        assert_eq!(error.retry, expected, "{error:?}");
        drop(server.await);
    }
}

#[test]
fn a_line_break_begins_neither_a_header_nor_a_command() {
    for evil in [
        "x\r\nBcc: a@example.org",
        "x\rBcc: a@example.org",
        "x\nBcc: a@example.org",
        "\u{760d}\u{760a}Bcc: a",
    ] {
        let mut notification = samples::firing();
        notification.alerts[0].annotations.insert("summary".to_owned(), evil.to_owned());
        notification.alerts[0].annotations.insert("cause".to_owned(), format!("{evil}\r\n.\r\nQUIT"));
        let ours = mail_of(&config(25), &notification);
        let headers = ["Subject", "X-Team"]
            .map(|name| (name.to_ascii_lowercase(), (name.to_owned(), Wording::fixed(evil))));
        let mail = mail_of(&EmailConfig { headers: headers.into(), ..config(25) }, &notification);
        let (ours, _) = ours.split_once("\r\n\r\n").expect("head and body");
        assert!(!ours.lines().any(|line| line.starts_with("Bcc")), "{ours}");
        let (head, body) = mail.split_once("\r\n\r\n").expect("head and body");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(!body.lines().any(|line| line == "." || line == "QUIT"), "{body}");
        assert!(mail.is_ascii() && !mail.replace("\r\n", "").contains(['\r', '\n']), "{mail:?}");
    }
}

#[test]
fn the_files_headers_and_bodies_take_the_place_of_ours() {
    let header =
        |name: &str, text: &str| (name.to_ascii_lowercase(), (name.to_owned(), Wording::fixed(text)));
    let config = EmailConfig {
        headers: [
            header("Subject", "late"),
            header("To", "team@example.org"),
            header("Reply-To", "desk@example.org"),
            header("X-Team", "sales"),
        ]
        .into(),
        html: Some(Wording::fixed("")),
        text: Some(Wording::fixed("look at it")),
        threading: Threading::IncidentAndDay,
        ..config(25)
    };
    let mail = mail_of(&config, &samples::firing());
    for line in [
        "Subject: late",
        "To: team@example.org",
        "Reply-To: desk@example.org",
        "X-Team: sales",
        "References: <INC-20261121-7f3a.2026-11-21@example.org>",
        "look at it",
    ] {
        assert!(mail.lines().any(|told| told == line), "{line} in {mail}");
    }
    assert!(!mail.contains("multipart") && !mail.contains("text/html"), "{mail}");
    let message = EmailConfig { threading: Threading::Off, ..self::config(25) };
    assert!(!mail_of(&message, &samples::firing()).contains("References"));
}

#[tokio::test]
async fn the_envelope_is_whom_it_goes_to_whatever_the_header_shows() {
    let (port, server) = smtp_server(PLAIN_AUTH, "250 ok").await;
    let shown = ("to".to_owned(), ("To".to_owned(), Wording::fixed("team@example.org")));
    let config = EmailConfig { headers: [shown].into(), ..config(port) };
    send(&config, &samples::firing()).await.expect("sent");
    let told = server.await.expect("served");
    assert!(told.iter().any(|line| line == "RCPT TO:<on-call@example.org>"), "{told:#?}");
    assert!(!told.iter().any(|line| line == "RCPT TO:<team@example.org>"), "{told:#?}");
}
