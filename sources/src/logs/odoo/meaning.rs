//! What a message stands for, recognised by its text whatever version wrote it.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Line, pattern};

/// A message that means something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    Request(Request),
    /// A transaction met another one and is tried again.
    Retry {
        error: &'static str,
    },
    RetriesExhausted {
        error: &'static str,
    },
    BadQuery,
    CronStarted {
        id: Option<i64>,
        name: String,
    },
    CronDone {
        id: Option<i64>,
        name: String,
        seconds: Option<f64>,
        records: Option<i64>,
    },
    CronFailed {
        id: Option<i64>,
        name: String,
        error: &'static str,
    },
    /// What Odoo says about a scheduled action besides: how many records, and that it is over (also after a failure).
    CronProgress,
    WorkerStarted,
    WorkerEnded {
        pid: i64,
        kind: Option<&'static str>,
        reason: &'static str,
    },
    WorkerKilled {
        pid: i64,
        kind: &'static str,
        reason: &'static str,
    },
    Login {
        is_ok: bool,
        login: String,
        database: Option<String>,
    },
    QueueJobStarted,
    QueueJobDied {
        uuid: String,
    },
}

impl Meaning {
    /// Where the module is, it says so itself, and better. A scheduled action that was killed can't: Odoo's watchdog says that.
    pub(crate) fn is_told_by_the_module(&self) -> bool {
        match self {
            Self::CronStarted { .. } | Self::CronDone { .. } | Self::Login { .. } => true,
            Self::CronFailed { error, .. } => *error != "timeout",
            _ => false,
        }
    }
}

/// An access line: the request has just ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: i64,
    pub(crate) queries: Option<i64>,
    pub(crate) sql_seconds: Option<f64>,
    /// All of it: in statements and elsewhere.
    pub(crate) seconds: Option<f64>,
    /// Model and method, where the address or the line says them.
    pub(crate) call: Option<(String, String)>,
}

struct Pattern {
    regex: LazyLock<Regex>,
    read: fn(&Captures<'_>, &Line<'_>) -> Option<Meaning>,
}

macro_rules! says {
    ($regex:literal, $read:expr) => {
        Pattern { regex: LazyLock::new(|| pattern($regex)), read: $read }
    };
}

static PATTERNS: [Pattern; 26] = [
    says!(
        r#"^\S+ - - \[[^\]]+\] "([A-Z]+) (\S+?)(?:#([\w.]+))? HTTP/[\d.]+" (\d{3}) \S+ (\d+|-) ([\d.]+|-) ([\d.]+|-)(?: (?:ro|rw|ro->rw|-))?$"#,
        request
    ),
    says!(r"^([A-Z_]+|\w+\(.*\)), \d+ tries left, try again in [\d.]+ sec", |found, _| {
        Some(Meaning::Retry { error: error_class(found.get(1)?.as_str()) })
    }),
    says!(r"^(.+), maximum number of tries reached!", |found, _| {
        Some(Meaning::RetriesExhausted { error: error_class(found.get(1)?.as_str()) })
    }),
    says!(r"^bad query: ", |_, _| Some(Meaning::BadQuery)),
    // 16 and 17.
    says!(r"^Starting job `(.*)`\.$", |found, _| Some(Meaning::CronStarted {
        id: None,
        name: text(found, 1)?
    })),
    says!(r"^Job `(.*)` done\.$", |found, _| {
        Some(Meaning::CronDone { id: None, name: text(found, 1)?, seconds: None, records: None })
    }),
    says!(r"^Job done: `(.*)` \(([\d.]+)s\)\.$", |found, _| {
        Some(Meaning::CronDone { id: None, name: text(found, 1)?, seconds: number(found, 2), records: None })
    }),
    says!(r"^Call from cron (.*) for server action #\d+ failed in Job #(\d+)", |found, _| {
        // The lines of this action that went well have no number, so that its failures have none either.
        Some(Meaning::CronFailed { id: None, name: text(found, 1)?, error: "exception" })
    }),
    // 18 and 19.
    says!(r#"^Job ['"](.*)['"] \((\d+)\) starting$"#, |found, _| {
        Some(Meaning::CronStarted { id: integer(found, 2), name: text(found, 1)? })
    }),
    says!(r#"^Job ['"](.*)['"] \((\d+)\) done in ([\d.]+)s$"#, |found, _| {
        let (id, name, seconds) = (integer(found, 2), text(found, 1)?, number(found, 3));
        Some(Meaning::CronDone { id, name, seconds, records: None })
    }),
    says!(
        r#"^Job ['"](.*)['"] \((\d+)\) (?:processed \d+ records, \d+ records remaining|completed)$"#,
        |_, _| { Some(Meaning::CronProgress) }
    ),
    says!(
        r#"^Job ['"](.*)['"] \((\d+)\) (fully done|partially done|failed) \(#loop \d+; done (\d+); remaining \d+; duration ([\d.]+)s\)$"#,
        |found, _| {
            // A failure was told with its exception, a line before.
            if found.get(3)?.as_str() == "failed" {
                return Some(Meaning::CronProgress);
            }
            let (id, name, seconds) = (integer(found, 2), text(found, 1)?, number(found, 5));
            Some(Meaning::CronDone { id, name, seconds, records: integer(found, 4) })
        }
    ),
    says!(r#"^Job ['"](.*)['"] \((\d+)\) server action #\d+ failed"#, |found, _| {
        Some(Meaning::CronFailed { id: integer(found, 2), name: text(found, 1)?, error: "exception" })
    }),
    says!(r#"^Job ['"](.*)['"] \((\d+)\) timed out$"#, |found, _| {
        Some(Meaning::CronFailed { id: integer(found, 2), name: text(found, 1)?, error: "timeout" })
    }),
    // Workers.
    says!(r"^Worker \w+ \(\d+\) alive$", |_, _| Some(Meaning::WorkerStarted)),
    says!(r"^(Worker\w+) \((\d+)\) timeout after \d+s$", |found, _| {
        Some(Meaning::WorkerKilled {
            pid: integer(found, 2)?,
            kind: worker(found.get(1)?.as_str()),
            reason: "time",
        })
    }),
    says!(r"^Worker \((\d+)\) CPU time limit \(\d+\) reached\.$", |found, _| {
        Some(Meaning::WorkerKilled { pid: integer(found, 1)?, kind: "http", reason: "cpu" })
    }),
    says!(r"^Worker \((\d+)\) exiting\. request_count: \d+, registry count: \d+\.$", |found, _| {
        Some(Meaning::WorkerEnded { pid: integer(found, 1)?, kind: None, reason: "exit" })
    }),
    says!(r"^Worker \((\d+)\) virtual memory limit \(\d+\) reached\.$", |found, _| {
        Some(Meaning::WorkerEnded { pid: integer(found, 1)?, kind: None, reason: "memory" })
    }),
    says!(r"^Worker \((\d+)\) max request \(\d+\) reached\.$", |found, _| {
        Some(Meaning::WorkerEnded { pid: integer(found, 1)?, kind: Some("http"), reason: "requests" })
    }),
    says!(r"^Thread <.*> virtual real time limit \(\d+/\d+s\) reached\.$", |_, line| {
        Some(Meaning::WorkerKilled { pid: line.pid, kind: "thread", reason: "time" })
    }),
    says!(r"^Server memory limit \(\d+\) reached\.$", |_, line| {
        Some(Meaning::WorkerEnded { pid: line.pid, kind: Some("thread"), reason: "memory" })
    }),
    says!(r"^Gevent virtual memory limit reached: \d+$", |_, line| {
        Some(Meaning::WorkerEnded { pid: line.pid, kind: Some("gevent"), reason: "memory" })
    }),
    says!(r"^Login (successful|failed) for (?:db:(\S+) )?login:(\S+) from \S+$", |found, _| {
        let is_ok = found.get(1)?.as_str() == "successful";
        Some(Meaning::Login { is_ok, login: text(found, 3)?, database: text(found, 2) })
    }),
    says!(r"^asking Odoo to run job [0-9a-f-]{36} on db \S+$", |_, _| Some(Meaning::QueueJobStarted)),
    says!(r"^Re-queued dead job with uuid: ([0-9a-f-]{36})$", |found, _| {
        Some(Meaning::QueueJobDied { uuid: text(found, 1)? })
    }),
];

