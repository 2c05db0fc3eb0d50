//! An objective under watch: slices brought up to date, burn judged per group, and one alert per group at most, with
//! the severity of the worst tier that burns. While its source is silent or its query fails, everything is held as it
//! is: nothing fires, nothing resolves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Labels, Table, TenantName, Timestamp};

use super::{Context, Seen};
use crate::Config;
use crate::burn::{Reading, TIERS, Threshold, Wait};
use crate::calendar::Span;
use crate::files::CheckedObjective;
use crate::instance::{Change, Timing};
use crate::instances::{Instances, Trouble};
use crate::objective::{Face, Objective};
use crate::sentences::Numbers;
use crate::slices::{Lines, Slices};
use crate::store::Stored;
use crate::template::Template;

mod absent;
mod annotations;
mod blind;
mod clock;
mod facts;
mod judging;
mod news;
mod rows;
mod sight;

use annotations::Impact;
use judging::Judged;
pub(super) use news::Allowance;
use news::Unread;
use sight::Sight;
pub(super) use sight::Sources;

/// Events from further ahead than this are a clock's mistake and never count.
const FUTURE_LIMIT: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct ObjectiveWatch {
    checked: CheckedObjective,
    thresholds: Vec<Threshold>,
    /// Under which labels it speaks.
    faces: Vec<Face>,
    /// Whose budget it is, when budgets follow the calendar.
    period: Option<Span>,
    pub(super) slices: Slices,
    unread: Unread,
    sight: Sight,
    pub(super) instances: Instances,
    /// That it can't be judged.
    pub(super) blind: Instances,
    impacts: BTreeMap<Labels, Impact>,
    /// What burns and yet is no alert, by group.
    waiting: BTreeMap<Labels, (Reading, Wait)>,
    templates: BTreeMap<String, Template>,
    tenant: TenantName,
    trouble: Trouble,
}

/// What every objective looks at in one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    pub(super) tables: &'a BTreeMap<Table, Seen>,
    pub(super) sources: &'a Sources,
}

impl ObjectiveWatch {
    pub(super) fn new(checked: CheckedObjective, stored: Stored, config: &Config) -> Self {
        let objective = &checked.objective;
        let thresholds = objective.thresholds();
        let tiers = TIERS.into_iter().chain(thresholds.iter().map(|threshold| threshold.tier));
        let windows = tiers.flat_map(|tier| [tier.long, tier.short]).chain([objective.usual_window()]);
        let mut slices = Slices::new(windows).with_period(objective.clock.period.clone());
        slices.stand_under(checked.waterline.clone().map(|waterline| waterline as Arc<dyn Lines>));
        for slice in &stored.slices {
            slices.set(slice);
        }
        slices.mark_saved(&stored.slices);
        let url = format!("{}/slos/{}", config.public_url.trim_end_matches('/'), objective.name);
        let instances =
            |kind: &str| Instances::new(format!("{kind}/{}", objective.name), config.interval, url.clone());
        Self {
            thresholds,
            faces: objective.faces(),
            period: None,
            slices,
            unread: Unread::new(stored.reread_from, stored.slices.is_empty()),
            sight: Sight::new(objective.blind.clone(), &checked.tables),
            instances: instances("slo"),
            blind: instances("blind"),
            impacts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            templates: objective.annotation_templates(),
            tenant: config.tenant.clone(),
            trouble: Trouble::default(),
            checked,
        }
    }

    pub(super) const fn checked(&self) -> &CheckedObjective {
        &self.checked
    }

    pub(super) fn objective(&self) -> &Objective {
        &self.checked.objective
    }

    pub(super) fn all_instances(&self) -> [&Instances; 2] {
        [&self.instances, &self.blind]
    }

    pub(super) async fn pass(
        &mut self,
        context: &Context,
        sources: &Sources,
        allowance: &mut Allowance,
        now: Timestamp,
    ) {
        let error = self.read_news(context, allowance, now).await.err().map(|error| error.to_string());
        self.trouble.set(&self.instances.rule, error, context.ledger.as_ref(), now);
        self.state_blindness(context, sources, now);
        if self.is_held() {
            return;
        }
        let mut held = Vec::new();
        let waited = std::mem::take(&mut self.waiting);
        for groups in self.all_groups() {
            let judgement = self.judge_group(&groups, now);
            held.extend(judgement.frozen);
            self.waiting.extend(judgement.waiting.map(|waiting| (groups, waiting)));
            for judged in judgement.judged {
                self.state(&judged, context, now).await;
                held.push(judged.labels);
            }
        }
        self.note_near_misses(&waited, context, now);
        if self.is_filling(now) {
            // A window that is not read yet holds too little to say that all is well again.
            held.extend(self.instances.iter().map(|instance| instance.labels.clone()));
        }
        let reason = "the error budget no longer burns too fast";
        let ledger = context.ledger.as_ref();
        self.instances.clear_others(&held, Timing::default(), reason, ledger, now);
        self.impacts.retain(|labels, _| held.contains(labels));
    }

