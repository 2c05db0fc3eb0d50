//! The Arrow schemas of the tables. Adding a nullable column is safe; renaming or retyping one breaks people's SQL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

pub(crate) fn spans() -> SchemaRef {
    table(
        [
            required("trace_id", DataType::Utf8),
            required("span_id", DataType::Utf8),
            text("parent_span_id"),
            text("trace_state"),
            int64("flags"),
            required("name", DataType::Utf8),
            text("kind"),
            text("status"),
            text("status_message"),
            float("duration_ms"),
            text("http_request_method"),
            text("http_route"),
            int32("http_response_status_code"),
            text("db_system_name"),
            text("db_namespace"),
            text("db_collection_name"),
            text("db_operation_name"),
            text("error_type"),
            list("events", span_event()),
            list("links", span_link()),
            int64("dropped_attributes_count"),
            int64("dropped_events_count"),
            int64("dropped_links_count"),
        ]
        .into_iter()
        .chain(origin()),
    )
}

pub(crate) fn logs() -> SchemaRef {
    table(
        [
            time("observed_time"),
            text("severity"),
            int32("severity_number"),
            text("body"),
            text("event_name"),
            text("trace_id"),
            text("span_id"),
            int64("flags"),
            text("error_type"),
            int64("dropped_attributes_count"),
        ]
        .into_iter()
        .chain(origin()),
    )
}

/// One row a point. A histogram's `value` is null: its `count`, `sum` and buckets say what it knows.
pub(crate) fn metrics() -> SchemaRef {
    table(
        [
            time("start_time"),
            required("name", DataType::Utf8),
            text("description"),
            text("unit"),
            text("kind"),
            text("temporality"),
            Field::new("monotonic", DataType::Boolean, true),
            map("metadata"),
            float("value"),
            // As it was sent, when that was a whole number: a double is exact only to 2^53.
            int64("value_int"),
            int64("count"),
            float("sum"),
            float("min"),
            float("max"),
            list("bucket_bounds", DataType::Float64),
            list("bucket_counts", DataType::Int64),
            int32("scale"),
            int64("zero_count"),
            float("zero_threshold"),
            int32("positive_offset"),
            list("positive_counts", DataType::Int64),
            int32("negative_offset"),
            list("negative_counts", DataType::Int64),
            list("quantiles", DataType::Float64),
            list("quantile_values", DataType::Float64),
            list("exemplars", exemplar()),
            int64("flags"),
        ]
        .into_iter()
        .chain(origin()),
    )
}

/// A log record with an event name, its business attributes in columns of their own.
pub(crate) fn business_events() -> SchemaRef {
    table(
        [
            required("event_name", DataType::Utf8),
            text("event_id"),
            text("outcome"),
            float("duration_ms"),
            text("process_id"),
            time("due"),
            text("company"),
            text("warehouse"),
            text("channel"),
            text("carrier"),
            text("product"),
            text("user_group"),
            text("customer"),
            float("amount"),
            text("currency"),
            text("workload"),
            text("error_type"),
            text("odoo_model"),
            int64("odoo_res_id"),
            text("odoo_method"),
            text("odoo_db"),
            text("body"),
            text("trace_id"),
            text("span_id"),
        ]
        .into_iter()
        .chain(origin()),
    )
}

/// What was changed, as often as it was told: a change that goes on is told again when it is over.
pub(crate) fn change_records() -> SchemaRef {
    table(
        [
            required("change_id", DataType::Utf8),
            text("kind"),
            text("entity"),
            text("version"),
            text("summary"),
            text("url"),
            text("author"),
            time("started"),
            time("ended"),
            text("outcome"),
            text("odoo_db"),
            text("trace_id"),
            text("span_id"),
        ]
        .into_iter()
        .chain(origin()),
    )
}

/// Good and total events of one objective in one interval; the row with the latest `ingest_time` rules.
pub(crate) fn sli_slices() -> SchemaRef {
    table([
        required("slo", DataType::Utf8),
        int64("generation"),
        map("groups"),
        time("slice_start"),
        int64("good"),
        int64("total"),
    ])
}

pub(crate) fn decisions() -> SchemaRef {
    table([
        required("stage", DataType::Utf8),
        text("fingerprint"),
        text("incident_id"),
        text("receiver"),
        text("outcome"),
        text("reason"),
        text("details"),
    ])
}

/// What came from a source in a minute of our clock (`time`) and what became of it, in items: spans, log records, data
/// points. In every row `received = stored + refused + in_flight`, and `refused` is the sum of `refused_by`.
pub(crate) fn ingest_ledger() -> SchemaRef {
    table([
        required("tenant", DataType::Utf8),
        required("source", DataType::Utf8),
        required("signal", DataType::Utf8),
        required("requests", DataType::Int64),
        required("bytes", DataType::Int64),
        required("received", DataType::Int64),
        required("stored", DataType::Int64),
        required("refused", DataType::Int64),
        counts("refused_by"),
        required("in_flight", DataType::Int64),
    ])
}

fn table(columns: impl IntoIterator<Item = Field>) -> SchemaRef {
    let times = ["time", "ingest_time"].map(|name| required(name, utc_nanos()));
    Arc::new(Schema::new(times.into_iter().chain(columns).collect::<Vec<_>>()))
}

/// Who sent it: what every signal of OpenTelemetry has.
fn origin() -> [Field; 11] {
    [
        text("service_name"),
        text("service_version"),
        text("scope_name"),
        text("scope_version"),
        map("scope_attributes"),
        int64("scope_dropped_attributes_count"),
        // The scope's, else the resource's.
        text("schema_url"),
        map("resource"),
        int64("resource_dropped_attributes_count"),
        text("resource_schema_url"),
        map("attributes"),
    ]
}

/// Moments inside a list keep whole nanoseconds as a number: no engine rounds those.
fn span_event() -> DataType {
    DataType::Struct(Fields::from(vec![
        int64("time_unix_nano"),
        text("name"),
        map("attributes"),
        int64("dropped_attributes_count"),
    ]))
}

fn span_link() -> DataType {
    DataType::Struct(Fields::from(vec![
        text("trace_id"),
        text("span_id"),
        text("trace_state"),
        int64("flags"),
        map("attributes"),
        int64("dropped_attributes_count"),
    ]))
}

fn exemplar() -> DataType {
    DataType::Struct(Fields::from(vec![
        int64("time_unix_nano"),
        float("value"),
        text("trace_id"),
        text("span_id"),
        map("filtered_attributes"),
    ]))
}

fn utc_nanos() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn int32(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn int64(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn float(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn time(name: &str) -> Field {
    Field::new(name, utc_nanos(), true)
}

fn list(name: &str, item: DataType) -> Field {
    Field::new(name, DataType::new_list(item, true), true)
}

/// Keys and values are text: `attributes['http.route']` reads alike for every sender. Entry names are Parquet's own,
/// so that a batch read back from a Delta table compares equal to one that never left memory.
fn map(name: &str) -> Field {
    map_to(name, text("value"))
}

fn counts(name: &str) -> Field {
    map_to(name, int64("value"))
}

fn map_to(name: &str, value: Field) -> Field {
    let entries = Fields::from(vec![required("key", DataType::Utf8), value]);
    let entries = Field::new("key_value", DataType::Struct(entries), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), true)
}