/// `None` for what is only a message.
pub(crate) fn meaning(line: &Line<'_>) -> Option<Meaning> {
    let first = line.message.lines().next().unwrap_or_default().trim_end();
    PATTERNS.iter().find_map(|pattern| (pattern.read)(&pattern.regex.captures(first)?, line))
}

fn request(found: &Captures<'_>, _: &Line<'_>) -> Option<Meaning> {
    let path = found.get(2)?.as_str();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (sql_seconds, elsewhere) = (number(found, 6), number(found, 7));
    Some(Meaning::Request(Request {
        method: text(found, 1)?,
        path: path.to_owned(),
        status: integer(found, 4)?,
        queries: integer(found, 5),
        sql_seconds,
        seconds: sql_seconds.zip(elsewhere).map(|(sql, elsewhere)| sql + elsewhere),
        call: called(path, found.get(3).map(|call| call.as_str())),
    }))
}

/// By the address (18 and later say it there), or by what 19 appends to remote calls.
fn called(path: &str, appended: Option<&str>) -> Option<(String, String)> {
    static ADDRESS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^/(?:web/dataset/call_(?:kw|button)|json/2)/([\w.]+)/(\w+)$"));
    if let Some(found) = ADDRESS.captures(path) {
        return Some((text(&found, 1)?, text(&found, 2)?));
    }
    let (model, method) = appended?.rsplit_once('.')?;
    Some((model.to_owned(), method.to_owned()))
}

impl Request {
    /// The address without what differs from one record to the next.
    pub(crate) fn route(&self) -> String {
        if let Some((model, method)) = &self.call {
            let base = if self.path.starts_with("/json/2/") { "/json/2" } else { "/web/dataset/call_kw" };
            return format!("{base}/{model}/{method}");
        }
        let varies = |part: &str| part.len() > 40 || part.bytes().any(|byte| byte.is_ascii_digit());
        let parts = self.path.split('/').map(|part| if varies(part) { "{id}" } else { part });
        parts.take(6).collect::<Vec<_>>().join("/")
    }
}

fn error_class(error: &str) -> &'static str {
    match error {
        "SERIALIZATION_FAILURE" => "serialization",
        "DEADLOCK_DETECTED" => "deadlock",
        "LOCK_NOT_AVAILABLE" => "lock_timeout",
        _ => "concurrency",
    }
}

fn worker(kind: &str) -> &'static str {
    match kind {
        "WorkerCron" => "cron",
        "WorkerGevent" => "gevent",
        _ => "http",
    }
}

fn text(found: &Captures<'_>, group: usize) -> Option<String> {
    Some(found.get(group)?.as_str().to_owned())
}

fn integer(found: &Captures<'_>, group: usize) -> Option<i64> {
    found.get(group)?.as_str().parse().ok()
}

fn number(found: &Captures<'_>, group: usize) -> Option<f64> {
    found.get(group)?.as_str().parse().ok()
}
