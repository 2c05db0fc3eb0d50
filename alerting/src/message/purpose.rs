//! Why a message is sent at all, when it isn't for the news alone.

use super::words::{clean, name};
use super::{Kind, Line, Section};
use crate::notification::{Notification, Purpose};

/// What the subject begins with.
pub(super) const fn mark(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::InsteadOf { .. } => "[2nd channel] ",
        Purpose::Test => "[TEST] ",
        Purpose::Tell | Purpose::Acknowledge | Purpose::Resolve => "",
    }
}

pub(super) fn section(notification: &Notification) -> Section {
    match &notification.purpose {
        Purpose::InsteadOf { receiver, integration, why, .. } => {
            let why = clean(why);
            let text = format!(
                "You get this because {} ({}) could not be told: {why}",
                name(receiver),
                name(integration)
            );
            Section::new(Kind::Text, "Second channel", vec![Line::Text(text)])
        }
        Purpose::Test => {
            let text = "Somebody asked for this message to see whether it arrives. Nothing is wrong.";
            Section::new(Kind::Text, "This is a test", vec![Line::Text(text.to_owned())])
        }
        Purpose::Tell | Purpose::Acknowledge | Purpose::Resolve => Section::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{render, samples};

    #[test]
    fn a_second_channel_says_who_could_not_be_told_and_why() {
        let message = render(&samples::instead(), "");
        assert!(message.subject.starts_with("[2nd channel] [FIRING:1] PAGE"), "{}", message.subject);
        let part =
            "\nSECOND CHANNEL\n  You get this because on-call (pagerduty[0]) could not be told: HTTP 500\n";
        assert!(message.text.contains(part), "{}", message.text);
    }

    #[test]
    fn a_test_says_that_nothing_is_wrong() {
        let message = render(&samples::test(), "");
        assert!(message.subject.starts_with("[TEST] [FIRING:1]"), "{}", message.subject);
        assert!(message.text.contains("\nTHIS IS A TEST\n"), "{}", message.text);
    }
}
