//! A disk that takes no more, from outside: the kernel refuses writes beyond a file size (`prlimit --fsize`, which needs
//! neither root nor a file system of its own), and later lets them through again.

use std::time::Duration;

use serde_json::Value;

use crate::alerts::{RULE, order, routing};
use crate::conformance::Make;
use crate::harness::{
    Event, HttpSink, Outcome, Plimsoll, RawLogs, Sender, Setup, WAYS, Way, eventually, finish, tool,
};

const WITHIN: Duration = Duration::from_secs(60);

/// From now on no file of the process grows beyond so many bytes.
async fn limit_files(plimsoll: &Plimsoll, bytes: &str) {
    let mut prlimit = tool("prlimit");
    prlimit.args(["--pid", &plimsoll.pid().to_string(), &format!("--fsize={bytes}:unlimited")]);
    finish(prlimit).await;
}

/// Without this the kernel ends a process that writes beyond the limit, where a full disk returns an error.
fn survives_the_limit(setup: Setup) -> Setup {
    setup.started_by(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
}

async fn assert_refused_retryably(logs: &RawLogs, way: Way, body: Vec<u8>) {
    let answer = logs.send(way, None, body).await.expect("an answer");
    assert_eq!(answer.outcome(), Outcome::TryLater, "{way:?}: {answer:?}");
    match way {
        Way::Grpc => assert_ne!(answer.header("grpc-status-details-bin"), "", "RetryInfo"),
        _ => assert_ne!(answer.header("retry-after"), "", "{answer:?}"),
    }
}

/// The code, and the answer up to its first comma.
async fn probe(plimsoll: &Plimsoll, path: &str) -> (u16, String) {
    let answer = plimsoll.client().get(plimsoll.console(path)).send().await.expect("an answer");
    let code = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    (code, text.split(',').next().unwrap_or_default().to_owned())
}

fn large(way: Way) -> Vec<u8> {
    Make::Filled { bytes: 6 << 20 }.bytes(way == Way::Json, "large")
}

async fn large_rows(plimsoll: &Plimsoll) -> i64 {
    plimsoll.number("SELECT count(*) AS n FROM logs WHERE service_name = 'large'").await
}

/// Large requests fit no more, small ones do: each failure leaves half a record in the log, which must harm nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_while_pages_leave_and_fits_again_without_a_restart() {
    let sink = HttpSink::start().await;
    let webhook = format!("    webhook_configs:\n      - url: '{}'\n", sink.url("/hook"));
    let setup = Setup::default().file("alertmanager.yml", &routing(&webhook)).file("rules/orders.yaml", RULE);
    let mut plimsoll = Plimsoll::start_with(survives_the_limit(setup)).await;
    let logs = RawLogs::to(&plimsoll);
    let answer = logs.send(Way::Grpc, None, large(Way::Grpc)).await.expect("an answer");
    assert_eq!(answer.outcome(), Outcome::Accepted, "{answer:?}");

    limit_files(&plimsoll, "2000000").await;
    for way in WAYS {
        assert_refused_retryably(&logs, way, large(way)).await;
    }
    assert_eq!(large_rows(&plimsoll).await, 1, "SQL answers, without what was refused");
    eventually("a small event is taken again", WITHIN, async || {
        let mut sender = Sender::to(&plimsoll.grpc());
        sender.try_send(vec![order("S1", "failed")]).await.ok()
    })
    .await;
    let page: Value = eventually("the page leaves", WITHIN, async || {
        sink.received("/hook").first().map(|received| received.body.clone())
    })
    .await;
    assert_eq!(page["status"], "firing", "{page}");
    for way in WAYS {
        assert_refused_retryably(&logs, way, large(way)).await;
    }

    limit_files(&plimsoll, "unlimited").await;
    for way in WAYS {
        eventually("there is room again", WITHIN, async || {
            let answer = logs.send(way, None, large(way)).await.expect("an answer");
            (answer.outcome() == Outcome::Accepted).then_some(())
        })
        .await;
    }
    assert_eq!(large_rows(&plimsoll).await, 4, "what was acknowledged, once each");
    plimsoll.kill();
    plimsoll.resume().await;
    assert_eq!(large_rows(&plimsoll).await, 4, "and nothing that was refused comes back");
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events WHERE event_id = 'S1'").await, 1);
}

/// Nothing can be written at all, not even a line of the log for people.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_a_byte_left_stops_acknowledgements_and_nothing_else() {
    let setup = Setup::default().set("lake.flush_age", "200ms");
    let mut plimsoll = Plimsoll::start_with(survives_the_limit(setup)).await;
    let event = |id: &str| vec![Event::new("odoo.stock.picking.done", id)];
    Sender::to(&plimsoll.grpc()).send(event("before")).await;

    limit_files(&plimsoll, "0").await;
    for round in 0..5 {
        let refused = Sender::to(&plimsoll.grpc()).try_send(event(&format!("lost-{round}"))).await;
        let told = refused.expect_err("nothing can be stored");
        assert!(told.contains("not stored") || told.contains("nothing was stored"), "{told}");
        for way in WAYS {
            assert_refused_retryably(&RawLogs::to(&plimsoll), way, large(way)).await;
        }
        assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 1, "SQL answers");
        assert_eq!(
            probe(&plimsoll, "/-/ready").await,
            (503, "not ready: the log can't be written".to_owned())
        );
        assert_eq!(probe(&plimsoll, "/-/healthy").await.0, 503);
        plimsoll.assert_alive();
    }

    limit_files(&plimsoll, "unlimited").await;
    eventually("it says that it is well again before anybody sends", WITHIN, async || {
        (probe(&plimsoll, "/-/ready").await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(probe(&plimsoll, "/-/healthy").await.0, 200);
    eventually("it takes events again", WITHIN, async || {
        Sender::to(&plimsoll.grpc()).try_send(event("after")).await.ok()
    })
    .await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 2);
    plimsoll.kill();
    plimsoll.resume().await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 2);
}
