//! The structure of OTLP's export requests as tables: what a field is called in JSON, how it is encoded, and what it
//! leads to. Fields that we ignore are absent and count as unknown.

/// Field numbers of OTLP end here, so that finding a field is one look into an array.
const NUMBERS: usize = 17;

#[derive(Debug)]
pub(crate) struct Message {
    pub(super) fields: &'static [Field],
    /// By field number: one more than its position in `fields`, or 0.
    positions: [u8; NUMBERS],
    /// What one of it occupies as a row, or within a row, besides its text.
    pub(super) size: usize,
    /// Attribute values nest; this is what the depth limit counts.
    pub(super) nests: bool,
    /// An attribute: a key and its value.
    pub(super) is_entry: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) number: u8,
    /// The JSON name; error messages use it for both encodings.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// A message that may come in several parts, which are read as one; no encoder writes any, and where joining them would
    /// take a copy we refuse them.
    pub(super) joins: bool,
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

impl Kind {
    pub(super) const fn wire_type(self) -> u64 {
        match self {
            Self::Bool | Self::Enum | Self::Uint32 | Self::Sint32 | Self::Int64 | Self::Uint64 => 0,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => 1,
            Self::Text | Self::Id | Self::Bytes | Self::Message(_) => 2,
            Self::Fixed32 => 5,
        }
    }
}

impl Message {
    pub(super) fn by_number(&self, number: u64) -> Option<&Field> {
        let position = *self.positions.get(usize::try_from(number).ok()?)?;
        self.fields.get(usize::from(position).checked_sub(1)?)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A message that is no row of its own and no entry of a list.
const fn message(fields: &'static [Field]) -> Message {
    sized(0, fields)
}

const fn sized(size: usize, fields: &'static [Field]) -> Message {
    let mut positions = [0; NUMBERS];
    let mut position: u8 = 0;
    while (position as usize) < fields.len() {
        positions[fields[position as usize].number as usize] = position + 1;
        position += 1;
    }
    Message { fields, positions, size, nests: false, is_entry: false }
}

const fn one(number: u8, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false, joins: false }
}

const fn many(number: u8, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true, joins: false }
}

const fn text(number: u8, name: &'static str) -> Field {
    one(number, name, Kind::Text)
}

const fn time(number: u8, name: &'static str) -> Field {
    one(number, name, Kind::Fixed64)
}

const fn sub(number: u8, name: &'static str, message: &'static Message) -> Field {
    one(number, name, Kind::Message(message))
}

const fn joined(number: u8, name: &'static str, message: &'static Message) -> Field {
    Field { joins: true, ..sub(number, name, message) }
}

const fn subs(number: u8, name: &'static str, message: &'static Message) -> Field {
    many(number, name, Kind::Message(message))
}

const fn attributes(number: u8) -> Field {
    subs(number, "attributes", &KEY_VALUE)
}

pub(super) static ANY_VALUE: Message = Message {
    nests: true,
    ..message(&[
        text(1, "stringValue"),
        one(2, "boolValue", Kind::Bool),
        one(3, "intValue", Kind::Int64),
        one(4, "doubleValue", Kind::Double),
        sub(5, "arrayValue", &ARRAY_VALUE),
        sub(6, "kvlistValue", &KEY_VALUE_LIST),
        one(7, "bytesValue", Kind::Bytes),
    ])
};

static ARRAY_VALUE: Message = message(&[subs(1, "values", &ANY_VALUE)]);

static KEY_VALUE_LIST: Message = message(&[subs(1, "values", &KEY_VALUE)]);

static KEY_VALUE: Message =
    Message { is_entry: true, ..sized(16, &[text(1, "key"), sub(2, "value", &ANY_VALUE)]) };

static ENTITY_REF: Message = message(&[
    text(1, "schemaUrl"),
    text(2, "type"),
    many(3, "idKeys", Kind::Text),
    many(4, "descriptionKeys", Kind::Text),
]);

static RESOURCE: Message = message(&[
    attributes(1),
    one(2, "droppedAttributesCount", Kind::Uint32),
    subs(3, "entityRefs", &ENTITY_REF),
]);

static SCOPE: Message = message(&[
    text(1, "name"),
    text(2, "version"),
    attributes(3),
    one(4, "droppedAttributesCount", Kind::Uint32),
]);

pub(crate) static TRACES_REQUEST: Message = message(&[subs(1, "resourceSpans", &RESOURCE_SPANS)]);

static RESOURCE_SPANS: Message =
    message(&[joined(1, "resource", &RESOURCE), subs(2, "scopeSpans", &SCOPE_SPANS), text(3, "schemaUrl")]);

static SCOPE_SPANS: Message =
    message(&[joined(1, "scope", &SCOPE), subs(2, "spans", &SPAN), text(3, "schemaUrl")]);

