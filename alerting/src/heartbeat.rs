//! The dead-man's switch: somebody outside hears of us at an interval, and raises the alarm when that stops. What is sent
//! is a webhook of Alertmanager's with one alert that always fires, so that whatever watches its `Watchdog` watches us.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_model::Timestamp;
use serde_json::json;

use crate::config::{HttpConfig, Outbound, Secret};
use crate::receiver::Outside;

/// A page that nobody has taken for so long means that delivery is not alive, whatever its loop says.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whom to tell, and how often.
#[derive(Clone, Debug)]
pub struct HeartbeatConfig {
    pub url: String,
    pub interval: Duration,
    pub outbound: Outbound,
    /// What links start with.
    pub public_url: String,
}

/// Sends heartbeats, and counts what became of them.
#[derive(Debug)]
pub struct Heartbeat {
    url: Secret,
    interval: Duration,
    public_url: String,
    outside: Outside,
    sent: AtomicU64,
    failed: AtomicU64,
    withheld: AtomicU64,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeartbeatStats {
    pub sent: u64,
    pub failed: u64,
    /// Not sent, because something was not alive.
    pub withheld: u64,
}

impl Heartbeat {
    #[must_use]
    pub fn new(config: HeartbeatConfig) -> Self {
        Self {
            url: Secret::new(config.url),
            interval: config.interval,
            public_url: config.public_url,
            outside: Outside::new(&config.outbound),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
        }
    }

    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// One beat, unless `trouble` says what is not alive or a page has waited since `page_waits` for too long.
    pub async fn beat(&self, trouble: Option<String>, page_waits: Option<Timestamp>, now: Timestamp) {
        let waited = page_waits.map(|since| now.since(since)).filter(|waited| *waited >= PATIENCE);
        let overdue = waited.map(|waited| format!("a page has waited for {} s", waited.as_secs()));
        if let Some(reason) = trouble.or(overdue) {
            self.withheld.fetch_add(1, Ordering::Relaxed);
            tracing::error!(reason, "the dead-man's switch is not told that we are alive");
            return;
        }
        let body = self.body(now).to_string().into_bytes();
        match self.outside.post(&HttpConfig::default(), &self.url, body, now).await {
            Ok(()) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(error, "the dead-man's switch could not be told that we are alive");
            }
        }
    }

    #[must_use]
    pub fn stats(&self) -> HeartbeatStats {
        HeartbeatStats {
            sent: self.sent.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            withheld: self.withheld.load(Ordering::Relaxed),
        }
    }

    fn body(&self, now: Timestamp) -> serde_json::Value {
        let labels = json!({"alertname": "Watchdog", "severity": "none", "service": "plimsoll"});
        let annotations =
            json!({"summary": "Plimsoll evaluates and delivers. When this stops, it does not."});
        json!({
            "version": "4",
            "groupKey": "{}:{alertname=\"Watchdog\"}",
            "truncatedAlerts": 0,
            "receiver": "dead-mans-switch",
            "status": "firing",
            "groupLabels": {"alertname": "Watchdog"},
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": self.public_url,
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": now.to_rfc3339(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": self.public_url,
                "fingerprint": "",
            }],
        })
    }
}
