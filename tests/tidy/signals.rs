//! `docs/signals.md` is made of `docs/signals.yaml`, and both say what they promise.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signals {
    attributes: Vec<Attribute>,
    events: Vec<Event>,
    metrics: Vec<Metric>,
    logs: Vec<Log>,
    spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    unit: Option<String>,
    column: Option<String>,
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
    brief: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    name: String,
    area: String,
    from: Vec<String>,
    id: String,
    when: String,
    also: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    unit: String,
    from: Vec<String>,
    by: Vec<String>,
    brief: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    name: String,
    from: Vec<String>,
    when: String,
    also: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    name: String,
    from: Vec<String>,
    kind: String,
    when: String,
    also: Vec<String>,
}

const TYPES: [&str; 4] = ["string", "int", "double", "boolean"];
const SENDERS: [&str; 7] = ["module", "reader", "logs", "api", "postgres", "redis", "scrape"];

fn violations(signals: &Signals) -> Vec<String> {
    let mut found = Vec::new();
    let known: BTreeSet<&str> = signals.attributes.iter().map(|attribute| &*attribute.name).collect();
    let attributes = signals.attributes.iter().map(|attribute| &attribute.name);
    let events = signals.events.iter().map(|event| &event.name);
    let metrics = signals.metrics.iter().map(|metric| &metric.name);
    found.extend(twice(attributes).into_iter().chain(twice(events)).chain(twice(metrics)));
    for attribute in &signals.attributes {
        if !TYPES.contains(&&*attribute.kind) {
            found.push(format!("{}: \"{}\" is no type of OpenTelemetry's", attribute.name, attribute.kind));
        }
    }
    for event in &signals.events {
        let unknown = event.also.iter().filter(|name| !known.contains(&***name));
        found.extend(unknown.map(|name| format!("{}: {name} is not among the attributes", event.name)));
    }
    let senders = signals.events.iter().map(|event| (&event.name, &event.from));
    let senders = senders.chain(signals.metrics.iter().map(|metric| (&metric.name, &metric.from)));
    let own = signals.attributes.iter().filter(|attribute| !attribute.from.is_empty());
    let senders = senders.chain(own.map(|attribute| (&attribute.name, &attribute.from)));
    for (name, from) in senders {
        if from.is_empty() || from.iter().any(|sender| !SENDERS.contains(&&**sender)) {
            found.push(format!("{name}: nobody we know sends it: {from:?}"));
        }
    }
    found
}

fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(|name| format!("{name} is there twice")).collect()
}

fn page(signals: &Signals) -> String {
    let mut page = "# Signals\n\nMade of `signals.yaml` by `make docs`; change that file.\n".to_owned();
    page += "\n## Business events\n\nEvery one of Odoo's has `event.id`, `business.outcome`, `business.workload`, `odoo.db`, `odoo.model` and \
             `business.company`\nas far as they are known. A failed attempt keeps the name, with outcome `failed` and `error.type`.\n";
    page += "\n| event | sent when | by | also carries | `event.id` |\n| --- | --- | --- | --- | --- |\n";
    let mut area = "";
    for event in &signals.events {
        if event.area != area {
            area = &event.area;
            line(&mut page, &format!("| **{area}** | | | | |"));
        }
        let Event { name, from, id, when, also, .. } = event;
        line(&mut page, &format!("| `{name}` | {when} | {} | {} | `{id}` |", from.join(", "), code(also)));
    }
    page += "\n## Attributes\n\n| attribute | type | unit | column of `business_events` | meaning |\n| --- | --- | --- | --- | --- |\n";
    for Attribute { name, kind, unit, column, from, values, brief } in &signals.attributes {
        let only = if from.is_empty() { String::new() } else { format!(" (only from {})", from.join(", ")) };
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        let column = column.as_ref().map(|column| format!("`{column}`")).unwrap_or_default();
        let unit = unit.as_deref().unwrap_or_default();
        line(&mut page, &format!("| `{name}` | {kind} | {unit} | {column} | {brief}{only}{values} |"));
    }
    page += "\n## Metrics\n\nA level that can't be read is not sent: absent is not zero.\n";
    page += "\n| metric | kind | unit | by | from | meaning |\n| --- | --- | --- | --- | --- | --- |\n";
    for Metric { name, kind, unit, from, by, brief } in &signals.metrics {
        line(
            &mut page,
            &format!("| `{name}` | {kind} | {unit} | {} | {} | {brief} |", code(by), from.join(", ")),
        );
    }
    page += "\n## Log records\n\nNames that begin with `db.server.` or `redis.` are rows of `logs` alone; every other event name makes a business event.\n\n| event name | sent when | by | carries |\n| --- | --- | --- | --- |\n";
    for Log { name, from, when, also } in &signals.logs {
        line(&mut page, &format!("| `{name}` | {when} | {} | {} |", from.join(", "), code(also)));
    }
    page += "\n## Spans\n\n| span | kind | what | by | carries |\n| --- | --- | --- | --- | --- |\n";
    for Span { name, from, kind, when, also } in &signals.spans {
        line(&mut page, &format!("| `{name}` | {kind} | {when} | {} | {} |", from.join(", "), code(also)));
    }
    page
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes all");
}

