//! An objective under watch: slices brought up to date, burn judged per group, and one alert per group at most, with
//! the severity of the worst tier that burns. While its source is silent or its query fails, everything is held as it
//! is: nothing fires, nothing resolves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plimsoll_model::{Labels, Severity, Table, TenantName, Timestamp};
use plimsoll_query::QueryError;

use super::{Context, Seen};
use crate::Config;
use crate::burn::{Guard, Reading, TIERS, Threshold, Verdict, judge};
use crate::files::CheckedObjective;
use crate::indicator::{first_event, read_slices};
use crate::instance::{Change, State, Timing};
use crate::instances::{Instances, Trouble};
use crate::objective::Objective;
use crate::sentences::Numbers;
use crate::slices::{SLICE, SliceIndex, Slices};
use crate::store::Stored;
use crate::template::Template;

mod annotations;
mod rows;

use annotations::Impact;

/// A table that has received nothing for this long tells us nothing about now.
const BLIND_AFTER: Duration = Duration::from_secs(15 * 60);
/// Events from further ahead than this are a clock's mistake and never count.
const FUTURE_LIMIT: Duration = Duration::from_secs(3_600);
/// Events are read in stretches of this many slices at most; shorter ones once an answer outgrew the engine's limits.
const LONGEST_STRETCH: u32 = 2_160;

#[derive(Debug)]
pub(super) struct ObjectiveWatch {
    checked: CheckedObjective,
    thresholds: Vec<Threshold>,
    pub(super) slices: Slices,
    /// The earliest event time that must be read again.
    reread_from: Option<Timestamp>,
    stretch: u32,
    pub(super) instances: Instances,
    impacts: BTreeMap<Labels, Impact>,
    templates: BTreeMap<String, Template>,
    tenant: TenantName,
    trouble: Trouble,
    is_blind: bool,
}

impl ObjectiveWatch {
    pub(super) fn new(checked: CheckedObjective, stored: Stored, config: &Config) -> Self {
        let objective = &checked.objective;
        let windows = TIERS.into_iter().flat_map(|tier| [tier.long, tier.short]).chain([objective.window]);
        let mut slices = Slices::new(windows);
        for slice in &stored.slices {
            slices.set(slice);
        }
        slices.mark_saved(&stored.slices);
        let url = format!("{}/slos/{}", config.public_url.trim_end_matches('/'), objective.name);
        Self {
            thresholds: objective.thresholds(),
            slices,
            reread_from: Some(stored.reread_from),
            stretch: LONGEST_STRETCH,
            instances: Instances::new(format!("slo/{}", objective.name), config.interval, url),
            impacts: BTreeMap::new(),
            templates: objective.annotation_templates(),
            tenant: config.tenant.clone(),
            trouble: Trouble::default(),
            is_blind: false,
            checked,
        }
    }

    pub(super) fn objective(&self) -> &Objective {
        &self.checked.objective
    }

    pub(super) fn reads(&self, table: Table) -> bool {
        self.checked.tables.contains(&table)
    }

    /// Something arrived that happened at `time`.
    pub(super) fn reread_from(&mut self, time: Timestamp) {
        self.reread_from = Some(self.reread_from.map_or(time, |known| known.min(time)));
    }

    pub(super) async fn pass(&mut self, context: &Context, tables: &BTreeMap<Table, Seen>, now: Timestamp) {
        let watermark = self.checked.tables.iter().filter_map(|table| tables.get(table)?.watermark).max();
        self.slices.advance(now);
        let error = self.read_news(context, watermark, now).await.err().map(|error| error.to_string());
        self.trouble.set(&self.instances.rule, error, context.ledger.as_ref(), now);
        self.is_blind = watermark.is_some_and(|watermark| now.since(watermark) > BLIND_AFTER);
        if self.is_held() {
            return;
        }
        let judged: Vec<Judged> =
            self.all_groups().iter().flat_map(|groups| self.judge_group(groups)).collect();
        let mut held = Vec::new();
        for judged in judged {
            if let Some(change) = self.step(&judged, now) {
                self.annotate(&judged, context, now).await;
                self.note(&judged, change, context, now);
            } else if self.instances.get(&judged.labels).is_some_and(|instance| instance.is_active()) {
                self.annotate(&judged, context, now).await;
            }
            held.push(judged.labels);
        }
        let reason = "the error budget no longer burns too fast";
        let ledger = context.ledger.as_ref();
        self.instances.clear_others(&held, Timing::default(), reason, ledger, now);
        self.impacts.retain(|labels, _| held.contains(labels));
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_blind || self.trouble.is_there()
    }

