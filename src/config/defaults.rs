//! What holds where `plimsoll.toml` is silent: the same as `examples/plimsoll.toml` says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::units::{Size, Span};
use super::{Alerting, Collector, Config, Dashboards, Lake, MIB, Query, Rules, Telemetry, Tenant};

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            collector: Collector::default(),
            lake: Lake::default(),
            query: Query::default(),
            rules: Rules::default(),
            alerting: Alerting::default(),
            dashboards: Dashboards::default(),
            telemetry: Telemetry::default(),
            source_entries: super::sources::Sources::default(),
            tenant_entries: Vec::new(),
            tenants: vec![Tenant::default()],
            sources: Vec::new(),
            alert_database: None,
            written: None,
            base: PathBuf::new(),
            sending: plimsoll_alerting::Sending::default(),
            pagerduty_secrets: Vec::new(),
            only: Vec::new(),
        }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            grpc: loopback(4317),
            http: loopback(4318),
            max_request: Size(64 * MIB),
            max_concurrent_requests: 64,
            redact_attributes: plimsoll_collector::DEFAULT_ATTRIBUTES.map(str::to_owned).to_vec(),
        }
    }
}

impl Default for Lake {
    fn default() -> Self {
        let kept = plimsoll_lake::Config::default();
        Self {
            flush_rows: 100_000,
            flush_age: Span(Duration::from_secs(60)),
            buffer_limit: Size(256 * MIB),
            target_file: Size(128 * MIB),
            compactions_per_hour: 120,
            vacuum_grace: Span(Duration::from_hours(1)),
            retention: BTreeMap::new(),
            log_segment: Size(16 * MIB),
            event_window: Span(kept.event_window),
            event_ids: kept.event_ids,
        }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            postgres: loopback(5433),
            timeout: Span(Duration::from_secs(30)),
            memory_limit: Size(512 * MIB),
            spill_limit: Size(2048 * MIB),
            max_rows: 100_000,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            files: vec!["slos/*.yaml".into(), "rules/*.yaml".into()],
            packs: Vec::new(),
            skip: Vec::new(),
            calendars: "calendars.yml".into(),
            interval: Span(Duration::from_secs(1)),
        }
    }
}

impl Default for Dashboards {
    fn default() -> Self {
        Self { listen: loopback(8088), public_url: None }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { enabled: true, interval: Span(Duration::from_secs(5)) }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