fn code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn read() -> Signals {
    let text = std::fs::read_to_string(docs("signals.yaml")).expect("it is part of the tree");
    serde_saphyr::from_str(&text).expect("docs/signals.yaml follows its form")
}

fn docs(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

#[test]
fn the_vocabulary_names_everything_once_and_nothing_unknown() {
    let signals = read();
    assert!(signals.events.len() > 30 && signals.metrics.len() > 30, "the catalogue was read");
    super::assert_none("docs/signals.yaml", &violations(&signals));
}

#[test]
fn the_page_is_made_of_the_catalogue() {
    let page = page(&read());
    let file = docs("signals.md");
    // Set by `make docs`; a check never writes.
    if std::env::var_os("PLIMSOLL_WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("the tree can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/signals.md is not what docs/signals.yaml says: run make docs");
}

/// Of the pack, what asks for signals; runbooks also speak of Odoo's models.
fn asked() -> Vec<super::tree::File> {
    let asks = |path: &str| path.ends_with(".yaml") || path.ends_with(".sql");
    super::tree::read(|path| path.starts_with("rules/packs/") && asks(path))
}

/// Dotted names in quotes, as SQL writes them.
fn quoted_names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        let mut parts = text.split('.');
        text.contains('.')
            && parts.all(|part| {
                part.starts_with(|first: char| first.is_ascii_lowercase())
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            })
    };
    // An apostrophe in a sentence shifts what is inside and outside; a name is one on either side.
    text.split('\'').filter(is_name)
}

fn asked_in_vain<'a>(signals: &Signals, text: &'a str) -> Vec<&'a str> {
    let names = signals.attributes.iter().map(|attribute| &attribute.name);
    let names = names.chain(signals.events.iter().flat_map(|event| event.also.iter().chain([&event.name])));
    let names = names.chain(signals.metrics.iter().flat_map(|metric| metric.by.iter().chain([&metric.name])));
    let names = names.chain(signals.logs.iter().flat_map(|log| log.also.iter().chain([&log.name])));
    let known: BTreeSet<&str> =
        names.chain(signals.spans.iter().flat_map(|span| &span.also)).map(|it| &**it).collect();
    quoted_names(text).filter(|name| !known.contains(name)).collect()
}

#[test]
fn the_pack_asks_for_nothing_that_nobody_sends() {
    let (signals, files) = (read(), asked());
    assert!(
        files.iter().map(|file| quoted_names(&file.text).count()).sum::<usize>() > 100,
        "the pack was read"
    );
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            asked_in_vain(&signals, &file.text).into_iter().map(move |name| format!("{}: {name}", file.path))
        })
        .collect();
    super::assert_none("names that are not in docs/signals.yaml", &violations);
}

#[test]
fn a_name_that_nobody_sends_is_found() {
    let text = "WHERE event_name = 'odoo.sale.order.lost' AND x = 'not a name' AND y IN ('odoo.sale.order.confirmed')";
    assert_eq!(asked_in_vain(&read(), text), ["odoo.sale.order.lost"]);
}

#[test]
fn a_bad_catalogue_is_found() {
    let attribute = Attribute {
        name: "a".into(),
        kind: "text".into(),
        unit: None,
        column: None,
        from: Vec::new(),
        values: Vec::new(),
        brief: String::new(),
    };
    let event = |from: &[&str]| Event {
        name: "e".into(),
        area: String::new(),
        from: from.iter().map(|&from| from.to_owned()).collect(),
        id: String::new(),
        when: String::new(),
        also: vec!["b".into()],
    };
    let events = vec![event(&["module"]), event(&[])];
    let signals = Signals {
        attributes: vec![attribute],
        events,
        metrics: Vec::new(),
        logs: Vec::new(),
        spans: Vec::new(),
    };
    let found = violations(&signals);
    assert_eq!(found.len(), 5, "{found:?}");
}
