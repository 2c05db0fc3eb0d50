//! How loud a message is, in a word and a colour.

use crate::notification::{Notification, Purpose};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Page,
    Ticket,
    Blind,
    Resolved,
    Test,
}

impl Tone {
    pub(super) fn of(notification: &Notification) -> Self {
        if notification.purpose == Purpose::Test {
            return Self::Test;
        }
        let Some(lead) = notification.alerts.first().filter(|alert| alert.is_firing()) else {
            return Self::Resolved;
        };
        match lead.labels.get("severity") {
            _ if lead.is_blindness() => Self::Blind,
            "page" | "critical" => Self::Page,
            _ => Self::Ticket,
        }
    }

    /// Of the band above the sentence: with white on it, readable for weak eyes.
    pub(super) const fn color(self) -> &'static str {
        match self {
            Self::Page => "#b42318",
            Self::Ticket => "#8a5300",
            Self::Blind | Self::Test => "#475467",
            Self::Resolved => "#1e6b3a",
        }
    }
}