    /// Reads what arrived, and nothing when nothing did. What could not be read is read next time.
    async fn read_news(
        &mut self,
        context: &Context,
        watermark: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), QueryError> {
        let Some(reread_from) = self.reread_from else { return Ok(()) };
        let newest = watermark.unwrap_or(now).min(now + FUTURE_LIMIT).max(now);
        let end = SliceIndex::holding(newest).next();
        let mut from = SliceIndex::holding(reread_from.max(now - self.longest_window()));
        if from.plus(self.stretch) < end {
            let first = first_event(&self.checked, &context.engine, (from, end), now).await?.unwrap_or(end);
            self.slices.replace(from, first, &[]);
            from = first;
        }
        while from < end {
            let to = end.min(from.plus(self.stretch));
            let slices = match read_slices(&self.checked, &context.engine, (from, to), now).await {
                Ok(slices) => slices,
                Err(error) => {
                    if matches!(error, QueryError::Limit(_)) {
                        self.stretch = (self.stretch / 2).max(1);
                    }
                    return Err(error);
                }
            };
            self.slices.replace(from, to, &slices);
            self.reread_from = Some(to.start());
            from = to;
        }
        self.reread_from = None;
        Ok(())
    }

    fn longest_window(&self) -> Duration {
        let tiers = TIERS.into_iter().map(|tier| tier.long);
        tiers.fold(self.objective().window, Duration::max) - SLICE
    }

    /// Groups with events, and groups with alerts whose events are long gone.
    fn all_groups(&self) -> BTreeSet<Labels> {
        let of_alerts = self.instances.iter().map(|instance| self.groups_of(&instance.labels));
        self.slices.groups().cloned().chain(of_alerts).collect()
    }

    fn groups_of(&self, labels: &Labels) -> Labels {
        self.objective().group_by.iter().map(|group| (group.as_str(), labels.get(group))).collect()
    }

    fn readings(&self, groups: &Labels) -> Vec<Reading> {
        let target = self.objective().target();
        let read = |threshold: &Threshold| {
            let within = |window| self.slices.within(groups, window);
            Reading::new(*threshold, within(threshold.tier.long), within(threshold.tier.short), target)
        };
        self.thresholds.iter().map(read).collect()
    }

    /// The alerts that should be there for a group: a ticket is not stated beside a page.
    fn judge_group(&self, groups: &Labels) -> Vec<Judged> {
        let readings = self.readings(groups);
        let guard = Guard { min_bad_events: self.objective().min_bad_events, history: self.slices.history() };
        let mut judged = Vec::new();
        for severity in [Severity::Page, Severity::Ticket] {
            let verdict = judge(&readings, severity, guard);
            let labels = self.labels(groups, severity);
            let is_firing =
                self.instances.get(&labels).is_some_and(|instance| instance.state == State::Firing);
            let (deciding, burns) = match verdict {
                Verdict::Burning(reading) => (reading, true),
                // Firing lasts as long as both windows burn, not longer.
                Verdict::Near(reading) if !is_firing => (reading, false),
                Verdict::Near(_) | Verdict::Clear => continue,
            };
            judged.push(Judged {
                groups: groups.clone(),
                labels,
                deciding,
                readings: readings.clone(),
                burns,
            });
            if burns {
                break;
            }
        }
        judged
    }

    fn step(&mut self, judged: &Judged, now: Timestamp) -> Option<Change> {
        // A short window alone stays Pending for as long as it burns alone.
        let hold = if judged.burns { Duration::ZERO } else { Duration::MAX };
        let change = self.instances.met(&judged.labels, Timing { hold, ..Timing::default() }, now)?;
        let short = judged.deciding.threshold.tier.short;
        let first_bad = self.slices.first_bad_since(&judged.groups, now - short);
        if let Some(instance) = self.instances.get_mut(&judged.labels).filter(|it| it.active_at == now) {
            instance.began = first_bad.unwrap_or(now);
        }
        Some(change)
    }

    fn note(&self, judged: &Judged, change: Change, context: &Context, now: Timestamp) {
        let Some(numbers) = self.numbers(judged) else { return };
        self.instances.record(&judged.labels, change, &numbers.reason(), context.ledger.as_ref(), now);
    }

    fn numbers<'a>(&'a self, judged: &'a Judged) -> Option<Numbers<'a>> {
        let began = self.instances.get(&judged.labels)?.began;
        Some(Numbers {
            objective: self.objective(),
            groups: &judged.groups,
            deciding: judged.deciding,
            readings: &judged.readings,
            budget: self.slices.within(&judged.groups, self.objective().window),
            since_began: self.slices.since(&judged.groups, began),
            began,
            history: self.slices.history(),
            refused_groups: self.slices.refused_groups(),
        })
    }
}

/// One alert that a group's numbers call for.
#[derive(Debug)]
pub(super) struct Judged {
    groups: Labels,
    labels: Labels,
    deciding: Reading,
    readings: Vec<Reading>,
    /// Both windows: Firing rather than Pending.
    burns: bool,
}
