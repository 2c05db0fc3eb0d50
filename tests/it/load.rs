//! `plimsoll load` against `plimsoll serve`: both the real binary.

use std::fs;

use serde_json::Value;

use crate::harness::{Plimsoll, Setup, closed_port, output, tool};

/// Runs it, and gives its report and whether it was content.
async fn load(arguments: &[&str]) -> (Value, bool) {
    let mut load = tool(env!("CARGO_BIN_EXE_plimsoll"));
    load.args(["load", "--json"]).args(arguments);
    let output = output(load).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&told);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (report.unwrap_or_else(|error| panic!("{error}: {told}\n{errors}")), output.status.success())
}

async fn check(protocol: &str, compression: &str) {
    let plimsoll = Plimsoll::start().await;
    let endpoint = if protocol == "grpc" { plimsoll.grpc() } else { plimsoll.otlp_http("") };
    let file = plimsoll.path("acknowledged.jsonl");
    let (report, good) = load(&[
        "--protocol",
        protocol,
        "--compression",
        compression,
        "--endpoint",
        &endpoint,
        "--signals",
        "spans,logs,metrics,events,spans",
        "--items",
        "50",
        "--count",
        "1000",
        "--acknowledged",
        file.to_str().expect("a plain path"),
        "--verify",
        &plimsoll.console(""),
    ])
    .await;
    assert!(good, "{report:#}");
    assert_eq!(report["total"]["acknowledged"], 1_000, "{report:#}");
    assert_eq!(report["signals"]["spans"]["acknowledged"], 400, "{report:#}");
    assert_eq!(report["verified"]["found"], 1_000, "{report:#}");
    assert_eq!(report["verified"]["right"], true, "{report:#}");
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM spans").await, 400);
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 200);

    // What the file says, an oracle can ask for.
    let told = fs::read_to_string(file).expect("a file of acknowledgements");
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 20, "one line a request:\n{told}");
    for line in lines.iter().take(3) {
        let statement = format!(
            "SELECT count(*) AS n FROM {} WHERE scope_name = '{}' AND scope_version = '{}'",
            line["table"].as_str().expect("text"),
            line["scope_name"].as_str().expect("text"),
            line["scope_version"].as_str().expect("text")
        );
        assert_eq!(Some(plimsoll.number(&statement).await), line["items"].as_i64(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_load_sends_over_grpc_is_stored_once_and_found() {
    check("grpc", "zstd").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_load_sends_over_http_is_stored_once_and_found() {
    check("http", "gzip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_keeps_its_pace_and_measures_from_the_intended_moment() {
    let plimsoll = Plimsoll::start().await;
    let endpoint = plimsoll.grpc();
    let pace = ["--rate", "2000", "--items", "10", "--count", "1000", "--endpoint", &endpoint];
    let (report, good) = load(&pace).await;
    assert!(good, "{report:#}");
    assert_eq!(report["open_loop"], true);
    // A hundred requests at two hundred a second: the last one is not due before 495 ms have passed.
    let seconds = report["seconds"].as_f64().expect("a number");
    assert!(seconds >= 0.495, "{report:#}");
    let quantile = |name: &str| report["ack_latency_ms"][name].as_f64().expect("a number");
    assert!(0.0 < quantile("p50") && quantile("p50") <= quantile("p99"), "{report:#}");
    assert!(quantile("p99") <= quantile("max"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_twice_is_found_twice() {
    let plimsoll = Plimsoll::start().await;
    let (endpoint, console) = (plimsoll.grpc(), plimsoll.console(""));
    let again =
        ["--run", "beef", "--items", "10", "--count", "100", "--endpoint", &endpoint, "--verify", &console];
    let (first, good) = load(&again).await;
    assert!(good, "{first:#}");
    let (second, good) = load(&again).await;
    assert!(!good, "a verification that can't fail proves nothing: {second:#}");
    let verified = &second["verified"];
    let wrong = ["twice", "strays"].map(|name| verified[name].as_u64().expect("a number"));
    assert_eq!((verified["lost"].as_u64(), wrong[0] + wrong[1]), (Some(0), 100), "{second:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_told_by_its_code() {
    let plimsoll = Plimsoll::start_with(Setup::default().set("collector.max_request", "4KiB")).await;
    let endpoint = plimsoll.otlp_http("");
    let (report, good) =
        load(&["--protocol", "http", "--endpoint", &endpoint, "--items", "100", "--count", "300"]).await;
    assert!(!good, "nothing was acknowledged: {report:#}");
    assert_eq!(report["refusals"]["413"], 3, "{report:#}");
    assert_eq!((&report["total"]["refused"], &report["total"]["acknowledged"]), (&300.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_tried_again_and_then_given_up() {
    for protocol in ["grpc", "http"] {
        let endpoint = format!("http://127.0.0.1:{}", closed_port());
        let hasty = ["--give-up", "300ms", "--items", "1", "--count", "1"];
        let (report, good) =
            load(&[&["--protocol", protocol, "--endpoint", &endpoint], hasty.as_slice()].concat()).await;
        assert!(!good, "{report:#}");
        let retries = report["retries"].as_object().expect("reasons");
        assert!(retries.keys().all(|why| why.contains("no connection")) && !retries.is_empty(), "{report:#}");
        assert_eq!((&report["total"]["refused"], &report["total"]["unknown"]), (&1.into(), &0.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let wrong = [
        (vec!["--rate", "0"], "above zero"),
        (vec!["--duration", "10"], "write it like"),
        (vec!["--run", "xyz"], "hexadecimal"),
        (vec!["--items", "0"], "1..=100000"),
        (vec!["--count", "1", "--duration", "1s"], "cannot be used with"),
    ];
    for (arguments, expected) in wrong {
        let mut load = tool(env!("CARGO_BIN_EXE_plimsoll"));
        load.arg("load").args(&arguments);
        let output = output(load).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(expected), "{arguments:?}: {errors}");
    }
}