    pub(super) fn is_held(&self) -> bool {
        self.sight.is_blind() || self.trouble.is_there()
    }

    /// What came: how far the sources have got, and what must be read.
    pub(super) fn notice(&mut self, arrived: Arrived<'_>, now: Timestamp) {
        self.slices.advance(now);
        self.follow_the_calendar(now);
        let seen = self.checked.tables.iter().filter_map(|table| arrived.tables.get(table));
        let watermark = seen.clone().filter_map(|seen| seen.watermark).max();
        let earliest = seen.filter_map(|seen| seen.earliest).min();
        let newest = watermark.unwrap_or(now).min(now + FUTURE_LIMIT).max(now);
        self.unread.newest = newest;
        if let Some(earliest) = earliest {
            self.unread.from(earliest);
        }
        self.sight.look(arrived.sources, watermark, earliest, now);
    }

    async fn state(&mut self, judged: &Judged, context: &Context, now: Timestamp) {
        let facts = self.facts(judged.cause, &judged.labels, now);
        if let Some(change) = self.step(judged, now) {
            self.annotate(judged, context, now).await;
            self.instances.know(&judged.labels, facts);
            self.note(judged, change, context, now);
        } else if self.instances.get(&judged.labels).is_some_and(|instance| instance.is_active()) {
            self.annotate(judged, context, now).await;
            self.instances.know(&judged.labels, facts);
            if let Some(reason) = self.reason(judged, now) {
                self.instances.remind(&judged.labels, &reason, context.ledger.as_ref(), now);
            }
        }
    }

    /// Groups with events, and groups with alerts whose events are long gone.
    fn all_groups(&self) -> BTreeSet<Labels> {
        let of_alerts = self.instances.iter().map(|instance| self.groups_of(&instance.labels));
        self.slices.groups().cloned().chain(of_alerts).collect()
    }

    fn groups_of(&self, labels: &Labels) -> Labels {
        self.objective().group_by.iter().map(|group| (group.as_str(), labels.get(group))).collect()
    }

    fn step(&mut self, judged: &Judged, now: Timestamp) -> Option<Change> {
        // A short window alone stays Pending for as long as it burns alone.
        let hold = if judged.burns { judged.cause.after() } else { Duration::MAX };
        let change = self.instances.met(&judged.labels, Timing { hold, ..Timing::default() }, now)?;
        let (_, window) = judged.cause.recent();
        let first_bad = self.slices.first_bad_since(&judged.groups, now - window);
        if let Some(instance) = self.instances.get_mut(&judged.labels).filter(|it| it.active_at == now) {
            instance.began = first_bad.unwrap_or(now);
        }
        Some(change)
    }

    fn note(&mut self, judged: &Judged, change: Change, context: &Context, now: Timestamp) {
        let Some(reason) = self.reason(judged, now) else { return };
        self.instances.record(&judged.labels, change, &reason, context.ledger.as_ref(), now);
    }

    fn reason(&self, judged: &Judged, now: Timestamp) -> Option<String> {
        let numbers = self.numbers(judged, now)?;
        Some([vec![numbers.reason()], numbers.clock.clone()].concat().join(" "))
    }

    fn numbers<'a>(&'a self, judged: &'a Judged, now: Timestamp) -> Option<Numbers<'a>> {
        let began = self.instances.get(&judged.labels)?.began;
        Some(Numbers {
            objective: self.objective(),
            groups: &judged.groups,
            cause: judged.cause,
            readings: &judged.readings,
            budget: self.budget(&judged.groups),
            since_began: self.slices.since(&judged.groups, began),
            began,
            history: self.slices.history(),
            refused_groups: self.slices.refused_groups(),
            window: self.window(),
            clock: self.said_of_the_clock(&judged.groups, now),
        })
    }
}
