//! The runbooks of the pack: every question in them is asked of a running server that was sent one of everything, and must
//! find something.

mod everything;
mod statements;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::catalogue::Catalogue;
use crate::harness::{Plimsoll, Setup, eventually, root};

pub(crate) use everything::post;
pub(crate) use statements::{Block, blocks, texts_in};

const PACK: &str = "odoo-distribution";
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// File name and text of each.
fn runbooks() -> Vec<(String, String)> {
    texts_in(&root().join("rules/packs").join(PACK).join("runbooks"))
}

async fn with_the_pack() -> Plimsoll {
    Plimsoll::start_with(Setup::default().set("rules.packs", toml::Value::from(vec![PACK]))).await
}

/// One of everything, and two heartbeats: one that is well and one that says that it failed.
pub(crate) async fn witness_of_everything() -> Plimsoll {
    let plimsoll = with_the_pack().await;
    Catalogue::read().send(&plimsoll).await;
    for (name, outcome) in [("nightly-backup", "ok"), ("restore-test", "failed")] {
        let beat = json!({"every": "1d", "outcome": outcome, "message": "no space left"});
        let address = plimsoll.otlp_http(&format!("/v1/heartbeats/{name}"));
        let answer = plimsoll.client().post(address).json(&beat).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
    eventually("the objective is judged", SEEN_WITHIN, async || {
        (plimsoll.number("SELECT count(*) AS n FROM slos").await > 0).then_some(())
    })
    .await;
    plimsoll
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_a_runbook_finds_what_it_asks_for() {
    let plimsoll = witness_of_everything().await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (name, text) in runbooks() {
        let ours: Vec<Block> = blocks(&text).into_iter().filter(|block| block.language == "sql").collect();
        assert!(!ours.is_empty(), "{name} asks nothing");
        for Block { line, text, .. } in ours {
            asked += 1;
            let (status, answer) = plimsoll.ask(&text).await;
            if !status.is_success() || answer.as_array().is_none_or(Vec::is_empty) {
                wrong.push(format!("{name}:{line}: {status} {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 30, "{asked} questions were found");
}

#[test]
fn a_runbook_asks_for_names_that_are_in_the_vocabulary_only() {
    let vocabulary = Catalogue::read();
    let known = vocabulary.names();
    let mut wrong = BTreeSet::new();
    for (name, text) in runbooks() {
        for block in blocks(&text).iter().filter(|block| block.language == "sql") {
            let strange = block.names().filter(|asked| !known.contains(*asked));
            wrong.extend(strange.map(|asked| format!("{name}: {asked}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_runbook_says_what_it_means_what_to_do_meanwhile_and_what_not_to_do() {
    let all = runbooks();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    for (name, text) in &all {
        assert!(text.starts_with("# "), "{name} has a title");
        for part in ["**What it means.**", "**Meanwhile", "**Don't**", "**Afterwards.**"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
        // About a page, on a phone too.
        assert!(text.lines().count() <= 140, "{name} is too long for 3 a.m.");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(names.contains(&link), "{name} leads to {link}, which isn't there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_every_runbook_of_the_pack_and_every_link_in_them_leads_somewhere() {
    let plimsoll = with_the_pack().await;
    let list = page(&plimsoll, "/runbooks").await;
    for (file, text) in runbooks() {
        let name = file.trim_end_matches(".md");
        assert!(list.contains(&format!("href=\"/runbooks/{name}\"")), "{name} in {list}");
        let shown = page(&plimsoll, &format!("/runbooks/{name}")).await;
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a title");
        assert!(shown.contains(&format!("<h1>{title}</h1>")), "{title} in {shown}");
        for rest in shown.split("<a href=\"").skip(1) {
            let link = rest.split('"').next().expect("a closed attribute");
            let link = if link.starts_with('/') { link.to_owned() } else { format!("/runbooks/{link}") };
            page(&plimsoll, &link).await;
        }
    }
}

async fn page(plimsoll: &Plimsoll, path: &str) -> String {
    let answer = plimsoll.client().get(plimsoll.console(path)).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().await.expect("text")
}
