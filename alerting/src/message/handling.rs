//! What people have made of the incident so far, and the link by which the reader takes it.

use plimsoll_model::Timestamp;

use super::words::{clean, duration, moment};
use super::{Kind, Line, Section};
use crate::notification::{Escalated, Notification};

/// Of those who were told before, this many are named.
const MAX_TOLD: usize = 10;

pub(super) fn section(notification: &Notification) -> Section {
    let handling = &notification.handling;
    let mut lines = Vec::new();
    if let Some(escalated) = &handling.escalated {
        lines.extend(escalation(escalated, notification.decided_at));
    }
    if let Some(url) = handling.ack_url.as_ref().filter(|_| notification.is_firing()) {
        lines.push(Line::Link { label: "Acknowledge".to_owned(), url: url.clone() });
    }
    let title = if handling.escalated.is_some() { "Escalated to you" } else { "Answer" };
    Section::new(Kind::Answer, title, lines)
}

fn escalation(escalated: &Escalated, now: Timestamp) -> Vec<Line> {
    let since = escalated.unanswered_since;
    let round = if escalated.round > 1 { format!(", round {}", escalated.round) } else { String::new() };
    let mut lines = vec![Line::Text(format!(
        "Step {} of {}{round}. Nobody has acknowledged since {}, for {} now.",
        escalated.step,
        escalated.steps,
        moment(since, now),
        duration(now.since(since))
    ))];
    let told = escalated.told.iter().rev().take(MAX_TOLD).rev();
    let told: Vec<String> =
        told.map(|before| format!("{} at {}", clean(&before.receiver), moment(before.at, now))).collect();
    if !told.is_empty() {
        lines.push(Line::Item { label: "Told before".to_owned(), value: told.join(", ") });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples::at;
    use super::super::{render, samples};
    use crate::notification::{Escalated, ToldBefore};

    #[test]
    fn an_escalated_message_says_so_since_when_nobody_answered_and_who_was_told_before() {
        let mut notification = samples::firing();
        let told = |receiver: &str, clock| ToldBefore { receiver: receiver.to_owned(), at: at(clock) };
        notification.handling.escalated = Some(Escalated {
            step: 3,
            steps: 3,
            round: 2,
            unanswered_since: at("10:03"),
            told: vec![told("on-call", "10:03"), told("ben", "10:13")],
        });
        notification.handling.ack_url = Some("http://127.0.0.1:8088/i/token".to_owned());
        let text = render(&notification, "http://127.0.0.1:8088").text;
        let part = "
ESCALATED TO YOU
  Step 3 of 3, round 2. Nobody has acknowledged since 10:03 UTC, for 14 min
    now.
  Told before: on-call at 10:03 UTC, ben at 10:13 UTC
  Acknowledge: http://127.0.0.1:8088/i/token
";
        assert!(text.contains(part), "{text}");
        assert!(
            !render(&samples::firing(), "").text.contains("ANSWER"),
            "no escalation, no link, no section"
        );
    }
}
