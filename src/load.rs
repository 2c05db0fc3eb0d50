//! `plimsoll load`: a sender of OTLP that is fair to what it measures, and looks afterwards whether what was
//! acknowledged is there.
//!
//! Every item is unique and follows from the run and its number (`ids`). Bodies are made from encoded templates
//! (`template`, `payload`, `bodies`), so that sending costs a fraction of receiving. In an open loop a request has its
//! moment fixed beforehand and its latency counts from there (`pace`): a receiver that stalls can't hide it. Answers
//! are read as an OTLP client reads them (`client`), retries included (`sender`). What became of each request is kept
//! (`outcomes`) and held against what SQL finds (`verify`).

mod bodies;
mod client;
mod ids;
mod latency;
mod outcomes;
mod pace;
mod payload;
mod report;
mod sender;
mod signal;
mod tally;
mod template;
mod verify;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use plimsoll_model::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use client::{AcknowledgedBy, Compression, Protocol, Transport};
pub use ids::Run;
pub use pace::{End, Pace};
pub use report::Report;
pub use signal::Signal;

use bodies::{Bodies, Contents};
use client::Connection;
use outcomes::{Acknowledged, Outcomes};
use pace::{Alarm, Schedule};
use sender::Sending;
use verify::Verifier;

/// What one question of the verification covers, in items.
const ITEMS_PER_BLOCK: u64 = 1_000_000;
const REQUESTS_PER_BLOCK: u64 = 10_000;

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub run: Run,
    pub transport: Transport,
    pub connections: usize,
    /// Requests take these in turn.
    pub signals: Vec<Signal>,
    pub items_per_request: u64,
    pub spans_per_trace: u64,
    pub pace: Pace,
    /// A request is tried again for so long.
    pub give_up_after: Duration,
    /// Where acknowledged requests are written down as they are acknowledged.
    pub acknowledged: Option<PathBuf>,
    /// The console that is asked afterwards.
    pub verify: Option<Url>,
}

/// Sends, waits for every answer, and verifies if asked to. A stop ends the sending early; what was sent still counts.
pub async fn run(plan: Plan, clock: Arc<dyn Clock>, stop: CancellationToken) -> anyhow::Result<Report> {
    let contents = Contents {
        run: plan.run,
        signals: plan.signals.clone(),
        items_per_request: plan.items_per_request,
        spans_per_trace: plan.spans_per_trace,
    };
    let verifier = plan.verify.as_ref().map(Verifier::new).transpose()?;
    let sending = Arc::new(prepare(&plan, contents.clone(), clock, stop)?);
    let started = sending.schedule.started();

    let mut senders = JoinSet::new();
    for _ in 0..plan.connections {
        let connection = Connection::new(&plan.transport)?;
        let sending = Arc::clone(&sending);
        senders.spawn(async move { sending.run(connection).await });
    }
    while let Some(ended) = senders.join_next().await {
        ended.context("a sender panicked")??;
    }

    let sending = Arc::into_inner(sending).context("a sender outlived its task")?;
    let books = sending.finish();
    let open_loop = plan.pace.requests_per_second.is_some();
    let report = Report::of(plan.run.to_string(), plan.in_words(), open_loop, started, &books.tally);
    match verifier {
        None => Ok(report),
        Some(verifier) => Ok(report.with(verifier.look(&contents, &books.outcomes).await?)),
    }
}

fn prepare(
    plan: &Plan,
    contents: Contents,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<Sending> {
    let requests_per_block = (ITEMS_PER_BLOCK / plan.items_per_request).clamp(1, REQUESTS_PER_BLOCK);
    let acknowledged = plan.acknowledged.as_ref().map(|path| {
        let file = File::options().create(true).append(true).open(path);
        file.with_context(|| format!("--acknowledged: {} can't be written", path.display()))
    });
    let acknowledged = acknowledged.transpose()?.map(|file| Acknowledged::new(file, plan.run));
    let bodies = Bodies::new(contents);
    let alarm = Alarm::start(plan.connections)?;
    Ok(Sending::new(
        bodies,
        wire_compression(&plan.transport),
        Schedule::starting(plan.pace, Instant::now()),
        alarm,
        plan.give_up_after,
        stop,
        clock,
        Outcomes::new(requests_per_block, acknowledged),
    ))
}

/// A gRPC client compresses what it frames; over HTTP the body is compressed here.
const fn wire_compression(transport: &Transport) -> Compression {
    match transport.protocol {
        Protocol::Grpc => Compression::None,
        Protocol::Http => transport.compression,
    }
}

impl Plan {
    fn in_words(&self) -> String {
        let pace = match self.pace.requests_per_second {
            Some(rate) => format!("open loop, {:.0} items/s", rate * self.items_per_request as f64),
            None => "closed loop, as fast as it goes".to_owned(),
        };
        let Transport { protocol, compression, endpoint, .. } = &self.transport;
        format!(
            "{pace}; {} to {endpoint}, compression {}, {} connections, {} items a request",
            protocol.name(),
            compression.name(),
            self.connections,
            self.items_per_request
        )
    }
}
