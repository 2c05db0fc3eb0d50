//! What a span costs on its way into a file, in bytes and in CPU, and what each choice of the layout has to do with it.
//!
//! `cargo bench -p plimsoll-lake --bench layout`. Ids are random, as senders make them; six attributes and six resource
//! attributes; 245 B as OTLP. CPU is that of the process, so other load disturbs it less than a clock.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, Float64Array, Int32Array, MapArray, RecordBatch, StringArray,
    StructArray, TimestampNanosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::sort_to_indices;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use plimsoll_lake::{Place, file_properties, gather, to_physical};
use plimsoll_model::Table;

const ROWS: usize = 4 * 128 * 1024;
const PART: usize = 16 * 1024;
const REPEATS: u32 = 4;
const IDS: [&str; 3] = ["trace_id", "span_id", "parent_span_id"];
const ROUTES: [&str; 5] =
    ["/shop/cart", "/web/dataset/call_kw", "/shop/checkout", "/api/stock/picking", "/report/pdf"];

fn main() {
    let spans = Spans::default().batch();
    let ours = || file_properties(Table::Spans, ROWS).into_builder();
    let text = physical(&spans);
    println!("{ROWS} spans, {REPEATS} times each");
    measure("as it is", &text, ours);
    for column in ["resource", "attributes", "trace_id", "duration_ms", "events"] {
        measure(&format!("  without {column}"), &without(&text, column), ours);
    }
    measure("ids in binary", &in_binary(&text), ours);
    measure("ids with their lengths before them", &text, || {
        ids(ours(), |properties, id| properties.set_column_encoding(id.into(), Encoding::PLAIN))
    });
    measure("no bloom filter", &text, || ours().set_column_bloom_filter_enabled("trace_id".into(), false));
    measure("statistics of ids", &text, || {
        ids(ours(), |properties, id| {
            properties.set_column_statistics_enabled(id.into(), EnabledStatistics::Page)
        })
    });
    measure("nanoseconds without a dictionary", &text, || {
        ours().set_column_dictionary_enabled("time_nanos".into(), false)
    });
    measure("durations with a dictionary", &text, || {
        ours().set_column_dictionary_enabled("duration_ms".into(), true)
    });
    measure("durations split by byte", &text, || {
        ours().set_column_encoding("duration_ms".into(), Encoding::BYTE_STREAM_SPLIT)
    });
    measure("lz4", &text, || ours().set_compression(Compression::LZ4_RAW));
    measure("uncompressed", &text, || ours().set_compression(Compression::UNCOMPRESSED));

    let seconds = cpu(|| drop(sorted(&spans)));
    println!("{:44} {:6.2} M spans/s", "sorting and gathering, before any of it", million(ROWS) / seconds);
}

fn measure(name: &str, parts: &[RecordBatch], properties: impl Fn() -> WriterPropertiesBuilder) {
    let mut bytes = 0;
    let write = || {
        let mut file = Vec::new();
        let properties: WriterProperties = properties().build();
        let mut writer = ArrowWriter::try_new(&mut file, parts[0].schema(), Some(properties))
            .expect("a schema for Parquet");
        for part in parts {
            writer.write(part).expect("memory has room");
        }
        writer.close().expect("memory has room");
        bytes = file.len();
    };
    let rate = million(ROWS) / cpu(write);
    println!("{name:44} {rate:6.2} M spans/s {:7.1} B/span", million(bytes) / million(ROWS));
}

/// Seconds of CPU that one of several calls took.
fn cpu(mut work: impl FnMut()) -> f64 {
    let before = ticks();
    (0..REPEATS).for_each(|_| work());
    // Linux counts in hundredths.
    f64::from(ticks() - before) / 100.0 / f64::from(REPEATS)
}

fn ticks() -> u32 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum()
}

fn million(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / 1e6
}

fn ids(
    properties: WriterPropertiesBuilder,
    set: impl Fn(WriterPropertiesBuilder, &str) -> WriterPropertiesBuilder,
) -> WriterPropertiesBuilder {
    IDS.iter().fold(properties, |properties, id| set(properties, id))
}

fn sorted(spans: &RecordBatch) -> Vec<RecordBatch> {
    let order: UInt32Array = sort_to_indices(&spans["time"], None, None).expect("times are ordered");
    let starts = (0..spans.num_rows()).step_by(PART);
    let place = |row: &u32| Place { part: 0, row: *row as usize };
    let places = |start| order.slice(start, PART).values().iter().map(place).collect::<Vec<_>>();
    let part = |start| gather(std::slice::from_ref(spans), &places(start)).expect("rows are there");
    starts.map(part).collect()
}

fn physical(spans: &RecordBatch) -> Vec<RecordBatch> {
    sorted(spans).iter().map(|rows| to_physical(Table::Spans, rows).expect("convertible")).collect()
}

fn without(parts: &[RecordBatch], column: &str) -> Vec<RecordBatch> {
    let keep: Vec<_> = (0..parts[0].num_columns())
        .filter(|index| parts[0].schema().field(*index).name() != column)
        .collect();
    parts.iter().map(|part| part.project(&keep).expect("columns are there")).collect()
}

