//! Sends telemetry through the OTLP/gRPC port as any OpenTelemetry SDK would: batched by signal, gzipped, tried again
//! while the other side is busy. A rejected item is an error: the demo must not look healthy while data is lost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plimsoll_model::Clock;
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::{Channel, Endpoint};

use super::telemetry::{Source, Telemetry};

/// Items in one request: far below every limit, and few enough requests.
const BATCH: usize = 4_000;

const ATTEMPTS: u32 = 10;

#[derive(Clone, Debug)]
pub struct Sender {
    spans: TraceServiceClient<Channel>,
    logs: LogsServiceClient<Channel>,
    metrics: MetricsServiceClient<Channel>,
    clock: Arc<dyn Clock>,
}

impl Sender {
    /// Connects when it first sends, so that it may be made before the port is served.
    pub fn to(address: SocketAddr, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .context("the OTLP address is not a URL")?
            .connect_lazy();
        Ok(Self {
            spans: TraceServiceClient::new(channel.clone()).send_compressed(Gzip),
            logs: LogsServiceClient::new(channel.clone()).send_compressed(Gzip),
            metrics: MetricsServiceClient::new(channel).send_compressed(Gzip),
            clock,
        })
    }

    /// True when it returns: everything was acknowledged, so it is durable.
    pub async fn send(&self, telemetry: Vec<Telemetry>) -> anyhow::Result<()> {
        let mut telemetry = telemetry.into_iter().peekable();
        while telemetry.peek().is_some() {
            self.send_batch(Batch::of(telemetry.by_ref().take(BATCH))).await?;
        }
        Ok(())
    }

    async fn send_batch(&self, batch: Batch) -> anyhow::Result<()> {
        let Batch { spans, logs, metrics } = batch;
        if !spans.is_empty() {
            self.send_spans(spans).await.context("spans can't be sent")?;
        }
        if !logs.is_empty() {
            self.send_logs(logs).await.context("logs can't be sent")?;
        }
        if !metrics.is_empty() {
            self.send_metrics(metrics).await.context("metrics can't be sent")?;
        }
        Ok(())
    }

    async fn send_spans(&self, spans: BTreeMap<Source, Vec<Span>>) -> anyhow::Result<()> {
        let resource_spans = spans.into_iter().map(|(source, spans)| ResourceSpans {
            resource: Some(source.resource()),
            scope_spans: vec![ScopeSpans { scope: Some(source.scope()), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        });
        let request = ExportTraceServiceRequest { resource_spans: resource_spans.collect() };
        let answer = self
            .persist(|| {
                let (mut client, request) = (self.spans.clone(), request.clone());
                async move { client.export(request).await }
            })
            .await?;
        let partial = answer.partial_success.unwrap_or_default();
        insist_on_all(partial.rejected_spans, &partial.error_message)
    }

    async fn send_logs(&self, logs: BTreeMap<Source, Vec<LogRecord>>) -> anyhow::Result<()> {
        let resource_logs = logs.into_iter().map(|(source, log_records)| ResourceLogs {
            resource: Some(source.resource()),
            scope_logs: vec![ScopeLogs { scope: Some(source.scope()), log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        });
        let request = ExportLogsServiceRequest { resource_logs: resource_logs.collect() };
        let answer = self
            .persist(|| {
                let (mut client, request) = (self.logs.clone(), request.clone());
                async move { client.export(request).await }
            })
            .await?;
        let partial = answer.partial_success.unwrap_or_default();
        insist_on_all(partial.rejected_log_records, &partial.error_message)
    }

    async fn send_metrics(&self, metrics: BTreeMap<Source, Vec<Metric>>) -> anyhow::Result<()> {
        let resource_metrics = metrics.into_iter().map(|(source, metrics)| ResourceMetrics {
            resource: Some(source.resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(source.scope()),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        });
        let request = ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() };
        let answer = self
            .persist(|| {
                let (mut client, request) = (self.metrics.clone(), request.clone());
                async move { client.export(request).await }
            })
            .await?;
        let partial = answer.partial_success.unwrap_or_default();
        insist_on_all(partial.rejected_data_points, &partial.error_message)
    }

    /// Tries again, a little later each time, while the answer says that this makes sense.
    async fn persist<A, F>(&self, mut call: impl FnMut() -> F) -> anyhow::Result<A>
    where
        F: Future<Output = Result<tonic::Response<A>, tonic::Status>>,
    {
        for attempt in 1.. {
            let status = match call().await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            if attempt == ATTEMPTS || !may_try_again(status.code()) {
                bail!("OTLP said {}: {}", status.code(), status.message());
            }
            self.clock.sleep(Duration::from_secs(1) * attempt).await;
        }
        unreachable!("the last attempt returns")
    }
}

/// What OTLP lists as retryable.
fn may_try_again(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded)
}

fn insist_on_all(rejected: i64, why: &str) -> anyhow::Result<()> {
    if rejected > 0 {
        bail!("{rejected} items of valid telemetry were rejected: {why}");
    }
    Ok(())
}

/// One slice of telemetry, sorted as OTLP wants it: by signal and by resource.
#[derive(Debug, Default)]
struct Batch {
    spans: BTreeMap<Source, Vec<Span>>,
    logs: BTreeMap<Source, Vec<LogRecord>>,
    metrics: BTreeMap<Source, Vec<Metric>>,
}

impl Batch {
    fn of(telemetry: impl Iterator<Item = Telemetry>) -> Self {
        let mut batch = Self::default();
        for item in telemetry {
            match item {
                Telemetry::Span(source, span) => batch.spans.entry(source).or_default().push(span),
                Telemetry::Log(source, record) => batch.logs.entry(source).or_default().push(record),
                Telemetry::Metric(source, metric) => batch.metrics.entry(source).or_default().push(metric),
            }
        }
        batch
    }
}
