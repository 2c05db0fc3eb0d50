//! Other rules take the place of those in force. What is the same goes on as if nothing had happened; what changed goes on
//! from the slices that the lake has of it; and alerts pass to the rule of the same name, so that an edit neither forgets a
//! Pending nor resolves a Firing.

use std::collections::{BTreeMap, HashMap};

use plimsoll_model::Table;
use plimsoll_query::QueryEngine;

use super::group_watch::GroupWatch;
use super::new_rows::{Audience, Question, question};
use super::objective_watch::ObjectiveWatch;
use super::{Evaluator, Seen};
use crate::alert_rule::RuleGroup;
use crate::files::{CheckedObjective, RuleSet};
use crate::instances::Instances;
use crate::store::{Beginnings, Stored, restore_slices};

/// The objectives in force, by name.
pub type Known = HashMap<String, CheckedObjective>;

/// Rules, ready to be put in force: what takes long about that has been done.
#[derive(Debug)]
pub struct Succession {
    objectives: Vec<Successor>,
    groups: Vec<RuleGroup>,
}

#[derive(Debug)]
struct Successor {
    checked: CheckedObjective,
    question: Option<Question>,
    /// What the lake has of it; `None` for one that is in force as it is.
    stored: Option<Stored>,
}

impl Succession {
    /// Reads from the lake what is stored of each objective that is not `known` as it is.
    pub async fn prepare(rules: RuleSet, known: &Known, engine: &QueryEngine) -> Self {
        let mut objectives = Vec::with_capacity(rules.objectives.len());
        let mut beginnings = Beginnings::default();
        for checked in rules.objectives {
            let is_known = known.get(&checked.objective.name) == Some(&checked);
            let stored = match is_known {
                true => None,
                false => Some(restore_slices(engine, &checked, &mut beginnings).await),
            };
            let question = question(&checked, engine).await;
            objectives.push(Successor { checked, question, stored });
        }
        Self { objectives, groups: rules.groups }
    }
}

impl Evaluator {
    #[must_use]
    pub fn known(&self) -> Known {
        let checked = self.objectives.iter().map(ObjectiveWatch::checked);
        checked.map(|checked| (checked.objective.name.clone(), checked.clone())).collect()
    }

    /// Puts these rules in force. Alerts of rules that are gone resolve with the next pass.
    pub async fn follow(&mut self, next: Succession) {
        let former = std::mem::take(&mut self.objectives);
        let mut former: HashMap<String, ObjectiveWatch> =
            former.into_iter().map(|watch| (watch.objective().name.clone(), watch)).collect();
        let (mut watches, mut questions) = (Vec::new(), Vec::new());
        for successor in next.objectives {
            let same = former.remove(&successor.checked.objective.name);
            let (same, changed) = match same {
                Some(watch) if *watch.checked() == successor.checked => (Some(watch), None),
                other => (None, other),
            };
            former.extend(changed.map(|watch| (watch.objective().name.clone(), watch)));
            questions.push(successor.question);
            watches.push((same, successor.checked, successor.stored));
        }
        let mut left = self.instances_left(former);
        for (same, checked, stored) in watches {
            let watch = match same {
                Some(watch) => watch,
                None => self.watch(checked, stored, &mut left).await,
            };
            self.objectives.push(watch);
        }
        self.audiences = Audience::of(questions);
        let config = &self.context.config;
        self.groups = next.groups.into_iter().map(|group| GroupWatch::new(group, config)).collect();
        self.groups.iter_mut().flat_map(GroupWatch::instances_mut).for_each(|own| own.inherit(&mut left));
        self.orphans = left.into_values().filter(|instances| instances.iter().next().is_some()).collect();
        let tables = self.objectives.iter().flat_map(|watch| &watch.checked().tables);
        let seen = |table: &Table| (*table, self.tables.get(table).copied().unwrap_or_default());
        self.tables = tables.map(seen).collect::<BTreeMap<_, Seen>>();
        self.turn = 0;
    }

    async fn watch(
        &self,
        checked: CheckedObjective,
        stored: Option<Stored>,
        left: &mut BTreeMap<String, Instances>,
    ) -> ObjectiveWatch {
        let stored = match stored {
            Some(stored) => stored,
            None => restore_slices(&self.context.engine, &checked, &mut Beginnings::default()).await,
        };
        let mut watch = ObjectiveWatch::new(checked, stored, &self.context.config);
        watch.instances.inherit(left);
        watch.blind.inherit(left);
        watch
    }

    /// The alerts of what is watched no longer in this form, by rule.
    fn instances_left(&mut self, former: HashMap<String, ObjectiveWatch>) -> BTreeMap<String, Instances> {
        let of_objectives = former.into_values().flat_map(|watch| [watch.instances, watch.blind]);
        let of_groups = std::mem::take(&mut self.groups).into_iter().flat_map(GroupWatch::into_instances);
        let all = of_objectives.chain(of_groups).chain(std::mem::take(&mut self.orphans));
        all.map(|instances| (instances.rule.clone(), instances)).collect()
    }
}
