//! We observe ourselves with the same product: log lines for people on stderr, and spans through the OTLP port to
//! ourselves. The collector's own work is left out, or each export would cause the next.

use std::time::Duration;

use anyhow::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What has to be ended before the process may end, so that the last spans leave.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Log lines only.
    pub(crate) fn logs(level: &str) -> anyhow::Result<Self> {
        init(level, None::<tracing_subscriber::layer::Identity>)?;
        Ok(Self(None))
    }

    /// Log lines, and spans to the OTLP/gRPC port at `endpoint` every `interval`.
    pub(crate) fn to_ourselves(level: &str, endpoint: &str, interval: Duration) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()
            .context("the exporter of our own telemetry can't be built")?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(interval).build();
        let resource = Resource::builder()
            .with_service_name("plimsoll")
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_resource(resource)
            .build();
        let spans =
            tracing_opentelemetry::layer().with_tracer(provider.tracer("plimsoll")).with_filter(own_spans());
        init(level, Some(spans))?;
        Ok(Self(Some(provider)))
    }

    /// Sends what is left. Called while the collector still listens.
    pub(crate) fn finish(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(%error, "the last of our own spans did not leave");
        }
    }
}

/// Spans of the judging and telling rooms; not of those that an export passes through.
fn own_spans() -> Targets {
    Targets::new()
        .with_target("plimsoll", LevelFilter::INFO)
        .with_target("plimsoll_rules", LevelFilter::INFO)
        .with_target("plimsoll_alerting", LevelFilter::INFO)
}

fn init<L>(level: &str, spans: Option<L>) -> anyhow::Result<()>
where
    L: Layer<tracing_subscriber::Registry> + Send + Sync,
{
    let filter = EnvFilter::try_new(level).with_context(|| {
        format!("--log \"{level}\" is not a filter: write it like \"info\" or \"plimsoll_lake=debug\"")
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(spans).with(lines).try_init().context("logging was set up twice")
}
