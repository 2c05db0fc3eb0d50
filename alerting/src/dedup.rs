//! Whether a group's state is worth a notification, and the name of the reason: Alertmanager's table, which people
//! know and which its own tests pin.

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What an integration was last told about a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) firing: BTreeSet<String>,
    pub(crate) resolved: BTreeSet<String>,
    pub(crate) at: Timestamp,
}

/// The group now, as fingerprints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNow<'a> {
    pub(crate) firing: &'a BTreeSet<String>,
    pub(crate) resolved: &'a BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) send_resolved: bool,
    pub(crate) repeat_interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NotifyReason {
    #[serde(rename = "first notification")]
    First,
    #[serde(rename = "new alerts added")]
    NewAlerts,
    #[serde(rename = "all alerts resolved")]
    AllResolved,
    #[serde(rename = "some alerts resolved")]
    SomeResolved,
    #[serde(rename = "repeat interval elapsed")]
    Repeat,
    // Those below have no counterpart in Alertmanager: they come from an escalation, never from `decide`.
    #[serde(rename = "escalated")]
    Escalated,
    #[serde(rename = "not acknowledged")]
    NotAcknowledged,
    #[serde(rename = "acknowledgement timed out")]
    AckTimeout,
    /// For pagers that keep incidents of their own.
    #[serde(rename = "acknowledged")]
    Acknowledged,
    #[serde(rename = "incident resolved")]
    IncidentResolved,
}

impl NotifyReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::AllResolved => "all alerts resolved",
            Self::SomeResolved => "some alerts resolved",
            Self::Repeat => "repeat interval elapsed",
            Self::Escalated => "escalated",
            Self::NotAcknowledged => "not acknowledged",
            Self::AckTimeout => "acknowledgement timed out",
            Self::Acknowledged => "acknowledged",
            Self::IncidentResolved => "incident resolved",
        }
    }
}

/// `None`: nothing new to say. "All resolved" is decided whatever `send_resolved` says, because it clears the log.
pub(crate) fn decide(
    entry: Option<&LogEntry>,
    group: GroupNow<'_>,
    policy: Policy,
    now: Timestamp,
) -> Option<NotifyReason> {
    let Some(entry) = entry else {
        return (!group.firing.is_empty()).then_some(NotifyReason::First);
    };
    if !group.firing.is_subset(&entry.firing) {
        let first = entry.firing.is_empty();
        return Some(if first { NotifyReason::First } else { NotifyReason::NewAlerts });
    }
    if group.firing.is_empty() {
        return (!entry.firing.is_empty()).then_some(NotifyReason::AllResolved);
    }
    if policy.send_resolved && !group.resolved.is_subset(&entry.resolved) {
        return Some(NotifyReason::SomeResolved);
    }
    (now.since(entry.at) >= policy.repeat_interval).then_some(NotifyReason::Repeat)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        entry: Option<(&'static str, &'static str)>,
        firing: &'static str,
        resolved: &'static str,
        send_resolved: bool,
        minutes_later: i64,
        expected: Option<NotifyReason>,
    }

    fn set(letters: &str) -> BTreeSet<String> {
        letters.chars().map(String::from).collect()
    }

    fn check(case: &Case) {
        let entry = case.entry.map(|(firing, resolved)| LogEntry {
            firing: set(firing),
            resolved: set(resolved),
            at: Timestamp::from_secs(0),
        });
        let policy = Policy { send_resolved: case.send_resolved, repeat_interval: Duration::from_secs(3600) };
        let (firing, resolved) = (set(case.firing), set(case.resolved));
        let group = GroupNow { firing: &firing, resolved: &resolved };
        let decided = decide(entry.as_ref(), group, policy, Timestamp::from_secs(case.minutes_later * 60));
        assert_eq!(
            decided, case.expected,
            "{:?} then {}/{} after {} min, send_resolved {}",
            case.entry, case.firing, case.resolved, case.minutes_later, case.send_resolved
        );
    }

    #[test]
    fn the_table_of_alertmanager_holds() {
        use NotifyReason::{AllResolved, First, NewAlerts, Repeat, SomeResolved};
        type Row = (
            Option<(&'static str, &'static str)>,
            &'static str,
            &'static str,
            bool,
            i64,
            Option<NotifyReason>,
        );
        let rows: [Row; 17] = [
            (None, "a", "", true, 1, Some(First)),
            (None, "", "a", true, 1, None),
            (None, "", "", true, 1, None),
            (Some(("a", "")), "ab", "", true, 1, Some(NewAlerts)),
            (Some(("a", "")), "b", "a", true, 1, Some(NewAlerts)),
            (Some(("", "a")), "a", "", true, 1, Some(First)),
            (Some(("a", "")), "", "a", true, 1, Some(AllResolved)),
            (Some(("a", "")), "", "a", false, 1, Some(AllResolved)),
            (Some(("a", "")), "", "", true, 1, Some(AllResolved)),
            (Some(("", "a")), "", "a", true, 90, None),
            (Some(("ab", "")), "a", "b", true, 1, Some(SomeResolved)),
            (Some(("ab", "")), "a", "b", false, 1, None),
            (Some(("a", "b")), "a", "b", true, 1, None),
            (Some(("a", "")), "a", "", true, 59, None),
            (Some(("a", "")), "a", "", true, 60, Some(Repeat)),
            (Some(("a", "")), "a", "", false, 61, Some(Repeat)),
            (Some(("ab", "")), "a", "b", false, 61, Some(Repeat)),
        ];
        for (entry, firing, resolved, send_resolved, minutes_later, expected) in rows {
            check(&Case { entry, firing, resolved, send_resolved, minutes_later, expected });
        }
    }
}
