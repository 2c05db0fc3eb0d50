//! RESP 2, as far as three commands need it: requests are arrays of texts, answers are read within a limit.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::Clock;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::config::{RedisConfig, TlsMode};
use crate::source::FetchError;
use crate::tls::Tls;

const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
const LONGEST_LIST: usize = 10_000;
const DEEPEST: u32 = 4;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Text(String),
    Number(i64),
    List(Vec<Answer>),
    Nothing,
}

/// In the clear or encrypted.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Stream for S {}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl Connection {
    pub(crate) async fn open(config: &RedisConfig, clock: &Arc<dyn Clock>) -> Result<Self, FetchError> {
        let stream = within(clock, config.timeout, connect(config)).await??;
        let mut connection =
            Self { stream: BufReader::new(stream), clock: Arc::clone(clock), timeout: config.timeout };
        if let Some(password) = &config.password {
            let mut command = vec!["AUTH"];
            command.extend(config.user.as_deref());
            command.push(password.reveal());
            connection.ask(&command).await?;
        }
        Ok(connection)
    }

    /// An error that the server answers is an error here.
    pub(crate) async fn ask(&mut self, command: &[&str]) -> Result<Answer, FetchError> {
        let clock = Arc::clone(&self.clock);
        let (timeout, name) = (self.timeout, command.first().copied().unwrap_or_default().to_owned());
        let answer = within(&clock, timeout, self.exchange(command)).await?;
        answer.map_err(|error| FetchError::new(format!("{name}: {error}")))
    }

    async fn exchange(&mut self, command: &[&str]) -> Result<Answer, String> {
        let mut request = format!("*{}\r\n", command.len());
        for part in command {
            request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        self.stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        Box::pin(self.answer(0)).await
    }

    async fn answer(&mut self, depth: u32) -> Result<Answer, String> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).ok_or("an empty answer")?;
        match kind {
            "+" => Ok(Answer::Text(rest.to_owned())),
            // Errors name commands and rights, such as NOPERM and NOAUTH, and no data.
            "-" => Err(rest.chars().take(200).collect()),
            ":" => rest.parse().map(Answer::Number).map_err(|_| "a number that is none".to_owned()),
            "$" => self.text(rest).await,
            "*" if depth < DEEPEST => {
                let length: i64 = rest.parse().map_err(|_| "a list without a length")?;
                let Ok(length) = usize::try_from(length) else { return Ok(Answer::Nothing) };
                if length > LONGEST_LIST {
                    return Err("a list that is too long".to_owned());
                }
                let mut list = Vec::new();
                for _ in 0..length {
                    list.push(Box::pin(self.answer(depth + 1)).await?);
                }
                Ok(Answer::List(list))
            }
            _ => Err("this is no Redis".to_owned()),
        }
    }

    async fn text(&mut self, length: &str) -> Result<Answer, String> {
        let length: i64 = length.parse().map_err(|_| "a text without a length")?;
        let Ok(length) = usize::try_from(length) else { return Ok(Answer::Nothing) };
        if length > LONGEST_ANSWER {
            return Err("an answer that is too long".to_owned());
        }
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).await.map_err(|error| error.to_string())?;
        bytes.truncate(length);
        Ok(Answer::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn line(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.stream).take(64 * 1024);
        limited.read_until(b'\n', &mut bytes).await.map_err(|error| error.to_string())?;
        if bytes.last() != Some(&b'\n') {
            return Err("the connection ended".to_owned());
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}

async fn connect(config: &RedisConfig) -> Result<Box<dyn Stream>, FetchError> {
    let unreachable = |error: std::io::Error| FetchError::new(format!("can't connect: {error}"));
    let stream = TcpStream::connect((config.host.as_str(), config.port)).await.map_err(unreachable)?;
    if config.tls == TlsMode::Disable {
        return Ok(Box::new(stream));
    }
    let tls = Tls::new(config.tls, config.ca.as_deref()).map_err(FetchError::new)?;
    let encrypted = tls.connect(config.host.clone(), stream).await;
    Ok(Box::new(encrypted.map_err(|error| FetchError::new(format!("TLS: {error}")))?))
}

async fn within<T>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, FetchError> {
    tokio::select! {
        done = work => Ok(done),
        () = clock.sleep(limit) => Err(FetchError::new(format!("no answer within {} s", limit.as_secs_f32()))),
    }
}
