//! Both sides live through the same timelines at once; what they told is compared, and what differed is tried again: a
//! machine that is busy makes a process late now and then, a difference of ours is there each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::compare::{Message, Outcome, compare};
use super::known::{Difference, ORDER};
use super::peer::Peer;
use super::scripted_sink::ScriptedSink;
use super::timeline::{Act, Case, Posted, Timeline, routing};
use crate::harness::{Beginning, Plimsoll, Setup};

const ATTEMPTS: usize = 3;
/// So many timelines side by side in one pair of processes.
const AT_ONCE: usize = 40;
/// Timelines begin one after the other, so that not all of them post at the same moment.
const APART: Duration = Duration::from_millis(21);

/// One of the two, with the sink that it tells.
#[derive(Debug)]
struct Side {
    url: String,
    sink: ScriptedSink,
}

/// Both, and what must live as long.
#[derive(Debug)]
struct Court {
    client: reqwest::Client,
    ours: Side,
    theirs: Side,
    _plimsoll: Plimsoll,
    _peer: Peer,
}

/// Each timeline's last outcome, and how often it was tried.
pub(super) async fn try_all(
    timelines: &[Arc<Timeline>],
    known: &BTreeMap<String, Difference>,
) -> BTreeMap<String, (Outcome, usize)> {
    let mut settled = BTreeMap::new();
    let mut open: Vec<Arc<Timeline>> = timelines.to_vec();
    for attempt in 1..=ATTEMPTS {
        let mut differing = Vec::new();
        for some in open.chunks(AT_ONCE) {
            let court = Arc::new(Court::convene(some).await);
            for (timeline, outcome) in court.hear(some).await {
                let is_settled = agrees(&outcome, known.get(&timeline.name)).is_ok();
                settled.insert(timeline.name.clone(), (outcome, attempt));
                if !is_settled {
                    differing.push(timeline);
                }
            }
        }
        open = differing;
    }
    settled
}

