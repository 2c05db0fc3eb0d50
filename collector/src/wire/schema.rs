//! The structure of OTLP's export requests as tables: what a field is called in JSON, how it is encoded, and what it
//! leads to. Fields that we ignore are absent and count as unknown.

use std::mem::size_of;

use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;

#[derive(Debug)]
pub(crate) struct Message {
    pub(super) fields: &'static [Field],
    /// What one of it occupies when decoded, besides its text.
    pub(super) size: usize,
    /// Attribute values nest; this is what the depth limit counts.
    pub(super) nests: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// The JSON name; error messages use it for both encodings.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// Bytes that JSON writes in hex: trace and span ids.
    Id,
    Bytes,
    Bool,
    Enum,
    Uint32,
    Sint32,
    Fixed32,
    Int64,
    Uint64,
    Fixed64,
    Sfixed64,
    Double,
    Message(&'static Message),
}

impl Message {
    pub(super) fn by_number(&self, number: u64) -> Option<&Field> {
        self.fields.iter().find(|field| u64::from(field.number) == number)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true }
}

const fn text(number: u32, name: &'static str) -> Field {
    one(number, name, Kind::Text)
}

const fn time(number: u32, name: &'static str) -> Field {
    one(number, name, Kind::Fixed64)
}

const fn sub(number: u32, name: &'static str, message: &'static Message) -> Field {
    one(number, name, Kind::Message(message))
}

const fn subs(number: u32, name: &'static str, message: &'static Message) -> Field {
    many(number, name, Kind::Message(message))
}

const fn attributes(number: u32) -> Field {
    subs(number, "attributes", &KEY_VALUE)
}

pub(super) static ANY_VALUE: Message = Message {
    fields: &[
        text(1, "stringValue"),
        one(2, "boolValue", Kind::Bool),
        one(3, "intValue", Kind::Int64),
        one(4, "doubleValue", Kind::Double),
        sub(5, "arrayValue", &ARRAY_VALUE),
        sub(6, "kvlistValue", &KEY_VALUE_LIST),
        one(7, "bytesValue", Kind::Bytes),
    ],
    size: size_of::<common::AnyValue>(),
    nests: true,
};

static ARRAY_VALUE: Message =
    Message { fields: &[subs(1, "values", &ANY_VALUE)], size: size_of::<common::ArrayValue>(), nests: false };

static KEY_VALUE_LIST: Message = Message {
    fields: &[subs(1, "values", &KEY_VALUE)],
    size: size_of::<common::KeyValueList>(),
    nests: false,
};

static KEY_VALUE: Message = Message {
    fields: &[text(1, "key"), sub(2, "value", &ANY_VALUE)],
    size: size_of::<common::KeyValue>(),
    nests: false,
};

static ENTITY_REF: Message = Message {
    fields: &[
        text(1, "schemaUrl"),
        text(2, "type"),
        many(3, "idKeys", Kind::Text),
        many(4, "descriptionKeys", Kind::Text),
    ],
    size: size_of::<common::EntityRef>(),
    nests: false,
};

static RESOURCE: Message = Message {
    fields: &[
        attributes(1),
        one(2, "droppedAttributesCount", Kind::Uint32),
        subs(3, "entityRefs", &ENTITY_REF),
    ],
    size: size_of::<resource::Resource>(),
    nests: false,
};

static SCOPE: Message = Message {
    fields: &[
        text(1, "name"),
        text(2, "version"),
        attributes(3),
        one(4, "droppedAttributesCount", Kind::Uint32),
    ],
    size: size_of::<common::InstrumentationScope>(),
    nests: false,
};

pub(crate) static TRACES_REQUEST: Message =
    Message { fields: &[subs(1, "resourceSpans", &RESOURCE_SPANS)], size: 0, nests: false };

static RESOURCE_SPANS: Message = Message {
    fields: &[sub(1, "resource", &RESOURCE), subs(2, "scopeSpans", &SCOPE_SPANS), text(3, "schemaUrl")],
    size: size_of::<trace::ResourceSpans>(),
    nests: false,
};

static SCOPE_SPANS: Message = Message {
    fields: &[sub(1, "scope", &SCOPE), subs(2, "spans", &SPAN), text(3, "schemaUrl")],
    size: size_of::<trace::ScopeSpans>(),
    nests: false,
};

static SPAN: Message = Message {
    fields: &[
        one(1, "traceId", Kind::Id),
        one(2, "spanId", Kind::Id),
        text(3, "traceState"),
        one(4, "parentSpanId", Kind::Id),
        text(5, "name"),
        one(6, "kind", Kind::Enum),
        time(7, "startTimeUnixNano"),
        time(8, "endTimeUnixNano"),
        attributes(9),
        one(10, "droppedAttributesCount", Kind::Uint32),
        subs(11, "events", &SPAN_EVENT),
        one(12, "droppedEventsCount", Kind::Uint32),
        subs(13, "links", &SPAN_LINK),
        one(14, "droppedLinksCount", Kind::Uint32),
        sub(15, "status", &STATUS),
        one(16, "flags", Kind::Fixed32),
    ],
    size: size_of::<trace::Span>(),
    nests: false,
};

static SPAN_EVENT: Message = Message {
    fields: &[
        time(1, "timeUnixNano"),
        text(2, "name"),
        attributes(3),
        one(4, "droppedAttributesCount", Kind::Uint32),
    ],
    size: size_of::<trace::span::Event>(),
    nests: false,
};

static SPAN_LINK: Message = Message {
    fields: &[
        one(1, "traceId", Kind::Id),
        one(2, "spanId", Kind::Id),
        text(3, "traceState"),
        attributes(4),
        one(5, "droppedAttributesCount", Kind::Uint32),
        one(6, "flags", Kind::Fixed32),
    ],
    size: size_of::<trace::span::Link>(),
    nests: false,
};

static STATUS: Message = Message {
    fields: &[text(2, "message"), one(3, "code", Kind::Enum)],
    size: size_of::<trace::Status>(),
    nests: false,
};

pub(crate) static LOGS_REQUEST: Message =
    Message { fields: &[subs(1, "resourceLogs", &RESOURCE_LOGS)], size: 0, nests: false };

static RESOURCE_LOGS: Message = Message {
    fields: &[sub(1, "resource", &RESOURCE), subs(2, "scopeLogs", &SCOPE_LOGS), text(3, "schemaUrl")],
    size: size_of::<logs::ResourceLogs>(),
    nests: false,
};

static SCOPE_LOGS: Message = Message {
    fields: &[sub(1, "scope", &SCOPE), subs(2, "logRecords", &LOG_RECORD), text(3, "schemaUrl")],
    size: size_of::<logs::ScopeLogs>(),
    nests: false,
};

static LOG_RECORD: Message = Message {
    fields: &[
        time(1, "timeUnixNano"),
        one(2, "severityNumber", Kind::Enum),
        text(3, "severityText"),
        sub(5, "body", &ANY_VALUE),
        attributes(6),
        one(7, "droppedAttributesCount", Kind::Uint32),
        one(8, "flags", Kind::Fixed32),
        one(9, "traceId", Kind::Id),
        one(10, "spanId", Kind::Id),
        time(11, "observedTimeUnixNano"),
        text(12, "eventName"),
    ],
    size: size_of::<logs::LogRecord>(),
    nests: false,
};

pub(crate) static METRICS_REQUEST: Message =
    Message { fields: &[subs(1, "resourceMetrics", &RESOURCE_METRICS)], size: 0, nests: false };

static RESOURCE_METRICS: Message = Message {
    fields: &[sub(1, "resource", &RESOURCE), subs(2, "scopeMetrics", &SCOPE_METRICS), text(3, "schemaUrl")],
    size: size_of::<metrics::ResourceMetrics>(),
    nests: false,
};

static SCOPE_METRICS: Message = Message {
    fields: &[sub(1, "scope", &SCOPE), subs(2, "metrics", &METRIC), text(3, "schemaUrl")],
    size: size_of::<metrics::ScopeMetrics>(),
    nests: false,
};

static METRIC: Message = Message {
    fields: &[
        text(1, "name"),
        text(2, "description"),
        text(3, "unit"),
        sub(5, "gauge", &GAUGE),
        sub(7, "sum", &SUM),
        sub(9, "histogram", &HISTOGRAM),
        sub(10, "exponentialHistogram", &EXPONENTIAL_HISTOGRAM),
        sub(11, "summary", &SUMMARY),
        subs(12, "metadata", &KEY_VALUE),
    ],
    size: size_of::<metrics::Metric>(),
    nests: false,
};

static GAUGE: Message = Message { fields: &[subs(1, "dataPoints", &NUMBER_POINT)], size: 0, nests: false };

static SUM: Message = Message {
    fields: &[
        subs(1, "dataPoints", &NUMBER_POINT),
        one(2, "aggregationTemporality", Kind::Enum),
        one(3, "isMonotonic", Kind::Bool),
    ],
    size: 0,
    nests: false,
};

static HISTOGRAM: Message = Message {
    fields: &[subs(1, "dataPoints", &HISTOGRAM_POINT), one(2, "aggregationTemporality", Kind::Enum)],
    size: 0,
    nests: false,
};

static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[subs(1, "dataPoints", &EXPONENTIAL_POINT), one(2, "aggregationTemporality", Kind::Enum)],
    size: 0,
    nests: false,
};

