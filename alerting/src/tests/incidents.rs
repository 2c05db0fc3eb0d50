//! Incidents from the first page to the last word: who is told next when nobody answers, and what an answer does.

mod answers;
mod course;
mod pagers;

use serde_json::Value;

use super::support::Story;
use crate::{Acted, Actor, IncidentAction, Way};

const ROUTING: &str = "
route: {receiver: on-call, group_by: [service], group_wait: 30s, group_interval: 1m, repeat_interval: 1h}
receivers:
  - {name: on-call, webhook_configs: [{url: 'SINK/on-call'}]}
  - {name: anna, webhook_configs: [{url: 'SINK/anna'}]}
  - {name: ben, webhook_configs: [{url: 'SINK/ben'}]}
  - {name: boss, webhook_configs: [{url: 'SINK/boss', send_resolved: false}]}
  - {name: tickets, webhook_configs: [{url: 'SINK/tickets'}]}
  - {name: nobody}
";

const THREE_STEPS: &str = "
receivers:
  on-call:
    steps:
      - {receivers: [on-call]}
      - {receivers: [anna], delay: 10m}
      - {receivers: [boss, ben], delay: 5m}
";

const NOTHING: [&str; 0] = [];

impl Story {
    /// Time passes minute by minute, the alerts are stated anew each time; what arrived, as `10:12 /path ...`.
    async fn pass_minutes(&mut self, minutes: u32, firing: &[&str]) -> Vec<String> {
        let mut arrived = Vec::new();
        for _ in 0..minutes {
            self.advance(60);
            arrived.extend(self.minute(firing).await);
        }
        arrived
    }

    /// The same, of this moment.
    async fn minute(&self, firing: &[&str]) -> Vec<String> {
        for labels in firing {
            self.fire(labels).await;
        }
        let mut arrived = self.run().await;
        arrived.sort();
        let clock = self.now.to_utc().format("%H:%M").to_string();
        arrived.into_iter().map(|line| format!("{clock} {line}")).collect()
    }

    /// The newest incident.
    fn incident(&self) -> Value {
        self.table("incidents").into_iter().next().expect("an incident")
    }

    fn incident_id(&self) -> String {
        self.incident()["incident_id"].as_str().expect("an id").to_owned()
    }

    async fn act(&self, action: IncidentAction) -> Acted {
        let actor = Actor::new("ben", Way::Api);
        let incident_id = self.incident_id();
        let acted = self.alerting.act_on_incident(&incident_id, action, actor, self.now);
        acted.await.expect("the store answers")
    }
}
