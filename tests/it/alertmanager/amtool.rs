//! amtool, Debian's, as a client of ours: the same commands to the real Alertmanager and to us, and what it prints.

use std::path::Path;

use super::peer::Peer;
use crate::harness::{Plimsoll, Setup, output, tool};

const ROUTING: &str = "\
route:
  receiver: everybody
  group_by: [alertname]
  group_wait: 1h
  routes:
    - matchers: ['team=\"sales\"']
      receiver: sales
      continue: true
    - matchers: ['team=~\"sales|stock\"']
      receiver: warehouse
      routes:
        - matchers: ['severity=\"page\"']
          receiver: pager
inhibit_rules:
  - source_matchers: ['severity=\"page\"']
    target_matchers: ['severity=\"ticket\"']
    equal: [alertname]
receivers:
  - name: everybody
  - name: sales
    webhook_configs:
      - url: http://127.0.0.1:9/hook/s3cret
  - name: warehouse
  - name: pager
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
        url: http://127.0.0.1:9/v2/enqueue
";

/// One of the two, with the ids of the silences that it made, oldest first.
struct Server<'f> {
    url: String,
    folder: &'f Path,
    ids: Vec<String>,
}

impl Server<'_> {
    /// Exit status and everything printed; what each server makes up is masked. `ID` in the command is the newest id.
    async fn run(&mut self, command: &str) -> (Option<i32>, String) {
        let mut amtool = tool("amtool");
        amtool
            .current_dir(self.folder)
            .arg(format!("--alertmanager.url={}", self.url))
            .args(["--date.format=WHEN", "--no-version-check"]);
        let newest = self.ids.last().cloned().unwrap_or_default();
        for word in words(command) {
            amtool.arg(if word == "ID" { &newest } else { &word });
        }
        let output = output(amtool).await;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        let id = said.trim();
        if id.len() == 36 && !id.contains(' ') && !self.ids.iter().any(|known| known == id) {
            self.ids.push(id.to_owned());
        }
        said += &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), self.masked(said))
    }

    fn masked(&self, mut text: String) -> String {
        for (index, id) in self.ids.iter().enumerate() {
            text = text.replace(id, &format!("<silence-{index}-of-36-characters-..........>"));
        }
        text.replace(&self.url, "<url>")
    }
}

/// Between spaces, or between apostrophes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
    }
    words
}

const ALERTS: [&str; 4] = [
    "alert add Locks severity=page team=sales --annotation=summary=late --start=2026-01-02T03:04:05Z \
     --generator-url=http://rules.example/1",
    "alert add Locks severity=ticket team=sales --start=2026-01-02T03:04:06+01:00",
    "alert add alertname=Disk team=stock --start=2026-01-02T03:04:07Z --end=2099-01-01T00:00:00Z",
    "alert add Over team=stock --start=2026-01-02T03:04:07Z --end=2026-01-03T00:00:00Z",
];

const QUESTIONS: [&str; 24] = [
    "alert query",
    "alert",
    "alert query -o extended",
    "alert query --active",
    "alert query --inhibited",
    "alert query --silenced",
    "alert query --unprocessed",
    "alert query --active --inhibited --silenced --unprocessed",
    "alert query --receiver=sales",
    "alert query --receiver=ware.* --inhibited --active",
    "alert query --receiver=pager",
    "alert query --receiver=nobody",
    "alert query Locks",
    "alert query team=~st.*",
    "alert query 'team!=stock' severity=page",
    "alert query --silenced alertname=Disk",
    "silence query",
    "silence",
    "silence query -q",
    "silence query -o extended",
    "silence query alertname=Disk",
    "silence query alertname=Di",
    "silence query --within 90m",
    "silence query --created-by anna",
];

const ROUTES: [&str; 7] = [
    "config routes show",
    "config routes",
    "config routes test team=sales severity=page",
    "config routes test --tree team=sales",
    "config routes test team=office",
    "config routes test --verify.receivers=sales,warehouse team=sales",
    "config routes test --verify.receivers=everybody team=sales",
];

