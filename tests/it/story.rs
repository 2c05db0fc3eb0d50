//! The story on injected time: a healthy day, a report that takes locks, one page that explains itself, recovery, one
//! resolve. The shipped configuration, the real rooms and the real doors; only the clock is ours, so nothing sleeps.

use std::sync::Arc;
use std::time::Duration;

use plimsoll::app::{Addresses, App};
use plimsoll::config::Config;
use plimsoll::demo::{self, Mail, Mailbox, Received, Sender, ValuationReport, World};
use plimsoll_model::{Clock, ManualClock, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);
/// How finely time is moved.
const STEP: Duration = Duration::from_secs(10);

struct Story {
    clock: ManualClock,
    world: World,
    sender: Sender,
    app: App,
    mailbox: Mailbox,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Story {
    async fn begin(report: Option<ValuationReport>) -> Self {
        let stop = CancellationToken::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mailbox = Mailbox::open(stop.clone()).await.expect("the mailbox listens");
        let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let doors = doors(grpc.local_addr().expect("bound"));
        for (name, contents) in demo::files(&doors, &mailbox) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            std::fs::write(path, contents).expect("writable");
        }

        let clock = ManualClock::at(opens());
        let handed_down: Arc<dyn Clock> = Arc::new(clock.clone());
        let config = Config::read(&folder.path().join("plimsoll.toml")).expect("the shipped files are valid");
        let app = App::open(config, Arc::clone(&handed_down)).await.expect("the rooms open");
        let (collector, until) = (app.collector().clone(), stop.clone());
        tokio::spawn(async move { collector.serve_grpc(grpc, until).await });

        let mut world = World::opening_at(opens(), 1876);
        if let Some(report) = report {
            world.suffer(report);
        }
        let sender = Sender::to(doors.grpc, handed_down).expect("a client");
        Self { clock, world, sender, app, mailbox, stop, _folder: folder }
    }

    /// Lets the day go on, and gives what arrived at the people meanwhile.
    async fn pass(&mut self, duration: Duration) -> Arrived {
        let until = self.clock.now() + duration;
        let mut arrived = Arrived::default();
        while self.clock.now() < until {
            self.clock.advance(STEP);
            let news = self.world.advance(self.clock.now());
            self.sender.send(news).await.expect("acknowledged");
            let deliveries = self.app.step().await.expect("a pass succeeds");
            for delivery in deliveries {
                assert!(delivery.outcome.is_ok(), "{delivery:?}");
                arrived.take(self.mailbox.next().await.expect("what was sent arrives"));
            }
        }
        arrived
    }

    async fn ask(&self, sql: &str) -> Vec<Value> {
        let answer = self.app.engine().sql(sql, &[]).await.expect("a valid statement");
        let json = answer.to_json().expect("rows have a JSON form");
        serde_json::from_slice(json.as_ref()).expect("an array")
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What people got.
#[derive(Debug, Default)]
struct Arrived {
    mails: Vec<Mail>,
    posts: Vec<(String, Value)>,
}

impl Arrived {
    fn take(&mut self, received: Received) {
        match received {
            Received::Mail(mail) => self.mails.push(mail),
            Received::Post { path, body } => self.posts.push((path, body)),
        }
    }

    fn pager_events(&self, action: &str) -> Vec<&Value> {
        let of_pager = self.posts.iter().filter(|(path, _)| path.contains("enqueue")).map(|(_, body)| body);
        of_pager.filter(|body| body["event_action"] == action).collect()
    }
}

fn opens() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T08:00:00Z").expect("valid")
}

/// Only OTLP is served here; the other addresses are never connected to.
fn doors(grpc: std::net::SocketAddr) -> Addresses {
    let unused = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Addresses { grpc, http: unused(1), postgres: unused(2), console: unused(3) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_takes_locks_becomes_one_explained_page_and_one_resolve() {
    let starts = opens() + 20 * MINUTE;
    let report = ValuationReport { warehouse: "ROT", starts, ends: starts + 12 * MINUTE };
    let mut story = Story::begin(Some(report)).await;

    let healthy = story.pass(20 * MINUTE).await;
    assert!(healthy.mails.is_empty() && healthy.posts.is_empty(), "{healthy:#?}");

    let fault = story.pass(12 * MINUTE).await;
    assert_eq!(fault.mails.len(), 1, "{fault:#?}");
    assert_eq!(fault.pager_events("trigger").len(), 1, "{fault:#?}");
    says_what_broke_and_why(&fault.mails[0]);
    let rows = story.ask("SELECT state FROM incidents").await;
    assert_eq!(rows, [serde_json::json!({"state": "triggered"})]);

    let recovery = story.pass(45 * MINUTE).await;
    assert_eq!(recovery.mails.len(), 1, "{recovery:#?}");
    assert!(recovery.mails[0].subject.contains("RESOLVED"), "{}", recovery.mails[0].subject);
    assert_eq!(recovery.pager_events("resolve").len(), 1);
    assert_eq!(recovery.pager_events("trigger").len(), 0);
    same_pager_incident(&fault, &recovery);
    let rows = story.ask("SELECT state FROM incidents").await;
    assert_eq!(rows, [serde_json::json!({"state": "resolved"})]);
}

fn says_what_broke_and_why(mail: &Mail) {
    assert!(mail.subject.contains("ROT"), "{}", mail.subject);
    // The business sentence, the evidence that the other signal joined in, and what to do.
    for words in
        ["orders of warehouse ROT posted late", "EUR", "lock waits", "odoo-report", "runbooks/stock-locks"]
    {
        let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "the page does not say {words:?}:\n{}", mail.text);
    }
}

fn same_pager_incident(fault: &Arrived, recovery: &Arrived) {
    let key = |arrived: &Arrived, action| arrived.pager_events(action)[0]["dedup_key"].clone();
    assert_eq!(key(fault, "trigger"), key(recovery, "resolve"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_hour_wakes_nobody() {
    let mut story = Story::begin(None).await;
    let hour = story.pass(60 * MINUTE).await;
    assert!(hour.mails.is_empty() && hour.posts.is_empty(), "{hour:#?}");
    let slos = story.ask("SELECT DISTINCT state FROM slos").await;
    assert_eq!(slos, [serde_json::json!({"state": "inactive"})]);
}
