//! OTLP, rule by rule: `tests/conformance/*.yaml` say what is sent, how it must be answered and what SQL must know
//! afterwards. Each case goes over every transport, encoding and compression that it names, to one server.

mod case;
mod make;
mod protoscope;
mod shipment;
mod stored;
mod verdict;

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use case::Case;
pub(crate) use make::Make;
use shipment::{Doors, Shipment};

use crate::harness::{Plimsoll, Setup};

/// A case and what it is called in the rows that it leaves.
struct Play {
    identity: String,
    case: Case,
    shipments: Vec<Shipment>,
}

fn plays() -> Vec<Play> {
    let numbered = case::all().into_iter().enumerate();
    let play = |(number, (file, case)): (usize, (String, Case))| {
        let identity = format!("{file}-{number}");
        let shipments = Shipment::all(&case, &identity);
        Play { identity, case, shipments }
    };
    numbered.map(play).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_over_every_transport_encoding_and_compression() {
    let mut plimsoll = Plimsoll::start_with(Setup::default()).await;
    let doors = Doors::of(&plimsoll);
    let plays = plays();
    assert!(plays.len() > 100, "only {} cases were read", plays.len());

    let mut failures = Vec::new();
    for play in &plays {
        failures.extend(play.send(&doors).await);
        failures.extend(play.differences(&plimsoll, "from memory").await);
        plimsoll.assert_alive();
    }
    plimsoll.stop().await;
    plimsoll.resume().await;
    for play in &plays {
        failures.extend(play.differences(&plimsoll, "from Delta").await);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_case_has_a_name_of_its_own_and_a_rule() {
    let mut names = BTreeSet::new();
    for (file, case) in case::all() {
        assert!(case.rule.len() > 3, "{file}: {:?} says no rule", case.name);
        assert!(names.insert(case.name.clone()), "{file}: {:?} is there twice", case.name);
    }
}

impl Play {
    /// The requests of a case go out together; large ones one after the other, since memory is limited on purpose.
    async fn send(&self, doors: &Doors) -> Vec<String> {
        let mut failures = Vec::new();
        let mut sending = JoinSet::new();
        for shipment in &self.shipments {
            let (doors, case, shipment) = (doors.clone(), self.case.clone(), shipment.clone());
            sending.spawn(async move {
                let answer = doors.send(&case, &shipment).await;
                let checked = answer.map_err(anyhow::Error::msg).and_then(|answer| {
                    verdict::check(&answer, shipment.transport, case.signal, &case.expect)
                });
                checked.err().map(|error| format!("{}: {error:#}", shipment.service))
            });
            if self.case.is_large() {
                failures.extend(sending.join_next().await.expect("one is under way").expect("no panic"));
            }
        }
        failures.extend(sending.join_all().await.into_iter().flatten());
        self.told(failures)
    }

    async fn differences(&self, plimsoll: &Plimsoll, whence: &str) -> Vec<String> {
        let found = stored::differences(plimsoll, &self.case, &self.shipments).await;
        self.told(found.into_iter().map(|difference| format!("{whence}: {difference}")).collect())
    }

    fn told(&self, failures: Vec<String>) -> Vec<String> {
        let Some(first) = failures.first() else { return failures };
        let more = failures.len() - 1;
        vec![format!("{} \"{}\": {first} (and {more} more)", self.identity, self.case.name)]
    }
}
