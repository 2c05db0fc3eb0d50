// A sender as people have it: the OpenTelemetry SDK for Node with its own OTLP exporters.
//
// Prints, as JSON, exactly what its exporters were given, in words that belong to neither side (the same as
// otel_client.py). Exits 1 when an export was not accepted.

import { parseArgs } from "node:util";

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, ValueType, createTraceState, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { AggregationType, DataPointType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const SCOPE = ["odoo.shop", "2.4.0", { schemaUrl: "https://opentelemetry.io/schemas/1.44.0" }];
const EXPORTERS = {
  grpc: { suffix: "grpc", path: () => "" },
  "http/protobuf": { suffix: "proto", path: (signal) => `/v1/${signal}` },
  "http/json": { suffix: "http", path: (signal) => `/v1/${signal}` },
};

const { values: options } = parseArgs({
  options: {
    protocol: { type: "string" },
    endpoint: { type: "string" },
    compression: { type: "string" },
    service: { type: "string" },
  },
});
const sent = { spans: [], logs: [], metrics: [] };
const refused = [];

const resource = resourceFromAttributes({ "service.name": options.service, "service.version": "17.0" });
const spans = recorded(await exporter("traces", "OTLPTraceExporter"), (batch) => sent.spans.push(...batch.map(describeSpan)));
const logs = recorded(await exporter("logs", "OTLPLogExporter"), (batch) => sent.logs.push(...batch.map(describeLog)));
const metrics = recorded(await exporter("metrics", "OTLPMetricExporter"), (data) => sent.metrics.push(...describeMetrics(data)));

const tracing = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(spans)] });
const logging = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: logs })] });
const metering = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })],
  views: [{ instrumentName: "shop.payload.size", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});

const context = playRequest(tracing.getTracer(...SCOPE));
playLogs(logging.getLogger(...SCOPE), context);
playMetrics(metering.getMeter(...SCOPE));
await tracing.forceFlush();
await logging.forceFlush();
await metering.forceFlush();
await Promise.all([tracing.shutdown(), logging.shutdown(), spansOnly(metering)]);

process.stdout.write(JSON.stringify(sent));
process.exitCode = refused.length === 0 ? 0 : 1;

async function exporter(signal, name) {
  const { suffix, path } = EXPORTERS[options.protocol];
  const family = { traces: "trace", logs: "logs", metrics: "metrics" }[signal];
  const module = await import(`@opentelemetry/exporter-${family}-otlp-${suffix}`);
  return new module[name]({
    url: options.endpoint + path(signal),
    compression: options.compression,
    timeoutMillis: 30_000,
  });
}

// Notes what goes through `export`, and whether the receiver took it.
function recorded(exporter, record) {
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, done) => {
    record(batch);
    send(batch, (result) => {
      if (result.code !== 0) {
        refused.push(result);
        process.stderr.write(`export refused: ${result.error}\n`);
      }
      done(result);
    });
  };
  return exporter;
}

// A metric reader exports once more when it shuts down; what was flushed is all that this client means to send.
async function spansOnly(provider) {
  metrics.export = (_, done) => done({ code: 0 });
  await provider.shutdown();
}

function playRequest(tracer) {
  const earlier = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    traceState: createTraceState("vendor=value"),
    isRemote: true,
  };
  const request = tracer.startSpan(
    "PUT /shop/cart/:id",
    { kind: SpanKind.SERVER, links: [{ context: earlier, attributes: { "shop.reason": "retry" } }] },
    ROOT_CONTEXT,
  );
  request.setAttributes({
    "http.request.method": "PUT",
    "http.route": "/shop/cart/:id",
    "http.response.status_code": 500,
    "shop.ratio": 0.25,
    "shop.negative": -42,
    "shop.cached": false,
    "shop.text": 'größer "quoted" \\ 発注\n',
    "shop.tags": ["a", "b"],
  });
  request.addEvent("lock.wait", { "db.relation": "stock_quant", wait_ms: 1250 });
  const inside = trace.setSpan(ROOT_CONTEXT, request);
  const query = tracer.startSpan(
    "SELECT product_template",
    { kind: SpanKind.CLIENT, attributes: { "db.system.name": "postgresql", "db.operation.name": "SELECT" } },
    inside,
  );
  query.end();
  request.setStatus({ code: SpanStatusCode.ERROR, message: "stock is locked" });
  request.end();
  return inside;
}

function playLogs(logger, context) {
  logger.emit({
    context,
    timestamp: [1_790_000_000, 123_456_789],
    severityNumber: SeverityNumber.ERROR,
    severityText: "error",
    body: "cart could not be saved",
    attributes: { retry: 2, final: true },
  });
  logger.emit({
    context,
    timestamp: [1_790_000_002, 7],
    severityNumber: SeverityNumber.INFO,
    eventName: "odoo.sale.order.confirmed",
    attributes: {
      // The same id twice would be one row, whoever sends it.
      "event.id": `${options.service}/sale.order/99/confirmed`,
      "business.outcome": "ok",
      "business.duration": 0.75,
      "business.process_id": "S00099",
      "business.company": "Nordwind GmbH",
      "business.warehouse": "MUC",
      "business.channel": "web",
      "business.amount": 80,
      "business.currency": "EUR",
      "odoo.model": "sale.order",
      "odoo.res_id": 99,
    },
  });
}

