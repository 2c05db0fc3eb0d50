//! What a case of the suite is, as `tests/conformance/*.yaml` write it. `tests/conformance/README.md` explains the keys.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::make::Make;
use crate::harness::root;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    cases: Vec<Case>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// A statement that is true when the case passes.
    pub(super) name: String,
    /// Where that is written.
    pub(super) rule: String,
    #[serde(default)]
    pub(super) signal: Signal,
    #[serde(default = "Transport::all")]
    pub(super) over: Vec<Transport>,
    #[serde(default = "Compression::all")]
    pub(super) compressions: Vec<Compression>,
    #[serde(default)]
    pub(super) body: Body,
    /// In place of `POST`, of the signal's own path, of the headers that the transport needs.
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) expect: Expect,
    /// Table, then the rows of one request: SQL expression, then its value.
    #[serde(default)]
    pub(super) rows: BTreeMap<String, Vec<Map<String, Value>>>,
    /// The same, grouped: one row of aggregates a request.
    #[serde(default)]
    pub(super) totals: BTreeMap<String, Map<String, Value>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Signal {
    Traces,
    #[default]
    Logs,
    Metrics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Transport {
    #[serde(rename = "grpc")]
    Grpc,
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
    #[serde(rename = "http/json")]
    HttpJson,
    /// HTTP/2 by prior knowledge, without gRPC.
    #[serde(rename = "h2c/protobuf")]
    H2cProtobuf,
    #[serde(rename = "h2c/json")]
    H2cJson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compression {
    Identity,
    Gzip,
    Zstd,
}

/// One of these, or `json` for the one encoding and `protoscope` for the other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Body {
    /// Sent as it stands over JSON; without `protoscope`, the same message over protobuf.
    pub(super) json: Option<String>,
    /// The message that `json` means, where its spelling is beyond the library that turns it into protobuf.
    pub(super) same_as: Option<String>,
    pub(super) protoscope: Option<String>,
    /// These bytes, in every encoding.
    pub(super) hex: Option<String>,
    pub(super) make: Option<Make>,
    /// The header says how it is compressed, and it is not.
    pub(super) not_compressed: bool,
    /// In place of gRPC's frame: flag, declared length, and what follows the message.
    pub(super) frame: Option<Frame>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Frame {
    pub(super) flag: Option<u8>,
    pub(super) length: Option<u32>,
    pub(super) times: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expect {
    /// All of it was kept: `partial_success` is unset.
    Success,
    /// So many items were not, and the message says this.
    Rejected { items: i64, because: String },
    /// None of it was.
    Refused {
        #[serde(rename = "as")]
        refusal: Refusal,
        because: String,
    },
}

/// What a whole request is refused as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    Invalid,
    TooLarge,
    UnknownEncoding,
    WrongMediaType,
    NotFound,
    WrongMethod,
}

impl Case {
    pub(super) fn is_large(&self) -> bool {
        self.body.make.as_ref().is_some_and(Make::is_large)
    }
}

impl Transport {
    pub(super) fn all() -> Vec<Self> {
        vec![Self::Grpc, Self::HttpProtobuf, Self::HttpJson, Self::H2cProtobuf, Self::H2cJson]
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::HttpJson | Self::H2cJson)
    }

    /// None for gRPC, which has a media type of its own.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::HttpProtobuf | Self::H2cProtobuf => "application/x-protobuf",
            Self::HttpJson | Self::H2cJson => "application/json",
        }
    }
}

impl Compression {
    fn all() -> Vec<Self> {
        vec![Self::Identity, Self::Gzip, Self::Zstd]
    }

    /// As the headers name it; nothing for a body as it is.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

impl Signal {
    pub(super) fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    pub(super) fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// The lists of the request, outermost first.
    pub(super) fn json_keys(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Traces => ("resourceSpans", "scopeSpans", "spans"),
            Self::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
            Self::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
        }
    }

    pub(super) fn rejected_field(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

/// Every case of every file, each with its file's name.
pub(super) fn all() -> Vec<(String, Case)> {
    let folder = root().join("tests/conformance");
    let entries = fs::read_dir(&folder).expect("the suite's folder can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let file = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a file of the suite can be read");
        let read: CaseFile =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases.extend(read.cases.into_iter().map(|case| (file.clone(), case)));
    }
    cases
}
