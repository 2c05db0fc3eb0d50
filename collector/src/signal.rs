//! What the three signals are called on the wire, and the addresses at which they arrive.

use plimsoll_model::Signal;

use crate::wire::{LOGS_REQUEST, METRICS_REQUEST, Message, TRACES_REQUEST};

pub(crate) trait OnTheWire: Copy {
    /// What one request holds many of.
    fn items(self) -> &'static str;

    /// The JSON name of the field that counts what was refused.
    fn rejected_field(self) -> &'static str;

    fn http_path(self) -> &'static str;

    fn grpc_path(self) -> &'static str;

    /// The structure of its export request.
    fn request(self) -> &'static Message;
}

impl OnTheWire for Signal {
    fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "data points",
        }
    }

    fn rejected_field(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }

    fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    fn request(self) -> &'static Message {
        match self {
            Self::Traces => &TRACES_REQUEST,
            Self::Logs => &LOGS_REQUEST,
            Self::Metrics => &METRICS_REQUEST,
        }
    }
}
