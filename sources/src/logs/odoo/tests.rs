//! Lines of all four versions, and what they mean.

use chrono_tz::Europe::Berlin;
use chrono_tz::UTC;

use super::*;

fn line(text: &str) -> Line<'_> {
    Line::parse(text, UTC).expect("a head")
}

fn means(message: &str) -> Option<Meaning> {
    meaning(&line(&format!("2026-11-21 08:20:59,323 28548 INFO o18 odoo.x: {message} ")))
}

#[test]
fn a_head_is_taken_apart() {
    let read = line("2026-11-21 08:32:22,809 3132 WARNING ? odoo.service.server: Odoo version 16.0 ");
    assert_eq!(
        (read.pid, read.database, read.logger, read.message),
        (3132, None, "odoo.service.server", "Odoo version 16.0")
    );
    assert_eq!(read.severity(), (13, "WARN"));
    assert_eq!(read.time.to_rfc3339(), "2026-11-21T08:32:22.809Z");
    assert!(Line::parse("Traceback (most recent call last):", UTC).is_none());
}

#[test]
fn local_times_are_moments_also_when_the_clock_is_changed() {
    let at = |text: &str| local_time(text, Berlin).expect("a time").to_rfc3339();
    assert_eq!(at("2026-07-01 12:00:00,000"), "2026-07-01T10:00:00.000Z");
    assert_eq!(at("2026-10-25 02:30:00,000"), "2026-10-25T00:30:00.000Z", "shown twice: the first");
    assert_eq!(at("2026-03-29 02:30:00,000"), "2026-03-29T01:30:00.000Z", "skipped: as if it hadn't been");
}

#[test]
fn a_request_has_its_route_its_call_and_what_it_cost() {
    let access = |address: &str| {
        let text =
            format!("127.0.0.1 - - [21/Nov/2026 08:54:05] \"POST {address} HTTP/1.1\" 200 - 88 0.050 0.048");
        let Some(Meaning::Request(request)) = means(&text) else { panic!("{text}") };
        request
    };
    let request = access("/web/dataset/call_button/sale.order/action_confirm");
    assert_eq!(request.route(), "/web/dataset/call_kw/sale.order/action_confirm");
    assert_eq!((request.queries, request.sql_seconds), (Some(88), Some(0.05)));
    assert!(request.seconds.is_some_and(|seconds| (seconds - 0.098).abs() < 1e-9));
    assert_eq!(access("/jsonrpc#ir.cron.create").call, Some(("ir.cron".into(), "create".into())));
    assert_eq!(access("/json/2/sale.order/search").route(), "/json/2/sale.order/search");
    assert_eq!(access("/web/image/4711-abc/logo.png?unique=5").route(), "/web/image/{id}/logo.png");
    let text = "127.0.0.1 - - [21/Nov/2026 08:54:05] \"GET / HTTP/1.1\" 303 - - - - ro->rw";
    assert!(matches!(means(text), Some(Meaning::Request(Request { queries: None, seconds: None, .. }))));
}

#[test]
fn what_the_versions_say_differently_means_the_same() {
    let started = |id| Some(Meaning::CronStarted { id, name: "Mail: Queue".into() });
    assert_eq!(means("Starting job `Mail: Queue`."), started(None));
    assert_eq!(means("Job 'Mail: Queue' (7) starting"), started(Some(7)));
    let done =
        |id, seconds, records| Some(Meaning::CronDone { id, name: "Mail: Queue".into(), seconds, records });
    assert_eq!(means("Job `Mail: Queue` done."), done(None, None, None));
    assert_eq!(means("Job done: `Mail: Queue` (0.761s)."), done(None, Some(0.761), None));
    assert_eq!(means("Job 'Mail: Queue' (7) done in 0.314s"), done(Some(7), Some(0.314), None));
    let said = "Job 'Mail: Queue' (7) fully done (#loop 1; done 126; remaining 0; duration 0.97s)";
    assert_eq!(means(said), done(Some(7), Some(0.97), Some(126)));
    for progress in [
        "Job 'a' (1) completed",
        "Job \"a\" (1) processed 0 records, 0 records remaining",
        "Job 'a' (1) failed (#loop 1; done 0; remaining 0; duration 0.01s)",
    ] {
        assert_eq!(means(progress), Some(Meaning::CronProgress), "{progress}");
    }
    for failed in [
        "Call from cron a for server action #424 failed in Job #19",
        "Job 'a' (19) server action #501 failed",
        "Job 'a' (19) timed out",
    ] {
        assert!(matches!(means(failed), Some(Meaning::CronFailed { .. })), "{failed}");
    }
}

#[test]
fn every_other_sentence_is_known() {
    for (message, is_known) in [
        ("SERIALIZATION_FAILURE, 4 tries left, try again in 1.5071 sec...", true),
        ("ConcurrencyError('x'), 4 tries left, try again in 1.5071 sec...", true),
        ("DEADLOCK_DETECTED, maximum number of tries reached!", true),
        ("bad query: SELECT 1", true),
        ("Worker WorkerHTTP (3143) alive", true),
        ("Worker (3145) exiting. request_count: 46, registry count: 1.", true),
        ("WorkerCron (20866) timeout after 6s", true),
        ("Worker (22218) virtual memory limit (292659200) reached.", true),
        ("Worker (22218) max request (15) reached.", true),
        ("Worker (22218) CPU time limit (60) reached.", true),
        (
            "Thread <Thread(odoo.service.http.request.1, started 1)> virtual real time limit (54/6s) reached.",
            true,
        ),
        ("Server memory limit (2684354560) reached.", true),
        ("Gevent virtual memory limit reached: 292659200", true),
        ("Login failed for db:o18 login:jane@example.com from 10.0.0.1", true),
        ("Login successful for login:admin from n/a", true),
        ("asking Odoo to run job 8d79cf4e-a3e3-46a9-affa-93708e5294ac on db o18", true),
        ("Re-queued dead job with uuid: 8d79cf4e-a3e3-46a9-affa-93708e5294ac", true),
        ("Some orders are not in a state requiring confirmation.", false),
    ] {
        assert_eq!(means(message).is_some(), is_known, "{message}");
    }
}

#[test]
fn logins_and_values_stay_behind() {
    let body = |message: &str| line(&format!("2026-11-21 08:20:59,323 1 INFO o18 odoo.x: {message}")).body();
    assert_eq!(
        body("Login failed for db:o18 login:jane@example.com from 10.0.0.1"),
        "Login failed for db:o18 login:? from 10.0.0.1"
    );
    let failed = body(
        "bad query: b'UPDATE a SET b = \\'Jane\\' WHERE id IN (1, 2)'\nERROR: could not serialize access\n ",
    );
    assert!(!failed.contains("Jane") && failed.ends_with("\nERROR: could not serialize access"), "{failed}");
    assert_eq!(
        body("bad query: UPDATE a SET b = 'Jane'\nERROR: no"),
        "bad query: UPDATE a SET b = ?\nERROR: no"
    );
}