fn in_binary(parts: &[RecordBatch]) -> Vec<RecordBatch> {
    let convert = |part: &RecordBatch| {
        let (fields, columns): (Vec<_>, Vec<_>) =
            part.schema().fields().iter().zip(part.columns()).map(binary).unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("as many as before")
    };
    parts.iter().map(convert).collect()
}

fn binary((field, column): (&Arc<Field>, &ArrayRef)) -> (Arc<Field>, ArrayRef) {
    if !IDS.contains(&field.name().as_str()) {
        return (Arc::clone(field), Arc::clone(column));
    }
    let mut ids = BinaryBuilder::new();
    for id in column.as_string::<i32>() {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        ids.append_option(id.map(|id| {
            id.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect::<Vec<_>>()
        }));
    }
    (Arc::new(field.as_ref().clone().with_data_type(DataType::Binary)), Arc::new(ids.finish()))
}

/// A small generator of our own, so that each run has the same spans.
struct Spans(u64);

impl Default for Spans {
    fn default() -> Self {
        Self(88_172_645_463_325_252)
    }
}

impl Spans {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % below
    }

    fn hex(&mut self, bytes: usize) -> ArrayRef {
        let mut id = || (0..bytes).map(|_| format!("{:02x}", self.next(256))).collect::<String>();
        Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| id())))
    }

    fn batch(mut self) -> RecordBatch {
        let schema = Table::Spans.schema();
        let routes: Vec<&str> =
            (0..ROWS).map(|_| ROUTES[usize::try_from(self.next(5)).unwrap_or(0)]).collect();
        let columns = schema.fields().iter().map(|field| self.column(field, &routes)).collect();
        RecordBatch::try_new(schema, columns).expect("in the schema of spans")
    }

    fn column(&mut self, field: &Field, routes: &[&str]) -> ArrayRef {
        let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; ROWS])) };
        match field.name().as_str() {
            // A minute of spans, in the order in which several senders sent them.
            "time" => self.moments(60_000_000_000),
            "ingest_time" => self.moments(1),
            "trace_id" => self.hex(16),
            "span_id" | "parent_span_id" => self.hex(8),
            "name" => {
                Arc::new(StringArray::from_iter_values(routes.iter().map(|route| format!("GET {route}"))))
            }
            "http_route" => Arc::new(StringArray::from(routes.to_vec())),
            "kind" => same("server"),
            "http_request_method" => same("GET"),
            "service_name" => same("odoo-web"),
            "scope_name" => same("opentelemetry.instrumentation.wsgi"),
            "status" => Arc::new(StringArray::from_iter_values(
                (0..ROWS).map(|_| if self.next(50) == 0 { "error" } else { "unset" }),
            )),
            "duration_ms" => Arc::new(Float64Array::from_iter_values(
                (0..ROWS).map(|_| f64::from(u32::try_from(self.next(200_000_000)).unwrap_or(0)) / 1e6),
            )),
            "http_response_status_code" => Arc::new(Int32Array::from(vec![200; ROWS])),
            "resource" => map(field, |_| RESOURCE.map(|(key, value)| (key, value.to_owned())).to_vec()),
            "attributes" => map(field, |row| self.attributes(routes[row])),
            _ => new_null_array(field.data_type(), ROWS),
        }
    }

    fn moments(&mut self, spread: u64) -> ArrayRef {
        let start = 1_763_719_028_000_000_000;
        let moment = |_| start + i64::try_from(self.next(spread)).unwrap_or(0);
        Arc::new(TimestampNanosecondArray::from_iter_values((0..ROWS).map(moment)).with_timezone("UTC"))
    }

    fn attributes(&mut self, route: &str) -> Vec<(&'static str, String)> {
        let user = format!("u{}", self.next(5000));
        [
            ("http.request.method", "GET"),
            ("http.route", route),
            ("http.response.status_code", "200"),
            ("server.address", "shop.example.com"),
            ("enduser.pseudo.id", &user),
            ("odoo.db", "production"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
        .to_vec()
    }
}

const RESOURCE: [(&str, &str); 6] = [
    ("service.name", "odoo-web"),
    ("service.version", "19.0"),
    ("host.name", "app-1"),
    ("deployment.environment.name", "production"),
    ("telemetry.sdk.language", "python"),
    ("service.instance.id", "b1c7e3f2"),
];

fn map(field: &Field, mut entries: impl FnMut(usize) -> Vec<(&'static str, String)>) -> ArrayRef {
    let DataType::Map(entry, _) = field.data_type() else { return new_null_array(field.data_type(), ROWS) };
    let DataType::Struct(parts) = entry.data_type() else { return new_null_array(field.data_type(), ROWS) };
    let rows: Vec<_> = (0..ROWS).map(&mut entries).collect();
    let keys: StringArray = rows.iter().flatten().map(|(key, _)| Some(*key)).collect();
    let values: StringArray = rows.iter().flatten().map(|(_, value)| Some(value)).collect();
    let pairs = StructArray::new(parts.clone(), vec![Arc::new(keys), Arc::new(values)], None);
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
    Arc::new(MapArray::new(Arc::clone(entry), offsets, pairs, None, false))
}
