//! `plimsoll load`: sends OTLP at a rate, or as fast as it goes, and verifies what was acknowledged.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use plimsoll_model::Clock;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::SystemClock;
use crate::config::duration;
use crate::load::{self, AcknowledgedBy, Compression, End, Pace, Plan, Protocol, Run, Signal, Transport};

#[derive(Debug, Args)]
pub(super) struct Load {
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    protocol: Protocol,
    /// Where OTLP is received [default: <http://127.0.0.1:4317> for grpc, :4318 for http].
    #[arg(long, value_name = "URL")]
    endpoint: Option<Url>,
    #[arg(long, value_enum, default_value_t = Compression::None)]
    compression: Compression,
    /// What is sent, request by request in turn; name one twice to send twice as much of it.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "spans", value_name = "LIST")]
    signals: Vec<Signal>,
    /// Items in one request.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000), value_name = "N")]
    items: u64,
    /// Spans that share a trace; 1 gives each span random ids of its own and is the hardest to store.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "N")]
    spans_per_trace: u64,
    /// Connections, each with one request under way at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000), value_name = "N")]
    connections: u16,
    /// Items a second, whatever the receiver does: an open loop, with latency from the intended moment. Without it the
    /// loop is closed: the next request is sent when an answer is there, as fast as that goes.
    #[arg(long, value_name = "ITEMS")]
    rate: Option<f64>,
    /// For how long: "10s", "5m" [default: 10s, unless --count says when to end].
    #[arg(long, value_parser = duration, value_name = "DURATION", conflicts_with = "count")]
    duration: Option<Duration>,
    /// How many items in all, rounded up to whole requests.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "ITEMS")]
    count: Option<u64>,
    /// Make up a history: event times lie evenly over so long before the start, instead of at the moment of sending.
    #[arg(long, value_parser = duration, value_name = "DURATION", requires = "count")]
    history: Option<Duration>,
    /// An attempt without an answer is lost after this long.
    #[arg(long, value_parser = duration, default_value = "10s", value_name = "DURATION")]
    timeout: Duration,
    /// A request that may be tried again is, until it is this old.
    #[arg(long, value_parser = duration, default_value = "60s", value_name = "DURATION")]
    give_up: Duration,
    /// The run's number, 16 hexadecimal digits, which every id follows from; the same run sends the same again.
    #[arg(long, value_parser = run_number, value_name = "HEX")]
    run: Option<u64>,
    /// Append a line of JSON to this file for each acknowledged request, for an oracle that outlives the receiver.
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
    /// Afterwards ask this console, by SQL, whether what was acknowledged is stored, each item once.
    #[arg(long, value_name = "URL")]
    verify: Option<Url>,
    /// Over HTTP, take any 2xx for an acknowledgement, for receivers that do not answer as OTLP says.
    #[arg(long)]
    any_2xx: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Load {
    /// Fails when nothing was acknowledged, or when --verify misses something or finds it twice.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stop = CancellationToken::new();
        super::serve::stop_on_signal(stop.clone())?;
        let json = self.json;
        let report = load::run(self.plan(clock.as_ref())?, clock, stop).await?;
        if json {
            super::say(&serde_json::to_string(&report)?);
        } else {
            super::say(report.to_string().trim_end());
        }
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn plan(self, clock: &dyn Clock) -> anyhow::Result<Plan> {
        let requests_per_second = self.rate.map(|rate| rate / self.items as f64);
        if requests_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            bail!("--rate is a number of items a second above zero; leave it out to send as fast as it goes");
        }
        let end = match (self.count, self.duration) {
            (Some(count), _) => End::Requests(count.div_ceil(self.items)),
            (None, Some(duration)) => End::After(duration),
            (None, None) => End::After(Duration::from_secs(10)),
        };
        let endpoint = match self.endpoint {
            Some(endpoint) => endpoint,
            None => default_endpoint(self.protocol).parse().context("the default address")?,
        };
        // Two runs that start at the same nanosecond are one run.
        let run = self.run.unwrap_or_else(|| clock.now().nanos().unsigned_abs());
        Ok(Plan {
            run: Run::new(run),
            transport: Transport {
                protocol: self.protocol,
                compression: self.compression,
                endpoint,
                timeout: self.timeout,
                acknowledged_by: if self.any_2xx { AcknowledgedBy::Status } else { AcknowledgedBy::Otlp },
            },
            connections: usize::from(self.connections),
            signals: self.signals,
            items_per_request: self.items,
            spans_per_trace: self.spans_per_trace,
            pace: Pace { requests_per_second, end, history: self.history },
            give_up_after: self.give_up,
            acknowledged: self.acknowledged,
            verify: self.verify,
        })
    }
}

const fn default_endpoint(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "http://127.0.0.1:4317",
        Protocol::Http => "http://127.0.0.1:4318",
    }
}

fn run_number(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a run: write up to 16 hexadecimal digits");
    u64::from_str_radix(text, 16).map_err(|_| wrong())
}