#[tokio::test(flavor = "multi_thread")]
async fn amtool_prints_of_us_what_it_prints_of_alertmanager() {
    let folder = tempfile::tempdir().expect("a folder");
    let peer = Peer::start(ROUTING).await;
    let plimsoll = Plimsoll::start_with(Setup::default().file("alertmanager.yml", ROUTING)).await;
    let mut theirs = Server { url: peer.url(""), folder: folder.path(), ids: Vec::new() };
    let mut ours = Server { url: plimsoll.console(""), folder: folder.path(), ids: Vec::new() };

    let silences = [
        "silence add alertname=Disk -a anna -c serviced -d 1h",
        "silence add 'team=~sa.*' 'alertname!=Other' -a ben -c sales -d 2h --start=2098-01-01T00:00:00Z",
        "silence update ID -d 3h -c longer --start=2098-01-01T00:00:00Z",
    ];
    let ends = [
        "silence expire ID",
        "silence query",
        "silence query --expired",
        "silence query --expired --within 1h",
        "silence expire ID",
    ];
    let oddities = [
        "silence add alertname=Disk -a anna -c 'an end and a duration' -d 1h --end=2026-01-01T00:00:00Z",
        "silence add 'a=~(' -a anna -c broken",
        "silence update 6a2b1b10-0000-4000-8000-000000000000 -d 1h",
        "alert add '=x'",
    ];
    let commands =
        ALERTS.iter().chain(&QUESTIONS).chain(&silences).chain(&QUESTIONS).chain(&ends).chain(&ROUTES);
    for command in commands.chain(&oddities).chain(&["cluster show", "-o json cluster show"]) {
        let (status, said) = ours.run(command).await;
        let (their_status, their_words) = theirs.run(command).await;
        assert_eq!(
            (status, &said),
            (their_status, &their_words),
            "amtool {command}\n{said}\nagainst\n{their_words}"
        );
    }
    assert_eq!((ours.ids.len(), theirs.ids.len()), (3, 3), "what is masked are ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_moves_silences_and_shows_the_file_without_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let plimsoll = Plimsoll::start_with(Setup::default().file("alertmanager.yml", ROUTING)).await;
    let mut ours = Server { url: plimsoll.console(""), folder: folder.path(), ids: Vec::new() };

    ours.run("silence add alertname=Disk -a anna -c serviced -d 1h").await;
    let (_, exported) = ours.run("silence query -o json").await;
    let exported = exported.replace("<silence-0-of-36-characters-..........>", &ours.ids[0]);
    std::fs::write(folder.path().join("silences.json"), exported).expect("writable");
    for (command, count) in [("silence import silences.json", 1), ("silence import --force silences.json", 2)]
    {
        let (status, said) = ours.run(command).await;
        assert_eq!(status, Some(0), "{command}: {said}");
        assert!(!said.contains("Error"), "{command}: {said}");
        let (_, listed) = ours.run("silence query -q").await;
        assert_eq!(listed.lines().count(), count, "after {command}: {listed}");
    }

    let (status, shown) = ours.run("config show").await;
    assert_eq!(status, Some(0), "{shown}");
    for part in ["receiver: warehouse", "team=~\"sales|stock\"", "http://127.0.0.1:9/<secret>"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    for secret in ["s3cret", "0123456789abcdef"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    std::fs::write(folder.path().join("shown.yml"), &shown).expect("writable");
    let (status, said) = ours.run("check-config shown.yml").await;
    assert_eq!(status, Some(0), "what is shown is a file that amtool reads: {said}");
    // The real one answers 500 here, as newer ones no longer do.
    let (status, said) = ours.run("silence expire 6a2b1b10-0000-4000-8000-000000000000").await;
    assert!(status == Some(1) && said.contains("404"), "{said}");
}
