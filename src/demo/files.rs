//! The demo's configuration: the shipped examples, word for word, with the demo's own addresses filled in.

use std::net::SocketAddr;

use super::mailbox::Mailbox;
use crate::app::Addresses;

const PLIMSOLL: &str = include_str!("../../examples/plimsoll.toml");
const OBJECTIVE: &str = include_str!("../../examples/slos/order-posting.yaml");
const RULE: &str = include_str!("../../examples/rules/orders-late-on-locks.yaml");
const ROUTING: &str = include_str!("../../examples/alertmanager.yml");

/// What the shipped routing asks of its mail server, which the demo's has no need of.
const MAIL_LOGIN: &str =
    "  smtp_auth_username: \"plimsoll\"\n  smtp_auth_password_file: \"secrets/smtp-password\"\n";

/// A placeholder of the right length: the demo's pager takes any.
const PAGER_KEY: &str = include_str!("../../examples/secrets/pagerduty-sales");

/// Path and contents of each file that the demo's process is started with. `listen` says where it is to listen.
#[must_use]
pub fn files(listen: &Addresses, mailbox: &Mailbox) -> Vec<(&'static str, String)> {
    vec![
        ("plimsoll.toml", plimsoll(listen)),
        ("alertmanager.yml", routing(mailbox.smtp, mailbox.http)),
        ("slos/order-posting.yaml", OBJECTIVE.to_owned()),
        ("rules/orders-late-on-locks.yaml", RULE.to_owned()),
        ("secrets/pagerduty-sales", PAGER_KEY.to_owned()),
        ("secrets/pagerduty-warehouse", PAGER_KEY.to_owned()),
    ]
}

/// Intervals count on the demo's clock, which runs 20 times faster: what is one second in earnest may be five here.
fn plimsoll(listen: &Addresses) -> String {
    let quoted = |address: SocketAddr| format!("= \"{address}\"");
    fill(
        PLIMSOLL,
        &[
            ("= \"127.0.0.1:4317\"", &quoted(listen.grpc)),
            ("= \"127.0.0.1:4318\"", &quoted(listen.http)),
            ("= \"127.0.0.1:5433\"", &quoted(listen.postgres)),
            ("= \"127.0.0.1:8088\"", &quoted(listen.console)),
            ("\"http://127.0.0.1:8088\"", &format!("\"http://{}\"", listen.console)),
            ("flush_age = \"60s\"", "flush_age = \"5m\""),
            ("timeout = \"30s\"", "timeout = \"10m\""),
            ("interval = \"1s\"", "interval = \"5s\""),
        ],
    )
}

fn routing(smtp: SocketAddr, http: SocketAddr) -> String {
    fill(
        ROUTING,
        &[
            ("smtp.example.com:587", &smtp.to_string()),
            (MAIL_LOGIN, ""),
            ("smtp_require_tls: true", "smtp_require_tls: false"),
            ("https://events.pagerduty.com", &format!("http://{http}")),
            ("https://tickets.example.com", &format!("http://{http}")),
        ],
    )
}

fn fill(example: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(example.to_owned(), |text, (shipped, ours)| {
        assert!(text.contains(shipped), "the shipped example no longer says {shipped}");
        text.replace(shipped, ours)
    })
}
