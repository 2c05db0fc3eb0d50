//! An exporter's page, read as Prometheus reads it: text format 0.0.4 and OpenMetrics, as OTLP metrics with their labels.

mod exposition;
mod metrics;
mod reader;

pub(crate) use reader::ScrapeReader;
