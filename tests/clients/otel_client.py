"""A sender as people have it: the OpenTelemetry SDK for Python with its own OTLP exporters.

Prints, as JSON, exactly what its exporters were given, in words that belong to neither side. The Rust test compares
this with what SQL answers. Exits 1 when an export was not accepted.
"""

import argparse
import json
import sys

import grpc
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    PeriodicExportingMetricReader,
    Sum,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

SCOPE = {
    "name": "odoo.sale",
    "version": "17.0.1.2",
    "schema_url": "https://opentelemetry.io/schemas/1.44.0",
    "attributes": {"odoo.addon": "sale_stock", "odoo.rank": 3},
}
TEMPORALITY = {0: None, 1: "delta", 2: "cumulative"}


def main():
    arguments = parse()
    resource = Resource.create(
        {"service.name": arguments.service, "service.version": "17.0", "deployment.environment.name": "test"}
    )
    sent = {"spans": [], "logs": [], "metrics": []}
    spans, logs, metrics = exporters(arguments)

    recorded(spans, lambda batch: sent["spans"].extend(map(describe_span, batch)))
    recorded(logs, lambda batch: sent["logs"].extend(map(describe_log, batch)))
    recorded(metrics, lambda data: sent["metrics"].extend(describe_metrics(data)))

    # Small limits, so that something is dropped and counted.
    limits = SpanLimits(max_events=2, max_links=1, max_event_attributes=2)
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False, span_limits=limits)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging = LoggerProvider(resource=resource, shutdown_on_exit=False)
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
    views = [
        View(instrument_name="odoo.payload.size", aggregation=ExponentialBucketHistogramAggregation()),
        View(instrument_name="odoo.post.duration", attribute_keys={"warehouse"}),
    ]
    metering = MeterProvider(resource=resource, metric_readers=[reader], views=views, shutdown_on_exit=False)

    scope = SCOPE["name"], SCOPE["version"]
    more = {"schema_url": SCOPE["schema_url"], "attributes": SCOPE["attributes"]}
    with tracing.get_tracer(*scope, **more).start_as_current_span(
        "POST /web/dataset/call_kw", context=from_elsewhere(), kind=SpanKind.SERVER, links=[earlier(), earlier()]
    ) as span:
        play_request(tracing, span)
        play_logs(logging.get_logger(*scope, **more), arguments.service)
        play_metrics(metering.get_meter(*scope, **more))

    accepted = all([tracing.force_flush(), logging.force_flush(), metering.force_flush()])
    json.dump(sent, sys.stdout)
    sys.exit(0 if accepted and not REFUSED else 1)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=["grpc", "http/protobuf"], required=True)
    parser.add_argument("--endpoint", required=True, help="http://host:port")
    parser.add_argument("--compression", choices=["none", "gzip"], required=True)
    parser.add_argument("--service", required=True)
    return parser.parse_args()


def exporters(arguments):
    if arguments.protocol == "grpc":
        gzip = arguments.compression == "gzip"
        options = {
            "endpoint": arguments.endpoint,
            "insecure": True,
            "timeout": 30,
            "compression": grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
        }
        return GrpcSpans(**options), GrpcLogs(**options), GrpcMetrics(**options)
    options = {"timeout": 30, "compression": Compression(arguments.compression)}
    return tuple(
        exporter(endpoint=f"{arguments.endpoint}/v1/{signal}", **options)
        for exporter, signal in [(HttpSpans, "traces"), (HttpLogs, "logs"), (HttpMetrics, "metrics")]
    )


REFUSED = []


def recorded(exporter, record):
    """Notes what goes through `export`, and whether the receiver took it."""
    export = exporter.export

    def noting(batch, *rest, **options):
        record(batch)
        result = export(batch, *rest, **options)
        if result.name != "SUCCESS":
            REFUSED.append(result)
            print(f"export refused: {result}", file=sys.stderr)
        return result

    exporter.export = noting


def from_elsewhere():
    """The trace began in another process, which says so and sends its state along."""
    state = TraceState([("vendor", "value"), ("other", "x")])
    parent = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, True, TraceFlags(1), state)
    return trace.set_span_in_context(NonRecordingSpan(parent))


