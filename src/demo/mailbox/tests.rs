//! Real clients against the sinks.

use lettre::message::{Message, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::*;

fn mail(text: &str) -> Message {
    Message::builder()
        .from("Plimsoll <plimsoll@example.com>".parse().expect("an address"))
        .to("oncall@example.com".parse().expect("an address"))
        .subject("[FIRING] 3 orders late in Gdańsk")
        .multipart(MultiPart::alternative_plain_html(text.to_owned(), "<p>no</p>".to_owned()))
        .expect("a message")
}

async fn send(mailbox: &Mailbox, message: Message, credentials: Option<Credentials>) {
    let mut transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(mailbox.smtp.port());
    if let Some(credentials) = credentials {
        transport = transport.credentials(credentials);
    }
    transport.build().send(message).await.expect("the sink takes mail");
}

#[tokio::test]
async fn lettre_delivers_a_mail_that_reads_as_it_was_written() {
    let mut mailbox = Mailbox::open(CancellationToken::new()).await.expect("a free port");
    // A dot at the start of a line is what SMTP stuffs, a long line is what MIME folds.
    let text = format!("S000017 waits for stock.\n.\n..two dots\n{}ß\n", "long ".repeat(60));
    send(&mailbox, mail(&text), None).await;
    send(&mailbox, mail("second"), Some(Credentials::new("user".to_owned(), "secret".to_owned()))).await;

    let Some(Received::Mail(first)) = mailbox.next().await else { panic!("not a mail") };
    assert_eq!(first.subject, "[FIRING] 3 orders late in Gdańsk");
    assert_eq!(
        (first.from.as_str(), first.to),
        ("plimsoll@example.com", vec!["oncall@example.com".to_owned()])
    );
    assert_eq!(first.text.trim_end(), text.trim_end());
    let Some(Received::Mail(second)) = mailbox.next().await else { panic!("not a mail") };
    assert_eq!(second.text.trim_end(), "second");
    mailbox.close().await;
}

#[tokio::test]
async fn a_posted_event_is_answered_like_the_pager_does() {
    let mut mailbox = Mailbox::open(CancellationToken::new()).await.expect("a free port");
    let event = serde_json::json!({"routing_key": "k", "event_action": "trigger", "dedup_key": "d"});
    let url = format!("http://{}/v2/enqueue", mailbox.http);
    let answer = reqwest::Client::new().post(url).json(&event).send().await.expect("the sink answers");
    assert_eq!(answer.status(), 202);
    let received = mailbox.next().await;
    assert_eq!(received, Some(Received::Post { path: "/v2/enqueue".to_owned(), body: event }));
    mailbox.close().await;
}

#[tokio::test]
async fn a_client_that_talks_nonsense_is_told_so_and_the_server_lives() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut mailbox = Mailbox::open(CancellationToken::new()).await.expect("a free port");
    let mut client = tokio::net::TcpStream::connect(mailbox.smtp).await.expect("it listens");
    client.write_all(b"HELP\r\nRCPT TO:<a@b>\r\nMAIL FROM\r\nQUIT\r\n").await.expect("written");
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.expect("read");
    let codes: Vec<&str> = answers.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(codes, ["220", "502", "503", "501", "221"]);

    send(&mailbox, mail("still here"), None).await;
    assert!(matches!(mailbox.next().await, Some(Received::Mail(_))));
    mailbox.close().await;
}
