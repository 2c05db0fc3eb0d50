//! The kinds of telemetry, and where each is sent and found.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Signal {
    Spans,
    Logs,
    Metrics,
    /// Business events: log records with an event name.
    Events,
}

impl Signal {
    pub(super) const ALL: [Self; 4] = [Self::Spans, Self::Logs, Self::Metrics, Self::Events];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Events => "events",
        }
    }

    pub(super) const fn http_path(self) -> &'static str {
        match self {
            Self::Spans => "/v1/traces",
            Self::Logs | Self::Events => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    pub(super) const fn grpc_path(self) -> &'static str {
        match self {
            Self::Spans => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs | Self::Events => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// The table its items are found in, and the column that tells them apart.
    pub(super) const fn found_in(self) -> (&'static str, &'static str) {
        match self {
            Self::Spans => ("spans", "span_id"),
            Self::Logs => ("logs", "span_id"),
            Self::Metrics => ("metrics", "value"),
            Self::Events => ("business_events", "event_id"),
        }
    }
}