static SUMMARY: Message = Message { fields: &[subs(1, "dataPoints", &SUMMARY_POINT)], size: 0, nests: false };

static NUMBER_POINT: Message = Message {
    fields: &[
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "asDouble", Kind::Double),
        subs(5, "exemplars", &EXEMPLAR),
        one(6, "asInt", Kind::Sfixed64),
        attributes(7),
        one(8, "flags", Kind::Uint32),
    ],
    size: size_of::<metrics::NumberDataPoint>(),
    nests: false,
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        many(6, "bucketCounts", Kind::Fixed64),
        many(7, "explicitBounds", Kind::Double),
        subs(8, "exemplars", &EXEMPLAR),
        attributes(9),
        one(10, "flags", Kind::Uint32),
        one(11, "min", Kind::Double),
        one(12, "max", Kind::Double),
    ],
    size: size_of::<metrics::HistogramDataPoint>(),
    nests: false,
};

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        attributes(1),
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        one(6, "scale", Kind::Sint32),
        one(7, "zeroCount", Kind::Fixed64),
        sub(8, "positive", &BUCKETS),
        sub(9, "negative", &BUCKETS),
        one(10, "flags", Kind::Uint32),
        subs(11, "exemplars", &EXEMPLAR),
        one(12, "min", Kind::Double),
        one(13, "max", Kind::Double),
        one(14, "zeroThreshold", Kind::Double),
    ],
    size: size_of::<metrics::ExponentialHistogramDataPoint>(),
    nests: false,
};

static BUCKETS: Message = Message {
    fields: &[one(1, "offset", Kind::Sint32), many(2, "bucketCounts", Kind::Uint64)],
    size: 0,
    nests: false,
};

static SUMMARY_POINT: Message = Message {
    fields: &[
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        subs(6, "quantileValues", &VALUE_AT_QUANTILE),
        attributes(7),
        one(8, "flags", Kind::Uint32),
    ],
    size: size_of::<metrics::SummaryDataPoint>(),
    nests: false,
};

static VALUE_AT_QUANTILE: Message = Message {
    fields: &[one(1, "quantile", Kind::Double), one(2, "value", Kind::Double)],
    size: size_of::<metrics::summary_data_point::ValueAtQuantile>(),
    nests: false,
};

static EXEMPLAR: Message = Message {
    fields: &[
        time(2, "timeUnixNano"),
        one(3, "asDouble", Kind::Double),
        one(4, "spanId", Kind::Id),
        one(5, "traceId", Kind::Id),
        one(6, "asInt", Kind::Sfixed64),
        subs(7, "filteredAttributes", &KEY_VALUE),
    ],
    size: size_of::<metrics::Exemplar>(),
    nests: false,
};
