//! The recipes: what one copies reads, its pipelines lead to us, its scripts tell what they should, and its questions find
//! what the tables beside them name.

mod pipelines;
mod tables;

use std::fs;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Plimsoll, finish, output, root, tool};
use crate::pack::runbooks::{Block, blocks, texts_in, witness_of_everything};

/// File name and text of each.
pub(crate) fn recipes() -> Vec<(String, String)> {
    texts_in(&root().join("docs/recipes"))
}

pub(crate) fn recipe(name: &str) -> String {
    recipes().into_iter().find(|(found, _)| found == name).expect("the recipe is there").1
}

pub(crate) fn of_language(text: &str, language: &str) -> Vec<Block> {
    blocks(text).into_iter().filter(|block| block.language == language).collect()
}

/// Every document of every YAML block, with where it stands.
fn documents(text: &str) -> Vec<(usize, Value)> {
    let mut found = Vec::new();
    for block in of_language(text, "yaml") {
        for document in block.text.split("\n---\n") {
            let value = serde_saphyr::from_str(document);
            found.push((block.line, value.unwrap_or_else(|error| panic!("line {}: {error}", block.line))));
        }
    }
    found
}

#[test]
fn every_configuration_reads_and_every_pipeline_leads_to_us() {
    let (mut pipelines, mut wrong) = (0, Vec::new());
    for (name, text) in recipes() {
        for (line, document) in documents(&text) {
            let Some(found) = pipelines::check(&document) else { continue };
            pipelines += 1;
            wrong.extend(found.into_iter().map(|trouble| format!("{name}:{line}: {trouble}")));
        }
        for block in of_language(&text, "json heartbeat") {
            serde_json::from_str::<Value>(&block.text).expect("JSON");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(pipelines >= 6, "{pipelines} configurations of a Collector were found");
}

#[test]
fn a_pipeline_that_leads_nowhere_is_found() {
    let good = json!({
        "receivers": {"filelog": {}}, "processors": {"batch": {}}, "exporters": {"otlphttp": {"endpoint": "http://x:4318"}},
        "extensions": {"file_storage": {}},
        "service": {"extensions": ["file_storage"], "pipelines": {
            "logs": {"receivers": ["filelog"], "processors": ["batch"], "exporters": ["otlphttp"]}}},
    });
    assert_eq!(pipelines::check(&good), Some(Vec::new()));
    let spoilt = [
        ("/exporters/otlphttp/endpoint", json!("http://x:4317")),
        ("/service/pipelines/logs/receivers/0", json!("filelogs")),
        ("/service/pipelines/logs/processors", json!([])),
        ("/service/pipelines/logs/exporters", json!([])),
        ("/service/extensions", json!([])),
        ("/receivers/filelog", json!({"storage": "db_storage"})),
    ];
    for (place, value) in spoilt {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("it is there") = value;
        assert_ne!(pipelines::check(&bad), Some(Vec::new()), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_a_recipe_finds_what_its_tables_name() {
    let plimsoll = witness_of_everything().await;
    let (mut wrong, mut asked, mut named) = (Vec::new(), 0, 0);
    // Traefik's own answers are asked for in `traefik.rs`.
    for (name, text) in recipes().into_iter().filter(|(name, _)| name != "traefik.md") {
        named += tables::send(&plimsoll, &text).await;
        for block in of_language(&text, "json heartbeat") {
            let beat: Value = serde_json::from_str(&block.text).expect("JSON");
            let address = plimsoll.otlp_http("/v1/heartbeats/recipe");
            let answer = plimsoll.client().post(address).json(&beat).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{name}:{}", block.line);
        }
        for Block { line, text, .. } in of_language(&text, "sql") {
            asked += 1;
            let (status, answer) = plimsoll.ask(&text).await;
            if !status.is_success() || answer.as_array().is_none_or(Vec::is_empty) {
                wrong.push(format!("{name}:{line}: {status} {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked >= 25 && named >= 25, "{asked} questions, {named} names");
}

/// A script of a recipe, run as a shell runs it.
async fn run(script: &str, arguments: &[&str], environment: &[(&str, &str)], plimsoll: &Plimsoll) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("script");
    fs::write(&path, script).expect("writable");
    let mut shell = tool("sh");
    shell
        .arg(&path)
        .args(arguments)
        .env("PLIMSOLL", plimsoll.otlp_http(""))
        .envs(environment.iter().copied());
    output(shell).await.status.success()
}

fn script(page: &str, language: &str) -> String {
    of_language(&recipe(page), language).pop().expect("the script is there").text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_tell_what_they_should_and_end_as_they_should() {
    let plimsoll = Plimsoll::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_string_lossy().into_owned();
    let change = script("changes.md", "sh plimsoll-change");
    let environment = [
        ("TMPDIR", folder.as_str()),
        ("CHANGE_ID", "gitlab-812"),
        ("CHANGE_ENTITY", "odoo"),
        ("CHANGE_VERSION", "18.0.4"),
        ("CHANGE_SUMMARY", "pick list by \"zone\",\nthe \\ way"),
        ("CHANGE_AUTHOR", "ci"),
    ];
    assert!(run(&change, &[], &environment, &plimsoll).await);
    assert!(run(&change, &["failed"], &environment, &plimsoll).await);
    let told = plimsoll
        .sql("SELECT change_id, kind, entity, version, author, summary, outcome, ended >= started AS is_over FROM changes")
        .await;
    let expected = json!([{"change_id": "gitlab-812", "kind": "deployment", "entity": "odoo", "version": "18.0.4", "author": "ci",
                           "summary": "pick list by \"zone\",the \\ way", "outcome": "failed", "is_over": true}]);
    assert_eq!(Value::from(told), expected);

    let heartbeat = script("backups.md", "sh plimsoll-heartbeat");
    let environment = [("HEARTBEAT_SIZE_OF", folder.as_str())];
    assert!(run(&heartbeat, &["dump", "1d", "true"], &environment, &plimsoll).await);
    assert!(!run(&heartbeat, &["restore", "31d", "sh", "-c", "exit 3"], &[], &plimsoll).await);
    let told = plimsoll
        .sql(
            "SELECT attributes['heartbeat.name'] AS name, outcome, body, attributes['heartbeat.every'] AS every,
                attributes['backup.size'] IS NOT NULL AS has_size
             FROM business_events WHERE event_name = 'heartbeat.received' ORDER BY name",
        )
        .await;
    let expected = json!([
        {"name": "dump", "outcome": "ok", "body": "ended with 0", "every": "86400.0", "has_size": true},
        {"name": "restore", "outcome": "failed", "body": "ended with 3", "every": "2678400.0", "has_size": false},
    ]);
    assert_eq!(Value::from(told), expected);

    // Nobody listens: the deployment goes on all the same, and so does the backup.
    let nobody = [("PLIMSOLL", "http://127.0.0.1:1"), ("CHANGE_ID", "x"), ("TMPDIR", folder.as_str())];
    assert!(run(&change, &["ok"], &nobody, &plimsoll).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_cd_would_send_is_taken() {
    let plimsoll = Plimsoll::start().await;
    let mut bodies = 0;
    for (_, document) in documents(&recipe("changes.md")) {
        let Some(data) = document.get("data").and_then(Value::as_object) else { continue };
        for template in data.iter().filter(|(key, _)| key.starts_with("template.")).map(|(_, text)| text) {
            let template: Value = serde_saphyr::from_str(template.as_str().expect("text")).expect("YAML");
            let hook = &template["webhook"]["plimsoll"];
            assert_eq!((hook["method"].as_str(), hook["path"].as_str()), (Some("POST"), Some("/v1/changes")));
            let body = filled(hook["body"].as_str().expect("a body"));
            let answer =
                plimsoll.client().post(plimsoll.otlp_http("/v1/changes")).body(body.clone()).send().await;
            assert_eq!(answer.expect("an answer").status(), StatusCode::OK, "{body}");
            bodies += 1;
        }
    }
    assert_eq!(bodies, 4);
    let kinds = plimsoll.sql("SELECT kind, count(*) AS n FROM changes GROUP BY kind ORDER BY kind").await;
    assert_eq!(Value::from(kinds), json!([{"kind": "deployment", "n": 1}, {"kind": "drift", "n": 1}]));
}

/// A Go template with its variables filled in.
fn filled(template: &str) -> String {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once("}}").expect("a closed variable");
        text.push_str(if variable.ends_with("edAt") { "2026-11-21T09:00:00Z" } else { "odoo" });
        text.push_str(rest);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_are_what_a_shell_reads() {
    for (name, text) in recipes() {
        for block in blocks(&text).into_iter().filter(|block| block.language.starts_with("sh")) {
            let file = tempfile::NamedTempFile::new().expect("a file");
            fs::write(file.path(), &block.text).expect("writable");
            let mut shell = tool("sh");
            shell.arg("-n").arg(file.path());
            assert_eq!(finish(shell).await, "", "{name}:{}", block.line);
        }
    }
}
