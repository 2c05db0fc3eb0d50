//! Routing beside the real amtool: the same trees, the same labels, and every line of what it prints.

use std::path::Path;
use std::process::Command;

use plimsoll_model::Labels;
use proptest::prelude::*;

use crate::config::{Config, Routing};

/// A route as a file spells it.
#[derive(Clone, Debug)]
struct Node {
    receiver: Option<u8>,
    matchers: Vec<&'static str>,
    deprecated: Option<&'static str>,
    continues: bool,
    below: Vec<Self>,
}

const MATCHERS: [&str; 12] = [
    "a=1",
    "a=2",
    "b!=1",
    "b=~\"1|2\"",
    "a!~\"2.*\"",
    "c=\"\"",
    "{a=\"1\", b=\"2\"}",
    "c=~\".+\"",
    "b=2,c!=x",
    "d = \"sp ace\"",
    "a=~\"\"",
    "e=\"quo\\\"te\"",
];
const DEPRECATED: [&str; 3] = ["match: {a: '1'}", "match_re: {b: '1|3'}", "match: {b: '2', c: x}"];

impl Node {
    fn write(&self, indent: usize, yaml: &mut String) {
        let pad = " ".repeat(indent);
        yaml.push_str(&format!("{pad}- continue: {}\n", self.continues));
        if let Some(number) = self.receiver {
            yaml.push_str(&format!("{pad}  receiver: r{number}\n"));
        }
        if !self.matchers.is_empty() {
            let quoted: Vec<String> = self.matchers.iter().map(|text| format!("'{text}'")).collect();
            yaml.push_str(&format!("{pad}  matchers: [{}]\n", quoted.join(", ")));
        }
        if let Some(deprecated) = self.deprecated {
            yaml.push_str(&format!("{pad}  {deprecated}\n"));
        }
        if !self.below.is_empty() {
            yaml.push_str(&format!("{pad}  routes:\n"));
            self.below.iter().for_each(|node| node.write(indent + 2, yaml));
        }
    }
}

fn any_node() -> impl Strategy<Value = Node> {
    let own = || {
        (
            prop::option::of(0_u8..4),
            prop::collection::vec(prop::sample::select(MATCHERS.to_vec()), 0..3),
            prop::option::weighted(0.2, prop::sample::select(DEPRECATED.to_vec())),
            any::<bool>(),
        )
    };
    let node = |((receiver, matchers, deprecated, continues), below)| Node {
        receiver,
        matchers,
        deprecated,
        continues,
        below,
    };
    own()
        .prop_map(move |own| node((own, Vec::new())))
        .prop_recursive(3, 16, 4, move |inner| (own(), prop::collection::vec(inner, 0..4)).prop_map(node))
}

fn file_of(nodes: &[Node]) -> String {
    let mut yaml = "route:\n  receiver: r0\n  routes:\n".to_owned();
    nodes.iter().for_each(|node| node.write(2, &mut yaml));
    yaml + "receivers: [{name: r0}, {name: r1}, {name: r2}, {name: r3}]\n"
}

fn amtool(file: &Path, arguments: &[&str]) -> String {
    let output = Command::new("amtool")
        .args(["config", "routes"])
        .arg(arguments[0])
        .arg(format!("--config.file={}", file.display()))
        .args(&arguments[1..])
        .output()
        .expect("amtool runs: `make test` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

fn load(file: &Path) -> Routing {
    let (routing, findings) = Routing::load(&Config { file: file.to_owned(), ..Config::default() });
    routing.unwrap_or_else(|| panic!("{findings:#?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_tree_and_way_is_drawn_as_amtool_draws_it(
        nodes in prop::collection::vec(any_node(), 1..4),
        values in prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "d"]), prop::sample::select(vec!["1", "2", "3", "x"])), 0..4),
    ) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, file_of(&nodes)).expect("written");
        let routing = load(&file);
        prop_assert_eq!(amtool(&file, &["show"]), format!("Routing tree:\n{}\n", routing.show()));
        let labels: Labels = values.iter().copied().collect();
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut arguments = vec!["test", "--tree"];
        arguments.extend(pairs.iter().map(String::as_str));
        let receivers = routing.receivers_of(&labels).join(",");
        let ours = format!("Matching routes:\n{}\n\n{receivers}\n", routing.show_way_of(&labels));
        prop_assert_eq!(amtool(&file, &arguments), ours);
    }
}

#[test]
fn labels_are_read_as_amtool_reads_them() {
    let read = |texts: &[&str]| crate::labels_of(texts).map(|labels| labels.to_string());
    assert_eq!(read(&["a=b", "c=\"d e\""]), Ok(r#"{a="b", c="d e"}"#.to_owned()));
    assert!(
        read(&["a!=b"])
            .is_err_and(|error| error.to_string() == "labels must be specified as key=value pairs")
    );
    assert!(read(&["a"]).is_err());
}