/// Every disagreement with the list, as lines for people.
pub(super) fn verdict(
    outcomes: &BTreeMap<String, (Outcome, usize)>,
    known: &BTreeMap<String, Difference>,
) -> Vec<String> {
    let mut faults: Vec<String> = outcomes
        .iter()
        .filter_map(|(name, (outcome, _))| {
            agrees(outcome, known.get(name)).err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    let names: BTreeSet<&str> = outcomes.keys().map(String::as_str).chain([ORDER]).collect();
    faults.extend(
        known
            .keys()
            .filter(|name| !names.contains(name.as_str()))
            .map(|name| format!("{name} is listed, and no timeline has that name")),
    );
    faults
}

/// Whether the order of alerts within a message differed anywhere.
pub(super) fn order_differs(outcomes: &BTreeMap<String, (Outcome, usize)>) -> bool {
    outcomes.values().any(|(outcome, _)| matches!(outcome, Outcome::Same { alerts_stand_alike: false }))
}

fn agrees(outcome: &Outcome, known: Option<&Difference>) -> Result<(), String> {
    match (outcome, known) {
        (Outcome::Same { .. }, None) => Ok(()),
        (Outcome::Same { .. }, Some(_)) => Err("is listed as different, and is the same".to_owned()),
        (Outcome::Different { ours, theirs, why }, known) => {
            let is_listed = known.is_some_and(|known| known.ours == *ours && known.theirs == *theirs);
            if is_listed {
                Ok(())
            } else {
                Err(format!("{why}\n    ours = {ours:#?}\n    theirs = {theirs:#?}"))
            }
        }
    }
}

impl Court {
    async fn convene(timelines: &[Arc<Timeline>]) -> Self {
        let cases: Vec<Case> = timelines.iter().map(Case::new).collect();
        let began = Beginning::in_a(Duration::ZERO);
        let (our_sink, their_sink) = (ScriptedSink::start(began).await, ScriptedSink::start(began).await);
        for case in &cases {
            for (name, receiver) in case.receivers() {
                our_sink.script(name.clone(), &receiver.answers);
                their_sink.script(name, &receiver.answers);
            }
        }
        let peer = Peer::start(&routing(&cases, |name| their_sink.url(name))).await;
        let file = routing(&cases, |name| our_sink.url(name));
        let plimsoll = Plimsoll::start_with(Setup::default().file("alertmanager.yml", &file)).await;
        Self {
            client: reqwest::Client::builder().no_proxy().build().expect("a client without options"),
            ours: Side { url: plimsoll.console(""), sink: our_sink },
            theirs: Side { url: peer.url(""), sink: their_sink },
            _plimsoll: plimsoll,
            _peer: peer,
        }
    }

    async fn hear(self: &Arc<Self>, timelines: &[Arc<Timeline>]) -> Vec<(Arc<Timeline>, Outcome)> {
        let mut hearings = JoinSet::new();
        for (index, timeline) in timelines.iter().enumerate() {
            let (court, case) = (Arc::clone(self), Case::new(timeline));
            let began =
                Beginning::in_a(Duration::from_secs(1) + APART * u32::try_from(index).expect("a hundred"));
            hearings.spawn(async move {
                let outcome = court.play(&case, began).await;
                (case.timeline, outcome)
            });
        }
        hearings.join_all().await
    }

    async fn play(&self, case: &Case, began: Beginning) -> Outcome {
        let mut silences: BTreeMap<&str, (String, String)> = BTreeMap::new();
        for step in &case.timeline.steps {
            began.reach(Duration::from_secs_f64(step.at)).await;
            match &step.act {
                Act::Post(alerts) => {
                    let alerts: Vec<Value> = alerts.iter().map(|alert| posted(alert, case, began)).collect();
                    self.both("/api/v2/alerts", &alerts.into()).await;
                }
                Act::Silence { key, matchers, from, until } => {
                    let mut matchers = matchers.clone();
                    matchers.push(json!({"name": "case", "value": case.label, "isRegex": false}));
                    let silence = json!({
                        "matchers": matchers, "startsAt": began.rfc3339(*from), "endsAt": began.rfc3339(*until),
                        "createdBy": "test", "comment": key,
                    });
                    let (ours, theirs) = self.both("/api/v2/silences", &silence).await;
                    silences.insert(key, (id(&ours), id(&theirs)));
                }
                Act::Expire { key } => {
                    let (ours, theirs) = &silences[key];
                    self.expire(&self.ours, ours).await;
                    self.expire(&self.theirs, theirs).await;
                }
            }
        }
        began.reach(Duration::from_secs_f64(case.timeline.until)).await;
        let (ours, theirs) = (self.ours.told(case, began), self.theirs.told(case, began));
        compare(&ours, &theirs, case.timeline.tolerance)
    }

    /// What each answers.
    async fn both(&self, path: &str, body: &Value) -> (String, String) {
        tokio::join!(self.post(&self.ours, path, body), self.post(&self.theirs, path, body))
    }

    async fn post(&self, side: &Side, path: &str, body: &Value) -> String {
        let answer =
            self.client.post(format!("{}{path}", side.url)).json(body).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("text"));
        assert!(status.is_success(), "{path} at {}: {status} {text}\n{body}", side.url);
        text
    }

    async fn expire(&self, side: &Side, id: &str) {
        let answer = self.client.delete(format!("{}/api/v2/silence/{id}", side.url)).send().await;
        assert!(answer.expect("an answer").status().is_success(), "{id} at {}", side.url);
    }
}

impl Side {
    fn told(&self, case: &Case, began: Beginning) -> Vec<Message> {
        let mut messages = Vec::new();
        for (name, _) in case.receivers() {
            for mut taken in self.sink.taken(&name) {
                taken.at -= began.secs_after(self.sink.began());
                messages.push(Message::read(&taken, began, case));
            }
        }
        messages
    }
}

fn posted(alert: &Posted, case: &Case, began: Beginning) -> Value {
    let mut labels = alert.labels.clone();
    labels.insert("case".to_owned(), case.label.clone());
    let mut posted =
        json!({"labels": labels, "annotations": alert.annotations, "generatorURL": "http://rules.example/1"});
    for (name, moment) in [("startsAt", alert.starts), ("endsAt", alert.ends)] {
        if let Some(moment) = moment {
            posted[name] = began.rfc3339(moment).into();
        }
    }
    posted
}

fn id(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    answer["silenceID"].as_str().expect("an id").to_owned()
}
