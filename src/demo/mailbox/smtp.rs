//! A small SMTP server (RFC 5321) that accepts every mail: EHLO, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT. No TLS:
//! it listens on loopback only.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Mail, Received, Sink, mime};

/// RFC 5321 asks for 1,000 octets a line; what follows an overlong one is not SMTP.
const MAX_LINE: u64 = 4_096;
const MAX_MAIL: usize = 1 << 20;
const MAX_CONNECTIONS: usize = 16;

pub(super) async fn serve(listener: TcpListener, sink: Sink, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, sink.clone(), stop.clone()));
                }
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn converse(stream: TcpStream, sink: Sink, stop: CancellationToken) {
    let mut session = Session { stream: BufReader::new(stream), sink, envelope: Envelope::default() };
    tokio::select! {
        () = stop.cancelled() => {}
        ended = session.run() => if let Err(error) = ended {
            tracing::debug!(%error, "a mail client went away");
        },
    }
}

#[derive(Debug)]
struct Session {
    stream: BufReader<TcpStream>,
    sink: Sink,
    envelope: Envelope,
}

#[derive(Debug, Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    async fn run(&mut self) -> std::io::Result<()> {
        self.say("220 plimsoll-demo ESMTP").await?;
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.greet().await?,
                "HELO" => self.say("250 plimsoll-demo").await?,
                "AUTH" => self.authenticate(rest).await?,
                "MAIL" => self.begin(rest).await?,
                "RCPT" => self.address(rest).await?,
                "DATA" => self.take_mail().await?,
                "RSET" => self.reset().await?,
                "NOOP" => self.say("250 2.0.0 ok").await?,
                "QUIT" => return self.say("221 2.0.0 bye").await,
                _ => self.say("502 5.5.1 this server does not know that command").await?,
            }
        }
        Ok(())
    }

    async fn greet(&mut self) -> std::io::Result<()> {
        self.envelope = Envelope::default();
        self.say("250-plimsoll-demo").await?;
        self.say("250-8BITMIME").await?;
        self.say("250-SMTPUTF8").await?;
        self.say("250-AUTH PLAIN LOGIN").await?;
        self.say(&format!("250 SIZE {MAX_MAIL}")).await
    }

    /// Everybody is who they say they are.
    async fn authenticate(&mut self, rest: &str) -> std::io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let asked: &[&str] = match (mechanism.to_ascii_uppercase().as_str(), initial.is_empty()) {
            ("PLAIN", true) => &[""],
            ("PLAIN", false) => &[],
            // base64 of "Username:" and "Password:".
            ("LOGIN", true) => &["VXNlcm5hbWU6", "UGFzc3dvcmQ6"],
            ("LOGIN", false) => &["UGFzc3dvcmQ6"],
            _ => return self.say("504 5.5.4 use AUTH PLAIN or AUTH LOGIN").await,
        };
        for question in asked {
            self.say(&format!("334 {question}")).await?;
            if self.line().await?.is_none() {
                return Ok(());
            }
        }
        self.say("235 2.7.0 welcome").await
    }

    async fn begin(&mut self, rest: &str) -> std::io::Result<()> {
        let Some(from) = path(rest, "FROM:") else {
            return self.say("501 5.5.4 write MAIL FROM:<address>").await;
        };
        self.envelope = Envelope { from: Some(from), to: Vec::new() };
        self.say("250 2.1.0 ok").await
    }

    async fn address(&mut self, rest: &str) -> std::io::Result<()> {
        if self.envelope.from.is_none() {
            return self.say("503 5.5.1 MAIL comes first").await;
        }
        let Some(to) = path(rest, "TO:") else {
            return self.say("501 5.5.4 write RCPT TO:<address>").await;
        };
        if self.envelope.to.len() == 100 {
            return self.say("452 4.5.3 too many recipients").await;
        }
        self.envelope.to.push(to);
        self.say("250 2.1.5 ok").await
    }

    async fn take_mail(&mut self) -> std::io::Result<()> {
        if self.envelope.to.is_empty() {
            return self.say("503 5.5.1 RCPT comes first").await;
        }
        self.say("354 end with a line that holds a dot only").await?;
        let (mut mail, mut size) = (String::new(), 0);
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            if line == "." {
                break;
            }
            size += line.len() + 2;
            if size <= MAX_MAIL {
                mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                mail.push_str("\r\n");
            }
        }
        if size > MAX_MAIL {
            return self.say("552 5.3.4 the mail is larger than SIZE said").await;
        }
        let envelope = std::mem::take(&mut self.envelope);
        self.sink.accept(Received::Mail(read(&mail, envelope)));
        self.say("250 2.0.0 kept").await
    }

    async fn reset(&mut self) -> std::io::Result<()> {
        self.envelope = Envelope::default();
        self.say("250 2.0.0 ok").await
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    /// The next line without its end; `None` when the client hung up.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(std::io::Error::other("a line without end"));
        }
        line.pop_if(|last| *last == b'\r');
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

/// The address in `FROM:<address> PARAMETERS`; empty for a bounce.
fn path(rest: &str, keyword: &str) -> Option<String> {
    let (word, rest) = rest.split_at_checked(keyword.len())?;
    let rest = word.eq_ignore_ascii_case(keyword).then_some(rest)?;
    let (address, _) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

fn read(mail: &str, envelope: Envelope) -> Mail {
    let message = mime::Part::parse(mail);
    Mail {
        from: envelope.from.unwrap_or_default(),
        to: envelope.to,
        subject: message.header("subject").map(mime::decode_words).unwrap_or_default(),
        text: message.plain_text(),
    }
}
