//! What an objective's alert carries: its labels, its sentences, and what the bad events cost.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};

use super::{Context, Judged, ObjectiveWatch};
use crate::indicator::{read_impact, reproducing_sql};
use crate::sentences::Numbers;
use crate::slices::SliceIndex;
use crate::template::Scope;

/// Sums and examples are asked anew this often while an alert lasts, and at each change of its state.
const IMPACT_AGE: Duration = Duration::from_secs(60);

/// What the bad events of an alert cost, as of a moment.
#[derive(Debug)]
pub(super) struct Impact {
    asked_at: Timestamp,
    was_burning: bool,
    said: BTreeMap<String, String>,
}

impl ObjectiveWatch {
    pub(super) fn labels(&self, groups: &Labels, severity: &str) -> Labels {
        let mut labels = self.labels_of_all(&self.objective().name, severity);
        for (name, value) in groups.iter() {
            labels.set(name, value);
        }
        labels
    }

    /// What every alert about the objective carries, whatever its group.
    pub(super) fn labels_of_all(&self, alertname: &str, severity: &str) -> Labels {
        let objective = self.objective();
        let mut labels: Labels = objective.labels.iter().collect();
        labels.set("alertname", alertname);
        labels.set("slo", objective.name.as_str());
        labels.set("service", objective.service.as_str());
        labels.set("severity", severity);
        labels.set("tenant", self.tenant.as_str());
        labels.set("team", objective.team.as_deref().unwrap_or_default());
        labels
    }

    pub(super) async fn annotate(&mut self, judged: &Judged, context: &Context, now: Timestamp) {
        self.ask_impact(judged, context, now).await;
        let Some(annotations) =
            self.numbers(judged, now).map(|numbers| self.annotations(judged, &numbers, now))
        else {
            return;
        };
        if let Some(instance) = self.instances.get_mut(&judged.labels) {
            instance.annotations = annotations;
        }
    }

    /// A page that can't say what it costs still goes out.
    async fn ask_impact(&mut self, judged: &Judged, context: &Context, now: Timestamp) {
        let is_fresh = self.impacts.get(&judged.labels).is_some_and(|impact| {
            impact.was_burning == judged.burns && now.since(impact.asked_at) < IMPACT_AGE
        });
        let Some(began) = self.instances.get(&judged.labels).map(|instance| instance.began) else { return };
        if is_fresh {
            return;
        }
        let left_out = self.slices.times_left_out(&judged.groups, began, now);
        let asked = (&judged.groups, began, left_out.as_slice());
        let said = read_impact(&self.checked, &context.engine, asked, now).await;
        let said = said.unwrap_or_else(|error| {
            tracing::warn!(slo = %self.objective().name, %error, "impact of an alert can't be asked");
            BTreeMap::new()
        });
        let impact = Impact { asked_at: now, was_burning: judged.burns, said };
        self.impacts.insert(judged.labels.clone(), impact);
    }

    fn annotations(
        &self,
        judged: &Judged,
        numbers: &Numbers<'_>,
        now: Timestamp,
    ) -> BTreeMap<String, String> {
        let objective = self.objective();
        let mut said = self.impacts.get(&judged.labels).map(|impact| impact.said.clone()).unwrap_or_default();
        let (recent, recent_window) = judged.cause.recent();
        said.insert("impact_bad_events".to_owned(), numbers.since_began.bad().to_string());
        said.insert("impact_bad_events_recent".to_owned(), recent.bad().to_string());
        let value = Some(recent.error_ratio());
        let scope = Scope { labels: &judged.labels, row: &said, value };
        let own: Vec<_> =
            self.templates.iter().map(|(name, template)| (name.clone(), template.render(scope))).collect();
        said.insert("summary".to_owned(), numbers.summary());
        said.insert("description".to_owned(), numbers.description());
        said.insert("sql".to_owned(), self.sql_of(judged, recent_window, now));
        if let Some(runbook_url) = &objective.runbook_url {
            said.insert("runbook_url".to_owned(), runbook_url.clone());
        }
        said.extend(own);
        said
    }

    /// Reproduces the window that the summary speaks of.
    fn sql_of(&self, judged: &Judged, window: Duration, now: Timestamp) -> String {
        let end = SliceIndex::holding(now).next().start();
        let left_out = self.slices.times_left_out(&judged.groups, end - window, end);
        reproducing_sql(&self.checked, &judged.groups, (end - window, end, now), &left_out)
    }
}
