//! The rule writer's manual: every file and every statement in it is loaded and evaluated.

use std::path::Path;

use super::fixture::House;

/// Fenced blocks of a language, each with its line.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let (mut blocks, mut open): (Vec<(usize, String)>, bool) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            open = !open && line == format!("```{language}");
            if open {
                blocks.push((number + 1, String::new()));
            }
        } else if let Some((_, block)) = blocks.last_mut().filter(|_| open) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

fn is_rule_file(block: &str) -> bool {
    ["slo:", "apiVersion:", "groups:"].iter().any(|key| block.lines().any(|line| line.starts_with(key)))
}

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn every_file_of_the_manual_loads_and_is_evaluated() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let files: Vec<_> =
        blocks(&manual(), "yaml").into_iter().filter(|(_, text)| is_rule_file(text)).collect();
    assert!(files.len() >= 6, "{}", files.len());
    for (line, text) in files {
        // What other files bring is not there.
        if text.contains("by: cut_off") || text.contains("calendar") {
            continue;
        }
        let mut evaluator = house.evaluator(house.write(&[("manual.yaml", &text)])).await;
        house.tick(&mut evaluator).await;
        let errors: Vec<_> = house.decisions().into_iter().filter(|it| it.outcome == "error").collect();
        assert!(errors.is_empty(), "line {line}: {errors:#?}");
    }
}

#[tokio::test]
async fn every_statement_of_the_manual_is_answered() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let statements = blocks(&manual(), "sql");
    assert!(statements.len() >= 4, "{}", statements.len());
    for (line, sql) in statements {
        let answer = house.engine.sql(&sql, &[]).await;
        answer.unwrap_or_else(|error| panic!("line {line}: {error}"));
    }
}
