//! Who is not told of, and why: a source inhibits it, or somebody silenced it. Both are written down when they change.

use std::collections::{BTreeMap, HashMap};

use super::Pass;
use crate::AlertingError;
use crate::inhibit::inhibited;
use crate::merge::StoredAlert;
use crate::silence::Muting;

impl Pass<'_> {
    /// An alert that has ended is a target still, as long as a group has yet to speak about it; never a source.
    pub(super) fn inhibit(
        &mut self,
        alerts: &mut BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        let all = || alerts.values().map(|alert| (alert.fingerprint.as_str(), &alert.alert.labels));
        let targets: Vec<_> = all().collect();
        let sources: Vec<_> = all().filter(|(fingerprint, _)| !alerts[*fingerprint].is_resolved).collect();
        let by: HashMap<String, (String, String)> =
            inhibited(&self.routing.inhibit_rules, &sources, &targets)
                .into_iter()
                .map(|(target, source)| {
                    (target.to_owned(), (source.to_owned(), alerts[source].alert.labels.to_string()))
                })
                .collect();
        for alert in alerts.values_mut() {
            let source = by.get(&alert.fingerprint);
            let source_id = source.map(|(fingerprint, _)| fingerprint.clone());
            if alert.inhibited_by == source_id {
                continue;
            }
            let was_inhibited = alert.inhibited_by.is_some();
            self.store.set_inhibited_by(&alert.fingerprint, source_id.as_deref())?;
            alert.inhibited_by = source_id;
            match source {
                _ if alert.is_resolved => {}
                Some((_, labels)) => {
                    self.decide_route(alert, None, "suppressed", format!("inhibited by {labels}"));
                }
                None if was_inhibited => {
                    self.decide_route(alert, None, "routed", "no longer inhibited".to_owned());
                }
                None => {}
            }
        }
        Ok(())
    }

    pub(super) fn silence(
        &mut self,
        alerts: &mut BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        let muting = Muting::new(self.store.unexpired_silences(self.now)?, self.now);
        for alert in alerts.values_mut() {
            if muting.is_empty() && alert.silenced_by.is_empty() {
                continue;
            }
            let by = muting.silenced_by(&alert.alert.labels);
            if alert.silenced_by == by {
                continue;
            }
            self.store.set_silenced_by(&alert.fingerprint, &by)?;
            alert.silenced_by = by;
            if alert.is_resolved {
                continue;
            }
            if alert.silenced_by.is_empty() {
                self.decide_route(alert, None, "routed", "no longer silenced".to_owned());
            } else {
                let reason = muting.reason(&alert.silenced_by);
                self.decide_route(alert, None, "suppressed", reason);
            }
        }
        Ok(())
    }
}