static SPAN: Message = sized(
    512,
    &[
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
        joined(15, "status", &STATUS),
        one(16, "flags", Kind::Fixed32),
    ],
);

static SPAN_EVENT: Message = sized(
    64,
    &[
        time(1, "timeUnixNano"),
        text(2, "name"),
        attributes(3),
        one(4, "droppedAttributesCount", Kind::Uint32),
    ],
);

static SPAN_LINK: Message = sized(
    128,
    &[
        one(1, "traceId", Kind::Id),
        one(2, "spanId", Kind::Id),
        text(3, "traceState"),
        attributes(4),
        one(5, "droppedAttributesCount", Kind::Uint32),
        one(6, "flags", Kind::Fixed32),
    ],
);

static STATUS: Message = message(&[text(2, "message"), one(3, "code", Kind::Enum)]);

pub(crate) static LOGS_REQUEST: Message = message(&[subs(1, "resourceLogs", &RESOURCE_LOGS)]);

static RESOURCE_LOGS: Message =
    message(&[joined(1, "resource", &RESOURCE), subs(2, "scopeLogs", &SCOPE_LOGS), text(3, "schemaUrl")]);

static SCOPE_LOGS: Message =
    message(&[joined(1, "scope", &SCOPE), subs(2, "logRecords", &LOG_RECORD), text(3, "schemaUrl")]);

static LOG_RECORD: Message = sized(
    320,
    &[
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
);

pub(crate) static METRICS_REQUEST: Message = message(&[subs(1, "resourceMetrics", &RESOURCE_METRICS)]);

static RESOURCE_METRICS: Message = message(&[
    joined(1, "resource", &RESOURCE),
    subs(2, "scopeMetrics", &SCOPE_METRICS),
    text(3, "schemaUrl"),
]);

static SCOPE_METRICS: Message =
    message(&[joined(1, "scope", &SCOPE), subs(2, "metrics", &METRIC), text(3, "schemaUrl")]);

static METRIC: Message = sized(
    32,
    &[
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
);

static GAUGE: Message = message(&[subs(1, "dataPoints", &NUMBER_POINT)]);

static SUM: Message = message(&[
    subs(1, "dataPoints", &NUMBER_POINT),
    one(2, "aggregationTemporality", Kind::Enum),
    one(3, "isMonotonic", Kind::Bool),
]);

static HISTOGRAM: Message =
    message(&[subs(1, "dataPoints", &HISTOGRAM_POINT), one(2, "aggregationTemporality", Kind::Enum)]);

static EXPONENTIAL_HISTOGRAM: Message =
    message(&[subs(1, "dataPoints", &EXPONENTIAL_POINT), one(2, "aggregationTemporality", Kind::Enum)]);

static SUMMARY: Message = message(&[subs(1, "dataPoints", &SUMMARY_POINT)]);

static NUMBER_POINT: Message = sized(
    384,
    &[
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "asDouble", Kind::Double),
        subs(5, "exemplars", &EXEMPLAR),
        one(6, "asInt", Kind::Sfixed64),
        attributes(7),
        one(8, "flags", Kind::Uint32),
    ],
);

static HISTOGRAM_POINT: Message = sized(
    384,
    &[
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
);

static EXPONENTIAL_POINT: Message = sized(
    384,
    &[
        attributes(1),
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        one(6, "scale", Kind::Sint32),
        one(7, "zeroCount", Kind::Fixed64),
        joined(8, "positive", &BUCKETS),
        joined(9, "negative", &BUCKETS),
        one(10, "flags", Kind::Uint32),
        subs(11, "exemplars", &EXEMPLAR),
        one(12, "min", Kind::Double),
        one(13, "max", Kind::Double),
        one(14, "zeroThreshold", Kind::Double),
    ],
);

static BUCKETS: Message = message(&[one(1, "offset", Kind::Sint32), many(2, "bucketCounts", Kind::Uint64)]);

static SUMMARY_POINT: Message = sized(
    384,
    &[
        time(2, "startTimeUnixNano"),
        time(3, "timeUnixNano"),
        one(4, "count", Kind::Fixed64),
        one(5, "sum", Kind::Double),
        subs(6, "quantileValues", &VALUE_AT_QUANTILE),
        attributes(7),
        one(8, "flags", Kind::Uint32),
    ],
);

static VALUE_AT_QUANTILE: Message =
    sized(16, &[one(1, "quantile", Kind::Double), one(2, "value", Kind::Double)]);

static EXEMPLAR: Message = sized(
    128,
    &[
        time(2, "timeUnixNano"),
        one(3, "asDouble", Kind::Double),
        one(4, "spanId", Kind::Id),
        one(5, "traceId", Kind::Id),
        one(6, "asInt", Kind::Sfixed64),
        subs(7, "filteredAttributes", &KEY_VALUE),
    ],
);
