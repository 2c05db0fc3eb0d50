//! Beside the real Alertmanager: the same file, the same moment, and the same routes are mute.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;
use serde_json::json;

use super::support::Sink;
use crate::{Config, Routing};

const CASES: usize = 120;
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Pacific/Honolulu",
];

/// Small numbers, the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }
}

/// An interval that holds `local` or just misses it, as a file spells it.
fn interval(numbers: &mut Numbers, zone: &str, local: DateTime<Tz>) -> String {
    let mut fields = Vec::new();
    // Where a field is to miss, it is moved away from now.
    let shift = |numbers: &mut Numbers| if numbers.one_in(6) { numbers.below(3) + 1 } else { 0 };
    if numbers.one_in(2) {
        let start = (local.hour() + 24 + shift(numbers)) % 24;
        let end = (start + 1 + numbers.below(3)).min(24);
        fields.push(format!("times: [{{start_time: '{start:02}:00', end_time: '{end:02}:00'}}]"));
    }
    if numbers.one_in(2) {
        let day = (local.weekday().num_days_from_sunday() + shift(numbers)) % 7;
        let last = (day + numbers.below(2)).min(6);
        fields.push(format!("weekdays: ['{}:{}']", DAYS[day as usize], DAYS[last as usize]));
    }
    if numbers.one_in(2) {
        let day = i64::from((local.day() + shift(numbers) - 1) % 28 + 1);
        let length = i64::from(length_of_month(local.date_naive()));
        fields.push(match numbers.below(3) {
            0 => format!("days_of_month: ['{day}']"),
            1 => format!("days_of_month: ['{}']", day - length - 1),
            _ => format!("days_of_month: ['31', '{}:-1']", day.min(27)),
        });
    }
    if numbers.one_in(3) {
        let month = (local.month() + shift(numbers) - 1) % 12 + 1;
        fields.push(format!("months: ['{month}', '{month}:12']"));
    }
    if numbers.one_in(4) {
        fields.push(format!("years: ['{}:2100']", i64::from(local.year()) + i64::from(shift(numbers))));
    }
    fields.push(format!("location: {zone}"));
    format!("{{{}}}", fields.join(", "))
}

fn length_of_month(date: NaiveDate) -> u8 {
    date.num_days_in_month()
}

fn file(now: Timestamp, sink: &Sink) -> String {
    let mut numbers = Numbers(20_261_122);
    let (mut routes, mut intervals, mut receivers) = (String::new(), String::new(), String::new());
    for case in 0..CASES {
        let zone = ZONES[case % ZONES.len()];
        let local = now.to_utc().with_timezone(&zone.parse().expect("a zone"));
        let several: Vec<_> = (0..=numbers.below(2)).map(|_| interval(&mut numbers, zone, local)).collect();
        intervals.push_str(&format!("  - {{name: i{case}, time_intervals: [{}]}}\n", several.join(", ")));
        let how = ["mute_time_intervals", "active_time_intervals"][case % 2];
        let other =
            if numbers.one_in(3) { format!(", mute_time_intervals: [i{}]", case / 2) } else { String::new() };
        let other = if how.starts_with("active") { other } else { String::new() };
        routes.push_str(&format!(
            "    - {{matchers: [case=\"{case}\"], receiver: r{case}, {how}: [i{case}]{other}}}\n"
        ));
        receivers.push_str(&format!(
            "  - {{name: r{case}, webhook_configs: [{{url: 'http://127.0.0.1:{}/{case}'}}]}}\n",
            sink.port
        ));
    }
    format!(
        "route:\n  receiver: last\n  group_by: [case]\n  group_wait: 0s\n  routes:\n{routes}    - {{receiver: last, group_wait: 2s}}\ntime_intervals:\n{intervals}receivers:\n{receivers}  - {{name: last, webhook_configs: [{{url: 'http://127.0.0.1:{}/last'}}]}}\n",
        sink.port
    )
}

/// Those that we let speak, without any whose answer changes within minutes of now.
fn ours(folder: &Path, now: Timestamp) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let file = folder.join("alertmanager.yml");
    let (routing, findings) = Routing::load(&Config { file, ..Config::default() });
    assert_eq!(findings, []);
    let routing = routing.expect("valid");
    let (mut speak, mut steady) = (BTreeSet::new(), BTreeSet::new());
    for (case, route) in routing.root.routes.iter().enumerate().take(CASES) {
        let is_mute =
            |at| routing.time_intervals.muted(&route.active_during, &route.muted_during, at).is_some();
        let minutes = (0..5).map(|minute| now - Duration::from_secs(60) + Duration::from_secs(60 * minute));
        if minutes.clone().all(|at| is_mute(at) == is_mute(now)) {
            steady.insert(case);
        }
        if !is_mute(now) {
            speak.insert(case);
        }
    }
    (speak, steady)
}

/// The server, until it is dropped.
struct Alertmanager {
    process: Child,
    port: u16,
}

impl Alertmanager {
    fn start(folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a free port")
            .local_addr()
            .expect("bound")
            .port();
        let mut process = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", folder.join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .args(["--cluster.listen-address=", &format!("--web.listen-address=127.0.0.1:{port}")])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager runs: `make test` installs it");
        let mut log = BufReader::new(process.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("Listening on") {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("readable"), 0, "it ended before it listened");
        }
        // Read to its end, or it would block on a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { process, port }
    }

    async fn post(&self, alerts: &serde_json::Value) {
        let url = format!("http://127.0.0.1:{}/api/v2/alerts", self.port);
        let answer = reqwest::Client::new().post(url).json(alerts).send().await.expect("it answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_routes_are_mute_at_this_moment() {
    #[expect(clippy::disallowed_methods, reason = "the real Alertmanager knows no other clock")]
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let now = Timestamp::from_secs(i64::try_from(since_1970.as_secs()).expect("before 2262"));
    let sink = Sink::start().await;
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("alertmanager.yml"), file(now, &sink)).expect("written");
    let (speak, steady) = ours(folder.path(), now);
    let expected: Vec<usize> = speak.intersection(&steady).copied().collect();
    assert!(expected.len() > 5 && expected.len() + 5 < steady.len(), "{expected:?} of {steady:?} speak");

    let server = Alertmanager::start(folder.path());
    let alerts: Vec<_> = (0..CASES).map(|case| json!({"labels": {"case": case.to_string()}})).collect();
    server.post(&json!(alerts)).await;
    // It waits two seconds longer than the others.
    server.post(&json!([{"labels": {"case": "last"}}])).await;
    let mut paths: Vec<String> = expected.iter().map(|case| format!("/{case}")).collect();
    paths.push("/last".to_owned());
    let requests = sink.until(&paths).await;
    let theirs: BTreeSet<usize> =
        requests.iter().filter_map(|request| request.path.trim_start_matches('/').parse().ok()).collect();
    let differ: Vec<_> = steady.iter().filter(|case| theirs.contains(case) != speak.contains(case)).collect();
    assert!(differ.is_empty(), "{differ:?} at {now} of\n{}", file(now, &sink));
}