def earlier():
    context = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, False, TraceFlags(1))
    return Link(context, {"odoo.reason": "retry"})


def play_request(tracing, span):
    span.set_attributes(
        {
            "http.request.method": "POST",
            "http.route": "/web/dataset/call_kw",
            "http.response.status_code": 500,
            "odoo.ratio": 0.25,
            "odoo.whole": 2.0,
            "odoo.cached": True,
            "odoo.text": 'größer "quoted" \\ 発注\n',
            "odoo.ids": [1, 2, 3],
        }
    )
    span.add_event("one too many")
    span.add_event("lock.wait", {"dropped": 1, "db.relation": "stock_quant", "wait_ms": 1250})
    span.add_event("lock.taken")
    tracer = tracing.get_tracer("odoo.sql")
    with tracer.start_as_current_span(
        "UPDATE stock_quant",
        kind=SpanKind.CLIENT,
        attributes={
            "db.system.name": "postgresql",
            "db.namespace": "prod",
            "db.collection.name": "stock_quant",
            "db.operation.name": "UPDATE",
        },
    ):
        pass
    span.set_attribute("error.type", "LockNotAvailable")
    span.set_status(Status(StatusCode.ERROR, "could not obtain lock"))


def play_logs(logger, service):
    logger.emit(
        LogRecord(
            timestamp=1_790_000_000_123_456_789,
            severity_number=SeverityNumber.WARN2,
            severity_text="WARNING",
            body="deadlock detected, retrying",
            attributes={"retry": 2, "model": "stock.move", "final": False},
        )
    )
    logger.emit(LogRecord(timestamp=1_790_000_001_000_000_001, body={"moves": [1, 2], "done": True}))
    logger.emit(
        LogRecord(
            timestamp=1_790_000_002_000_000_007,
            severity_number=SeverityNumber.INFO,
            body="order confirmed",
            event_name="odoo.sale.order.confirmed",
            attributes=business_event(service),
        )
    )


def business_event(service):
    return {
        # The same id twice would be one row, whoever sends it.
        "event.id": f"{service}/sale.order/4711/confirmed",
        "business.outcome": "failed",
        "business.duration": 2.5,
        "business.process_id": "S04711",
        "business.due": "2026-11-21T16:00:00Z",
        "business.company": "Nordwind GmbH",
        "business.warehouse": "HAM",
        "business.channel": "b2b",
        "business.carrier": "dhl",
        "business.product": "P-100",
        "business.user_group": "sales",
        "business.customer": "c_8f3a",
        "business.amount": 1249.5,
        "business.currency": "EUR",
        "business.workload": "interactive",
        "error.type": "LockNotAvailable",
        "odoo.model": "sale.order",
        "odoo.res_id": 4711,
        "odoo.method": "action_confirm",
        "odoo.db": "prod",
    }


def play_metrics(meter):
    meter.create_counter("odoo.orders", "{order}", "Orders confirmed").add(7, {"warehouse": "HAM"})
    meter.create_up_down_counter("odoo.jobs.waiting", "{job}").add(-3)
    meter.create_gauge("system.cpu.utilization", "1").set(0.75, {"cpu": 0})
    posting = meter.create_histogram(
        "odoo.post.duration", "s", "Posting an order", explicit_bucket_boundaries_advisory=[0.1, 0.5, 2.5]
    )
    for seconds in (0.05, 0.3, 0.4, 9.0):
        posting.record(seconds, {"warehouse": "HAM", "user": "anna"})
    size = meter.create_histogram("odoo.payload.size", "By")
    for size_bytes in (0, 100, 1000, 1001):
        size.record(size_bytes)


