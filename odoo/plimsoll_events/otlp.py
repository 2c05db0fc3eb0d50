"""OTLP as JSON: what the protocol's JSON mapping asks for (ids in hex, 64-bit numbers as text), and nothing
else.

Records are kept as small Python objects until the sender's thread turns them into bytes, so that a request of
a user pays for a few attributes and not for their encoding.
"""

from __future__ import annotations

import json

SCOPE = "plimsoll_events"
SPAN_KIND = {"internal": 1, "server": 2, "consumer": 5}
STATUS_ERROR = 2
INFO, WARN = 9, 13
LONGEST_TEXT = 256


class Record:
    """A log record with an event name. Times are Unix nanoseconds."""

    __slots__ = ("attributes", "ended", "failed", "key", "name", "span_id", "started", "time", "trace_id")

    def __init__(
        self, name, time, attributes, trace_id="", span_id="", failed=False, key=None, started=0, ended=0
    ):
        self.name = name
        self.time = time
        self.attributes = attributes
        self.trace_id = trace_id
        self.span_id = span_id
        self.failed = failed
        # What makes two of them the same within one unit of work.
        self.key = key
        # When its work began and ended; 0 where nobody measured.
        self.started = started
        self.ended = ended


class Span:
    """A span that may still be open; `end` is 0 until it is closed."""

    __slots__ = ("attributes", "end", "error", "kind", "name", "parent_id", "span_id", "start", "trace_id")

    def __init__(self, name, kind, trace_id, span_id, parent_id, start):
        self.name = name
        self.kind = kind
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.start = start
        self.end = 0
        self.attributes = {}
        self.error = False


class Point:
    """A number of one metric with one attribute set. `start` is 0 for a gauge, which counts from nowhere."""

    __slots__ = ("attributes", "name", "start", "time", "unit", "value")

    def __init__(self, name, unit, value, start, time, attributes):
        self.name = name
        self.unit = unit
        self.value = value
        self.start = start
        self.time = time
        self.attributes = attributes


def logs(resource, version, records):
    return _request(
        "resourceLogs", "scopeLogs", "logRecords", resource, version, [_log(record) for record in records]
    )


def traces(resource, version, spans):
    return _request(
        "resourceSpans", "scopeSpans", "spans", resource, version, [_span(span) for span in spans]
    )


def metrics(resource, version, points):
    by_name = {}
    for point in points:
        by_name.setdefault(point.name, []).append(point)
    return _request(
        "resourceMetrics",
        "scopeMetrics",
        "metrics",
        resource,
        version,
        [_metric(points) for points in by_name.values()],
    )


def _request(outer, middle, inner, resource, version, items):
    scope = {"scope": {"name": SCOPE, "version": version}, inner: items}
    return json.dumps(
        {outer: [{"resource": {"attributes": attributes(resource)}, middle: [scope]}]}, separators=(",", ":")
    ).encode()


def _log(record):
    log = {
        "timeUnixNano": str(record.time),
        "observedTimeUnixNano": str(record.time),
        "severityNumber": WARN if record.failed else INFO,
        "severityText": "WARN" if record.failed else "INFO",
        "eventName": record.name,
        "attributes": attributes(record.attributes),
    }
    if record.trace_id:
        log["traceId"], log["spanId"] = record.trace_id, record.span_id
    return log


def _span(span):
    encoded = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": SPAN_KIND[span.kind],
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": attributes(span.attributes),
        "status": {"code": STATUS_ERROR} if span.error else {},
    }
    if span.parent_id:
        encoded["parentSpanId"] = span.parent_id
    return encoded


def _metric(points):
    first = points[0]
    data = {"dataPoints": [_point(point) for point in points]}
    if not first.start:
        return {"name": first.name, "unit": first.unit, "gauge": data}
    # 2 is cumulative: a message that is lost costs nothing.
    return {
        "name": first.name,
        "unit": first.unit,
        "sum": {"aggregationTemporality": 2, "isMonotonic": True, **data},
    }


def _point(point):
    encoded = {
        "timeUnixNano": str(point.time),
        "asInt": str(point.value),
        "attributes": attributes(point.attributes),
    }
    if point.start:
        encoded["startTimeUnixNano"] = str(point.start)
    return encoded


def attributes(mapping):
    """None is left out; an empty text says nothing that its absence doesn't."""
    return [
        {"key": key, "value": _value(value)}
        for key, value in mapping.items()
        if value is not None and value != ""
    ]


def _value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        # JSON has no NaN; the protocol's mapping spells it as text, and no amount is one.
        return {"doubleValue": value} if value - value == 0 else {"stringValue": str(value)}
    return {"stringValue": str(value)[:LONGEST_TEXT]}
