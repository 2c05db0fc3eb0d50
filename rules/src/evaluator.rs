//! The pass: look at what arrived, bring slices up to date, judge objectives and rules, restate every alert, and
//! write closed slices down. One rule's trouble never stops the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_lake::{Lake, Sequence};
use plimsoll_model::{Alert, DecisionLedger, SourceBook, Table, Timestamp};
use plimsoll_query::QueryEngine;

use crate::files::RuleSet;
use crate::instance::{Instance, Timing};
use crate::instances::Instances;
use crate::slices::SliceIndex;
use crate::slo_table::SloTable;
use crate::{Config, RulesError, store};

mod group_watch;
mod new_rows;
mod objective_watch;
mod succession;

use group_watch::GroupWatch;
use new_rows::Audience;
use objective_watch::{Allowance, Arrived, ObjectiveWatch, Sources};
pub use succession::{Known, Succession};

/// Slices written in one append. A long backfill takes several passes.
const SAVE_LIMIT: usize = 20_000;

#[derive(Debug)]
pub struct Evaluator {
    context: Context,
    lake: Lake,
    tables: BTreeMap<Table, Seen>,
    objectives: Vec<ObjectiveWatch>,
    /// Which of them read new rows together.
    audiences: Vec<Arc<Audience>>,
    groups: Vec<GroupWatch>,
    /// Alerts of rules that are gone: resolved, and restated like any other.
    orphans: Vec<Instances>,
    slos: SloTable,
    sources: Option<Arc<dyn SourceBook>>,
    saved_until: SliceIndex,
    /// Who is asked first for the past in the next tick.
    turn: usize,
}

/// What every watch needs.
#[derive(Debug)]
struct Context {
    config: Config,
    engine: QueryEngine,
    ledger: Arc<dyn DecisionLedger>,
}

/// How far we know a table.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    next: Sequence,
    watermark: Option<Timestamp>,
    /// The earliest event time among what came since the last tick.
    earliest: Option<Timestamp>,
}

impl Evaluator {
    /// Restores slices and alert state from the lake, so that a restart neither forgets a Pending nor resolves a
    /// Firing. What became of each objective is shown in `slos`.
    pub async fn start(
        config: Config,
        rules: RuleSet,
        engine: QueryEngine,
        lake: Lake,
        ledger: Arc<dyn DecisionLedger>,
        slos: SloTable,
    ) -> Result<Self, RulesError> {
        let mut remembered: BTreeMap<String, Instances> = BTreeMap::new();
        for (rule, generator_url, instance) in store::restore_instances(&engine).await? {
            let begin = || Instances::new(rule.clone(), config.interval, generator_url);
            remembered.entry(rule.clone()).or_insert_with(begin).restore(instance);
        }
        let next = Box::pin(Succession::prepare(rules, &Known::new(), &engine)).await;
        let mut evaluator = Self {
            context: Context { config, engine, ledger },
            lake,
            tables: BTreeMap::new(),
            objectives: Vec::new(),
            audiences: Vec::new(),
            groups: Vec::new(),
            orphans: remembered.into_values().collect(),
            slos,
            sources: None,
            saved_until: SliceIndex::default(),
            turn: 0,
        };
        Box::pin(evaluator.follow(next)).await;
        Ok(evaluator)
    }

    /// Who knows what sends: without, an objective lives as long as its tables receive something.
    #[must_use]
    pub fn with_sources(self, sources: Arc<dyn SourceBook>) -> Self {
        Self { sources: Some(sources), ..self }
    }

    /// One pass at `now`: every active alert restated, resolved ones for 15 minutes more.
    pub async fn tick(&mut self, now: Timestamp) -> Vec<Alert> {
        self.look_at_arrivals();
        self.pass_objectives(now).await;
        for watch in &mut self.groups {
            watch.pass(&self.context, now).await;
        }
        for instances in &mut self.orphans {
            let ledger = self.context.ledger.as_ref();
            instances.clear_others(&[], Timing::default(), "the rule is gone", ledger, now);
        }
        self.slos.show(self.objectives.iter().flat_map(|watch| watch.rows()).collect());
        self.save_closed_slices(now).await;
        self.alerts(now)
    }

    async fn pass_objectives(&mut self, now: Timestamp) {
        let sources = Sources::new(self.sources.iter().flat_map(|book| book.sources(now)).collect());
        let arrived = Arrived { tables: &self.tables, sources: &sources };
        for watch in &mut self.objectives {
            watch.notice(arrived, now);
        }
        for audience in &self.audiences {
            new_rows::read(audience, &mut self.objectives, &self.context, now).await;
        }
        let mut allowance = Allowance::of_a_tick();
        let count = self.objectives.len();
        for position in 0..count {
            let watch = &mut self.objectives[(self.turn + position) % count];
            watch.pass(&self.context, &sources, &mut allowance, now).await;
        }
        self.turn = (self.turn + 1) % count.max(1);
    }

    /// Every alert that is pending, firing or resolved a moment ago.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.watched().flat_map(Instances::iter)
    }

    /// The instances of each rule that there is.
    fn watched(&self) -> impl Iterator<Item = &Instances> {
        let of_objectives = self.objectives.iter().flat_map(ObjectiveWatch::all_instances);
        of_objectives.chain(self.groups.iter().flat_map(GroupWatch::instances))
    }

    /// What is asked: the id of each objective and rule, and its statement.
    pub fn queries(&self) -> impl Iterator<Item = (String, String)> {
        let of_objectives = self.objectives.iter().map(|watch| {
            let objective = watch.objective();
            (objective.name.clone(), objective.query.clone())
        });
        of_objectives.chain(self.groups.iter().flat_map(GroupWatch::queries))
    }

    fn alerts(&self, now: Timestamp) -> Vec<Alert> {
        self.watched().chain(&self.orphans).flat_map(|instances| instances.alerts(now)).collect()
    }

    fn look_at_arrivals(&mut self) {
        for (table, seen) in &mut self.tables {
            let arrivals = self.lake.arrivals(*table, seen.next);
            *seen = Seen { next: arrivals.next, watermark: arrivals.watermark, earliest: arrivals.earliest };
        }
    }

    /// Once per closed slice. What can't be written now stays unsaved and comes with the next.
    async fn save_closed_slices(&mut self, now: Timestamp) {
        let open = SliceIndex::holding(now);
        if open <= self.saved_until {
            return;
        }
        let mut room = SAVE_LIMIT;
        let mut closed = Vec::new();
        for watch in &self.objectives {
            let slices = watch.slices.unsaved(now, room);
            room -= slices.len();
            closed.push((watch.objective(), slices));
        }
        if room < SAVE_LIMIT
            && let Err(error) = store::save(&self.lake, &closed, now).await
        {
            tracing::warn!(%error, "slices can't be written, they stay in memory");
            return;
        }
        let saved: Vec<_> = closed.into_iter().map(|(_, slices)| slices).collect();
        for (watch, slices) in self.objectives.iter_mut().zip(saved) {
            watch.slices.mark_saved(&slices);
        }
        if room > 0 {
            self.saved_until = open;
        }
    }
}