def describe_span(span):
    return {
        "name": span.name,
        "trace_id": trace.format_trace_id(span.context.trace_id),
        "span_id": trace.format_span_id(span.context.span_id),
        "parent_span_id": trace.format_span_id(span.parent.span_id) if span.parent else None,
        "kind": span.kind.name.lower(),
        "start_ns": str(span.start_time),
        "end_ns": str(span.end_time),
        "status": span.status.status_code.name.lower(),
        "status_message": span.status.description,
        "trace_state": ",".join(f"{key}={value}" for key, value in span.context.trace_state.items()) or None,
        "flags": span_flags(span.parent),
        "attributes": dict(span.attributes),
        "dropped": {
            "attributes": span.dropped_attributes,
            "events": span.dropped_events,
            "links": span.dropped_links,
        },
        "events": [
            {
                "name": event.name,
                "time_ns": str(event.timestamp),
                "attributes": dict(event.attributes),
                "dropped": event.dropped_attributes,
            }
            for event in span.events
        ],
        "links": [
            {
                "trace_id": trace.format_trace_id(link.context.trace_id),
                "span_id": trace.format_span_id(link.context.span_id),
                # This SDK keeps a link's trace state to itself.
                "trace_state": None,
                "flags": span_flags(link.context),
                "attributes": dict(link.attributes),
                "dropped": link.dropped_attributes,
            }
            for link in span.links
        ],
        **origin(span.resource, span.instrumentation_scope),
    }


def span_flags(context):
    """What this SDK says about where a context came from."""
    return 0x300 if context and context.is_remote else 0x100


def describe_log(data):
    record = data.log_record
    return {
        "time_ns": str(record.timestamp),
        "observed_ns": str(record.observed_timestamp),
        "severity_number": record.severity_number.value if record.severity_number else None,
        "severity_text": record.severity_text,
        "body": record.body,
        "event_name": record.event_name,
        "trace_id": trace.format_trace_id(record.trace_id) if record.trace_id else None,
        "span_id": trace.format_span_id(record.span_id) if record.span_id else None,
        "flags": int(record.trace_flags or 0),
        "attributes": dict(record.attributes or {}),
        "dropped": data.dropped_attributes,
        **origin(data.resource, data.instrumentation_scope),
    }


def describe_metrics(data):
    for of_resource in data.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                for point in metric.data.data_points:
                    yield describe_point(metric, point) | origin(of_resource.resource, of_scope.scope)


def describe_point(metric, point):
    data = metric.data
    described = {
        "name": metric.name,
        "description": metric.description or None,
        "unit": metric.unit or None,
        "temporality": TEMPORALITY[int(getattr(data, "aggregation_temporality", 0))],
        "monotonic": getattr(data, "is_monotonic", None),
        "start_ns": str(point.start_time_unix_nano) if point.start_time_unix_nano else None,
        "time_ns": str(point.time_unix_nano),
        "attributes": dict(point.attributes),
        "exemplars": [
            {
                "time_ns": str(exemplar.time_unix_nano),
                "value": exemplar.value,
                "trace_id": trace.format_trace_id(exemplar.trace_id),
                "span_id": trace.format_span_id(exemplar.span_id),
                "filtered": dict(exemplar.filtered_attributes or {}),
            }
            for exemplar in point.exemplars
        ],
    }
    if isinstance(data, (Sum, Gauge)):
        return described | {"kind": "sum" if isinstance(data, Sum) else "gauge", "value": point.value}
    described |= {"count": point.count, "sum": point.sum, "min": point.min, "max": point.max}
    if isinstance(data, Histogram):
        bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
        return described | {"kind": "histogram", "bounds": bounds, "counts": counts}
    assert isinstance(data, ExponentialHistogram)
    return described | {
        "kind": "exponential_histogram",
        "scale": point.scale,
        "zero_count": point.zero_count,
        "positive": {"offset": point.positive.offset, "counts": list(point.positive.bucket_counts)},
        "negative": {"offset": point.negative.offset, "counts": list(point.negative.bucket_counts)},
    }


def origin(resource, scope):
    return {
        "resource": dict(resource.attributes),
        "scope": {
            "name": scope.name,
            "version": scope.version or None,
            "schema_url": scope.schema_url or None,
            "attributes": dict(scope.attributes or {}),
        },
    }


if __name__ == "__main__":
    main()