function playMetrics(meter) {
  meter.createCounter("shop.orders", { unit: "{order}", valueType: ValueType.INT }).add(7, { warehouse: "MUC" });
  meter.createUpDownCounter("shop.carts.open", { description: "Carts nobody paid yet" }).add(-3);
  meter.createGauge("shop.load", { unit: "1" }).record(0.75);
  const checkout = meter.createHistogram("shop.checkout.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: [0.1, 0.5, 2.5] },
  });
  for (const seconds of [0.05, 0.3, 0.4, 9]) checkout.record(seconds, { warehouse: "MUC" });
  const size = meter.createHistogram("shop.payload.size", { unit: "By" });
  for (const bytes of [0, 100, 1000, 1001]) size.record(bytes);
}

function describeSpan(span) {
  return {
    name: span.name,
    trace_id: span.spanContext().traceId,
    span_id: span.spanContext().spanId,
    parent_span_id: span.parentSpanContext?.spanId ?? null,
    kind: SpanKind[span.kind].toLowerCase(),
    start_ns: nanos(span.startTime),
    end_ns: nanos(span.endTime),
    status: SpanStatusCode[span.status.code].toLowerCase(),
    status_message: span.status.message ?? null,
    trace_state: span.spanContext().traceState?.serialize() ?? null,
    flags: spanFlags(span.spanContext().traceFlags, span.parentSpanContext),
    attributes: span.attributes,
    dropped: {
      attributes: span.droppedAttributesCount,
      events: span.droppedEventsCount,
      links: span.droppedLinksCount,
    },
    events: span.events.map((event) => ({
      name: event.name,
      time_ns: nanos(event.time),
      attributes: event.attributes ?? {},
      dropped: event.droppedAttributesCount ?? 0,
    })),
    links: span.links.map((link) => ({
      trace_id: link.context.traceId,
      span_id: link.context.spanId,
      trace_state: link.context.traceState?.serialize() ?? null,
      flags: spanFlags(link.context.traceFlags, link.context),
      attributes: link.attributes ?? {},
      dropped: link.droppedAttributesCount ?? 0,
    })),
    ...origin(span.resource, span.instrumentationScope),
  };
}

// The flags of W3C, and what this SDK says about where a context came from.
function spanFlags(traceFlags, from) {
  return traceFlags | 0x100 | (from?.isRemote ? 0x200 : 0);
}

function describeLog(record) {
  return {
    time_ns: nanos(record.hrTime),
    observed_ns: nanos(record.hrTimeObserved),
    severity_number: record.severityNumber ?? null,
    severity_text: record.severityText ?? null,
    body: record.body ?? null,
    event_name: record.eventName ?? null,
    trace_id: record.spanContext?.traceId ?? null,
    span_id: record.spanContext?.spanId ?? null,
    flags: record.spanContext?.traceFlags ?? 0,
    attributes: record.attributes,
    dropped: record.droppedAttributesCount,
    ...origin(record.resource, record.instrumentationScope),
  };
}

function describeMetrics({ resource: from, scopeMetrics }) {
  return scopeMetrics.flatMap(({ scope, metrics }) =>
    metrics.flatMap((metric) =>
      metric.dataPoints.map((point) => ({ ...describePoint(metric, point), ...origin(from, scope) })),
    ),
  );
}

function describePoint(metric, point) {
  const isGauge = metric.dataPointType === DataPointType.GAUGE;
  const isSum = metric.dataPointType === DataPointType.SUM;
  const described = {
    name: metric.descriptor.name,
    description: metric.descriptor.description || null,
    unit: metric.descriptor.unit || null,
    temporality: isGauge ? null : ["delta", "cumulative"][metric.aggregationTemporality],
    monotonic: isSum ? metric.isMonotonic : null,
    start_ns: nanos(point.startTime),
    time_ns: nanos(point.endTime),
    attributes: point.attributes,
    exemplars: [],
  };
  if (isGauge || isSum) return { ...described, kind: isSum ? "sum" : "gauge", value: point.value };
  const { count, sum, min, max } = point.value;
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    const { boundaries: bounds, counts } = point.value.buckets;
    return { ...described, kind: "histogram", count, sum, min, max, bounds, counts };
  }
  const { scale, zeroCount, positive, negative } = point.value;
  const buckets = ({ offset, bucketCounts }) => ({ offset, counts: bucketCounts });
  return {
    ...described,
    kind: "exponential_histogram",
    count,
    sum,
    min,
    max,
    scale,
    zero_count: zeroCount,
    positive: buckets(positive),
    negative: buckets(negative),
  };
}

function origin(from, scope) {
  const { name, version = null, schemaUrl = null, attributes = {} } = scope;
  return { resource: from.attributes, scope: { name, version, schema_url: schemaUrl, attributes } };
}

// Nanoseconds are more than a number of JavaScript holds exactly.
function nanos([seconds, rest]) {
  return (BigInt(seconds) * 1_000_000_000n + BigInt(rest)).toString();
}
