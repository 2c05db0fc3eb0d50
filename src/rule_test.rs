//! Tests of rules: fixtures in, expected alerts and notifications out. A test plays its rows into the rooms of a server in a
//! temporary folder ([`crate::app::Simulation`]) and moves the clock; there is no second evaluator that could agree with
//! itself. `docs/testing-rules.md` says how the files are written.

mod book;
mod expect;
mod file;
mod fixture;
mod moments;
mod rows_file;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plimsoll_alerting::Delivery;
use plimsoll_model::{Labels, Timestamp};
use plimsoll_rules::instance::{Instance, State};

use crate::app::Simulation;
use crate::config::Config;
use expect::{Checks, Observed};
use file::{Case, TestFile};
use fixture::{Fixture, Frame};
use moments::{DEFAULT_START, duration, moment};

/// As promtool's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// More passes than this belong into a replay.
const MOST_PASSES: u64 = 1_000_000;

/// What became of one test.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub file: PathBuf,
    pub name: String,
    /// What was expected, what came, and why; empty when it passed.
    pub failures: Vec<String>,
    /// How often everything was evaluated.
    pub passes: usize,
}

/// Which tests of a file are run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// In the name of the test.
    pub containing: Option<String>,
    /// Only tests that load this objective or alert, and those that load all.
    pub rule: Option<String>,
    /// After the first that fails no other is run.
    pub stops_at_failure: bool,
}

impl Selection {
    fn has(&self, case: &Case) -> bool {
        let named = self.containing.as_ref().is_none_or(|part| case.name.contains(part));
        let about = |rule: &String| case.rules.is_empty() || case.rules.contains(rule);
        named && self.rule.as_ref().is_none_or(about)
    }
}

/// Runs the tests of a file, one after another. An error is one of the file itself; what fails is an outcome.
pub async fn run(path: &Path, selection: &Selection) -> anyhow::Result<Vec<Outcome>> {
    let file = TestFile::read(path)?;
    let config = file.config()?;
    let mut outcomes = Vec::new();
    for case in file.tests.iter().filter(|case| selection.has(case)) {
        let played = Play::of(&file, case).with_context(|| case.name.clone());
        let (failures, passes) = match played {
            Ok(play) => Box::pin(play.run(config.clone())).await,
            Err(error) => Err(error),
        }
        .unwrap_or_else(|error| (vec![format!("it can't be run: {error:#}")], 0));
        let is_enough = selection.stops_at_failure && !failures.is_empty();
        outcomes.push(Outcome { file: path.to_owned(), name: case.name.clone(), failures, passes });
        if is_enough {
            break;
        }
    }
    Ok(outcomes)
}

/// A test with its moments worked out.
struct Play<'a> {
    case: &'a Case,
    start: Timestamp,
    step: Duration,
    fixture: Fixture,
    checks: Checks<'a>,
}

impl<'a> Play<'a> {
    fn of(file: &'a TestFile, case: &'a Case) -> anyhow::Result<Self> {
        let written = case.start.as_ref().or(file.start.as_ref()).map_or(DEFAULT_START, String::as_str);
        let default_start = Timestamp::parse_rfc3339(DEFAULT_START).context("the default is valid")?;
        let start = moment(written, default_start).context("`start`")?;
        let step = case.evaluation_interval.as_ref().or(file.evaluation_interval.as_ref());
        let step =
            step.map_or(Ok(DEFAULT_INTERVAL), |step| duration(step)).context("`evaluation_interval`")?;
        anyhow::ensure!(!step.is_zero(), "`evaluation_interval` of 0 would never end");
        let interval =
            case.interval.as_deref().map_or(Ok(DEFAULT_INTERVAL), duration).context("`interval`")?;
        let checks = Checks::of(case, start)?;
        let frame = Frame { folder: &file.folder()?, start, end: checks.end(), interval };
        let fixture = Fixture::read(&case.input, frame)?;
        Ok(Self { case, start, step, fixture, checks })
    }

    async fn run(mut self, config: Config) -> anyhow::Result<(Vec<String>, usize)> {
        let sources = std::mem::take(&mut self.fixture.sources);
        let first = self.fixture.until(self.start)?;
        let book = Arc::new(book::StatedSources(sources));
        let mut simulation = Simulation::open(config, &self.case.rules, self.start, book, first).await?;
        let mut seen = Seen::default();
        let (moments, mut failures) = (self.moments()?, Vec::new());
        for now in &moments {
            seen.deliveries.extend(simulation.wait_until(*now).await?);
            simulation.append(self.fixture.until(*now)?).await?;
            seen.deliveries.extend(simulation.pass().await?);
            let instances = simulation.instances().await;
            seen.notice(&instances, *now);
            let observed = Observed { instances: &instances, deliveries: &seen.deliveries, now: *now };
            failures.extend(self.checks.at(&observed, simulation.engine()).await);
        }
        if self.case.exactly {
            failures.extend(self.checks.nothing_else(&seen, simulation.engine()).await);
        }
        Ok((failures, moments.len()))
    }

    /// Each step from the start to the last check, and the moments of the checks.
    fn moments(&self) -> anyhow::Result<BTreeSet<Timestamp>> {
        let end = self.checks.end();
        let passes = end.since(self.start).as_nanos() / self.step.as_nanos();
        let passes = u64::try_from(passes).unwrap_or(u64::MAX);
        anyhow::ensure!(passes <= MOST_PASSES, "{passes} passes: use a longer `evaluation_interval`");
        let mut moments: BTreeSet<Timestamp> = self.checks.moments().collect();
        let mut now = self.start;
        while now <= end {
            moments.insert(now);
            now = now + self.step;
        }
        Ok(moments)
    }
}

/// Everything that happened in a test.
#[derive(Debug, Default)]
struct Seen {
    deliveries: Vec<Delivery>,
    /// What ever fired, and when first.
    fired: BTreeMap<Labels, Timestamp>,
}

impl Seen {
    fn notice(&mut self, instances: &[Instance], now: Timestamp) {
        for instance in instances.iter().filter(|instance| instance.state == State::Firing) {
            self.fired.entry(instance.labels.clone()).or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests;
