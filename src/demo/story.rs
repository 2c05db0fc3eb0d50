//! The story that the terminal tells: a healthy day, the fault, the page as the person gets it, where to look, and how
//! it ends. Everything shown was asked of the product or arrived in the mailbox; nothing comes from the simulation.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use plimsoll_model::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::fault::ValuationReport;
use super::mailbox::{Mail, Mailbox, Received};
use super::screen;
use super::sender::Sender;
use super::world::World;
use crate::app::Addresses;

/// How much simulated time goes into one sending.
const SLICE: Duration = Duration::from_secs(5);

/// Durations are the demo clock's, which runs faster than the wall's.
#[derive(Clone, Debug)]
pub struct Options {
    /// End after the page.
    pub once: bool,
    pub seed: u64,
    /// The day has been running this long when the demo begins.
    pub history: Duration,
    /// How long all goes well.
    pub healthy: Duration,
    /// How long the report runs.
    pub fault: Duration,
    /// With `once`: give up when no page has come by then.
    pub patience: Duration,
    /// How much faster than the wall's the demo's clock runs; said, not set, here.
    pub times_faster: u32,
    /// How the person calls this program, for commands to copy.
    pub program: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            once: false,
            seed: 1876,
            history: Duration::from_secs(20 * 60),
            healthy: Duration::from_secs(10 * 60),
            fault: Duration::from_secs(12 * 60),
            patience: Duration::from_secs(80 * 60),
            times_faster: 20,
            program: "plimsoll".to_owned(),
        }
    }
}

/// Plays until `stop`, or with `once` until the page has arrived; an error when none does. `say` prints lines.
pub async fn run(
    options: Options,
    doors: Addresses,
    clock: Arc<dyn Clock>,
    mut mailbox: Mailbox,
    say: impl Fn(&str) + Send,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut story = Story::begin(options, doors, clock, say)?;
    story.catch_up().await?;
    while !story.is_told()? {
        let slice_passed = story.clock.sleep(SLICE);
        tokio::select! {
            () = stop.cancelled() => break,
            () = slice_passed => story.go_on().await?,
            message = mailbox.next() => {
                let message = message.context("the demo's mailbox closed by itself")?;
                story.receive(message)?;
            }
        }
    }
    mailbox.close().await;
    Ok(())
}

struct Story<S> {
    options: Options,
    doors: Addresses,
    clock: Arc<dyn Clock>,
    say: S,
    world: World,
    sender: Sender,
    console: Console,
    began: Timestamp,
    report: ValuationReport,
    next_line: Timestamp,
    phase: Phase,
}

/// What the person has seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Healthy,
    Faulty,
    Paged,
    Recovering,
    Resolved,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Faulty => "report",
            Self::Paged => "paged",
            Self::Recovering => "recovery",
            Self::Resolved => "healthy",
        }
    }

    /// Between two lines of progress: the less there is to see, the longer.
    const fn between_lines(self) -> Duration {
        match self {
            Self::Healthy | Self::Faulty | Self::Paged => Duration::from_secs(120),
            Self::Recovering => Duration::from_secs(300),
            Self::Resolved => Duration::from_secs(1_200),
        }
    }
}

impl<S: Fn(&str)> Story<S> {
    fn begin(options: Options, doors: Addresses, clock: Arc<dyn Clock>, say: S) -> anyhow::Result<Self> {
        let began = clock.now();
        let starts = began + options.healthy;
        let report = ValuationReport { warehouse: "ROT", starts, ends: starts + options.fault };
        let mut world = World::opening_at(began - options.history, options.seed);
        world.suffer(report.clone());
        let sender = Sender::to(doors.grpc, Arc::clone(&clock))?;
        let console = Console::at(doors.console)?;
        let (next_line, phase) = (began, Phase::Healthy);
        Ok(Self { options, doors, clock, say, world, sender, console, began, report, next_line, phase })
    }

    /// Everything up to now, so that there is a past to look at.
    async fn catch_up(&mut self) -> anyhow::Result<()> {
        (self.say)(&screen::opening(&self.doors, self.options.times_faster));
        let day = self.world.advance(self.clock.now());
        self.sender.send(day).await
    }

    /// One slice of the day.
    async fn go_on(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let news = self.world.advance(now);
        self.sender.send(news).await?;
        if self.phase == Phase::Healthy && now >= self.report.starts {
            self.phase = Phase::Faulty;
            (self.say)(&screen::fault_begins(&self.report));
        }
        if self.phase == Phase::Paged && now >= self.report.ends {
            self.phase = Phase::Recovering;
            (self.say)(&screen::fault_ends(&self.report));
        }
        if now >= self.next_line {
            self.next_line = now + self.phase.between_lines();
            let progress = self.console.progress().await;
            (self.say)(&screen::progress(now, self.phase.name(), &progress));
        }
        Ok(())
    }

    fn receive(&mut self, message: Received) -> anyhow::Result<()> {
        match message {
            Received::Mail(mail) => self.read(&mail),
            Received::Post { path, body } => {
                (self.say)(&screen::posted(&path, &body));
                Ok(())
            }
        }
    }

    fn read(&mut self, mail: &Mail) -> anyhow::Result<()> {
        let now = self.clock.now();
        (self.say)(&screen::mail(mail));
        match self.phase {
            Phase::Healthy if self.options.once => bail!("a mail left before anything was wrong"),
            Phase::Faulty => {
                self.phase = Phase::Paged;
                let after = now.since(self.report.starts);
                let wall = after / self.options.times_faster.max(1);
                (self.say)(&screen::page_left(after, wall));
                (self.say)(&screen::where_to_look(&self.doors, &self.options.program));
            }
            Phase::Recovering => {
                self.phase = Phase::Resolved;
                (self.say)(screen::THE_END);
            }
            Phase::Healthy | Phase::Paged | Phase::Resolved => {}
        }
        Ok(())
    }

    fn is_told(&self) -> anyhow::Result<bool> {
        if !self.options.once {
            return Ok(false);
        }
        if self.phase < Phase::Paged && self.clock.now().since(self.began) > self.options.patience {
            bail!("no page has left, and one should have long ago: the log above says which part is unwell");
        }
        Ok(self.phase >= Phase::Paged)
    }
}
