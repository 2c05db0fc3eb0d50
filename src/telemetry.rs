//! We observe ourselves with the same product: log lines for people on stderr, spans and metrics through the OTLP port
//! to ourselves. The collector's own work makes no spans, or each export would cause the next.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use plimsoll_dashboards::{MetricKind, MetricsSource};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What has to be ended before the process may end.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    to_ourselves: Option<Export>,
    spans: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

#[derive(Clone, Debug)]
struct Export {
    endpoint: String,
    headers: MetadataMap,
    interval: Duration,
}

impl Telemetry {
    /// Log lines only.
    pub(crate) fn logs(level: &str) -> anyhow::Result<Self> {
        init(level, None::<tracing_subscriber::layer::Identity>)?;
        Ok(Self::default())
    }

    /// Log lines, and spans to the OTLP/gRPC port at `endpoint` every `interval`, with the token that it asks for.
    pub(crate) fn to_ourselves(
        level: &str,
        endpoint: &str,
        token: Option<&str>,
        interval: Duration,
    ) -> anyhow::Result<Self> {
        let headers = headers(token)?;
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_metadata(headers.clone())
            .build()
            .context("the exporter of our own spans can't be built")?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(interval).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_resource(resource())
            .build();
        let spans =
            tracing_opentelemetry::layer().with_tracer(provider.tracer("plimsoll")).with_filter(own_spans());
        init(level, Some(spans))?;
        let to_ourselves = Some(Export { endpoint: endpoint.to_owned(), headers, interval });
        Ok(Self { to_ourselves, spans: Some(provider), metrics: None })
    }

    /// From now on sends what `source` counts, where spans go.
    pub(crate) fn count(&mut self, source: &Arc<dyn MetricsSource>) -> anyhow::Result<()> {
        let Some(Export { endpoint, headers, interval }) = self.to_ourselves.clone() else { return Ok(()) };
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_metadata(headers)
            .build()
            .context("the exporter of our own metrics can't be built")?;
        let reader = PeriodicReader::builder(exporter).with_interval(interval).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).with_resource(resource()).build();
        observe(&provider.meter("plimsoll"), source);
        self.metrics = Some(provider);
        Ok(())
    }

    /// Ends the exports. What the last interval had to say is let go: the port it would go to is closed by now.
    pub(crate) fn finish(self) {
        let spans = self.spans.map(|provider| provider.shutdown_with_timeout(Duration::from_secs(1)));
        let metrics = self.metrics.map(|provider| provider.shutdown_with_timeout(Duration::from_secs(1)));
        for error in [spans, metrics].into_iter().flatten().filter_map(Result::err) {
            tracing::debug!(%error, "our own telemetry ended before its last export");
        }
    }
}

fn headers(token: Option<&str>) -> anyhow::Result<MetadataMap> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let bearer = HeaderValue::try_from(format!("Bearer {token}"));
        let mut bearer = bearer.context("our own token does not fit a header")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(MetadataMap::from_headers(headers))
}

fn resource() -> Resource {
    Resource::builder()
        .with_service_name("plimsoll")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// One instrument for each name that `/metrics` shows; both say the same.
fn observe(meter: &Meter, source: &Arc<dyn MetricsSource>) {
    let kinds: BTreeMap<_, _> =
        source.samples().into_iter().map(|sample| (sample.name, (sample.help, sample.kind))).collect();
    for (name, (help, kind)) in kinds {
        let source = Arc::clone(source);
        let report = move |instrument: &dyn AsyncInstrument<f64>| {
            for sample in source.samples().into_iter().filter(|sample| sample.name == name) {
                let labels: Vec<_> =
                    sample.labels.into_iter().map(|(label, value)| KeyValue::new(label, value)).collect();
                instrument.observe(sample.value, &labels);
            }
        };
        match kind {
            MetricKind::Counter => {
                meter.f64_observable_counter(name).with_description(help).with_callback(report).build();
            }
            MetricKind::Gauge => {
                meter.f64_observable_gauge(name).with_description(help).with_callback(report).build();
            }
        }
    }
}

/// Spans of the judging and telling rooms; not of those that an export passes through.
fn own_spans() -> Targets {
    Targets::new()
        .with_target("plimsoll", LevelFilter::INFO)
        .with_target("plimsoll_collector", LevelFilter::OFF)
        .with_target("plimsoll_lake", LevelFilter::OFF)
}

fn init<L>(level: &str, spans: Option<L>) -> anyhow::Result<()>
where
    L: Layer<tracing_subscriber::Registry> + Send + Sync,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(line_filter(level)?);
    tracing_subscriber::registry().with(spans).with(lines).try_init().context("logging was set up twice")
}

/// A bare level is meant for us: the libraries below say at `info` what only their authors want to know.
fn line_filter(level: &str) -> anyhow::Result<EnvFilter> {
    let directives = match level.parse::<LevelFilter>() {
        Ok(level) => format!("warn,plimsoll={level}"),
        Err(_) => level.to_owned(),
    };
    EnvFilter::try_new(directives).with_context(|| {
        format!("--log \"{level}\" is not a filter: write it like \"info\" or \"plimsoll_lake=debug\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_ours_and_libraries_only_warn() {
        assert_eq!(line_filter("debug").expect("a filter").to_string(), "plimsoll=debug,warn");
        assert_eq!(line_filter("hyper=trace").expect("a filter").to_string(), "hyper=trace");
        assert!(line_filter("plimsoll=loud").is_err());
    }
}
