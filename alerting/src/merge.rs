//! One label set is one alert: what a new statement does to the stored one, as Alertmanager merges them.

use std::time::Duration;

use plimsoll_model::{Alert, Timestamp};

/// An alert as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredAlert {
    pub(crate) fingerprint: String,
    pub(crate) alert: Alert,
    /// When it ended or, while it fires, when it will have unless it is restated.
    pub(crate) ends_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) is_resolved: bool,
    pub(crate) inhibited_by: Option<String>,
    /// Ids of silences, sorted.
    pub(crate) silenced_by: Vec<String>,
    pub(crate) incident_id: Option<String>,
    /// Nobody said when it ends: `ends_at` is our own guess, and gives way to whatever somebody says.
    pub(crate) ends_by_timeout: bool,
}

impl StoredAlert {
    pub(crate) fn is_suppressed(&self) -> bool {
        self.inhibited_by.is_some() || !self.silenced_by.is_empty()
    }
}

/// `None` when the statement changes nothing: a resolve of what was never stated, or of what is resolved already.
pub(crate) fn merge(
    stored: Option<&StoredAlert>,
    stated: Alert,
    now: Timestamp,
    resolve_timeout: Duration,
) -> Option<StoredAlert> {
    let ends_at = stated.ends_at.unwrap_or(now + resolve_timeout);
    let is_resolved = ends_at <= now;
    if is_resolved && stored.is_none_or(|stored| stored.is_resolved) {
        return None;
    }
    let mut kept = StoredAlert {
        fingerprint: stated.fingerprint().to_string(),
        ends_at,
        updated_at: now,
        is_resolved,
        inhibited_by: None,
        silenced_by: Vec::new(),
        incident_id: None,
        ends_by_timeout: stated.ends_at.is_none(),
        alert: Alert { ends_at: None, ..stated },
    };
    let Some(stored) = stored else {
        return Some(kept);
    };
    let lies_within = |moment| stored.alert.starts_at < moment && moment < stored.ends_at;
    if lies_within(kept.alert.starts_at) || lies_within(ends_at) {
        kept.alert.starts_at = kept.alert.starts_at.min(stored.alert.starts_at);
        // Of two that fire, the later end holds, unless it was only a time-out. What was stated later than now was stated
        // before the clock went back: its end is no measure.
        let holds = !stored.ends_by_timeout && stored.updated_at <= now;
        if !is_resolved && !stored.is_resolved && stored.ends_at > ends_at && holds {
            kept.ends_at = stored.ends_at;
            kept.ends_by_timeout = false;
        }
    }
    if is_resolved && kept.alert.annotations.is_empty() {
        // A bare resolve must not wipe what the message about it needs.
        kept.alert.annotations.clone_from(&stored.alert.annotations);
    }
    kept.inhibited_by.clone_from(&stored.inhibited_by);
    kept.silenced_by.clone_from(&stored.silenced_by);
    kept.incident_id.clone_from(&stored.incident_id);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn alert(start: i64, end: Option<i64>, orders: &str) -> Alert {
        Alert {
            labels: [("alertname", "OrdersLate")].into_iter().collect(),
            annotations: [("impact_orders".to_owned(), orders.to_owned())].into(),
            starts_at: at(start),
            ends_at: end.map(at),
            generator_url: String::new(),
        }
    }

    fn merged(stored: Option<&StoredAlert>, stated: Alert, now: i64) -> Option<StoredAlert> {
        merge(stored, stated, at(now), Duration::from_secs(300))
    }

    #[test]
    fn overlapping_statements_keep_the_earliest_start_and_the_newest_words() {
        let first = merged(None, alert(100, Some(400), "4"), 110).expect("new");
        let second = merged(Some(&first), alert(105, Some(500), "7"), 120).expect("restated");
        assert_eq!(second.alert.starts_at, at(100));
        assert_eq!(second.alert.annotations["impact_orders"], "7");
        assert_eq!(second.ends_at, at(500));
        assert!(!second.is_resolved);
    }

    #[test]
    fn a_statement_without_an_end_holds_for_the_resolve_timeout() {
        let stored = merged(None, alert(100, None, "4"), 110).expect("new");
        assert_eq!(stored.ends_at, at(410));
    }

    #[test]
    fn an_end_that_somebody_says_takes_the_place_of_a_time_out_and_the_later_of_two_holds() {
        let timed_out = merged(None, alert(100, None, "4"), 110).expect("new");
        let said = merged(Some(&timed_out), alert(100, Some(200), "4"), 120).expect("restated");
        assert_eq!(said.ends_at, at(200));
        let sooner = merged(Some(&said), alert(100, Some(150), "4"), 130).expect("restated");
        assert_eq!(sooner.ends_at, at(200));
        let again = merged(Some(&sooner), alert(100, None, "4"), 140).expect("restated");
        assert_eq!((again.ends_at, again.ends_by_timeout), (at(440), true));
    }

    #[test]
    fn an_end_in_the_past_resolves_once() {
        let firing = merged(None, alert(100, Some(400), "4"), 110).expect("new");
        let resolved = merged(Some(&firing), alert(100, Some(150), "4"), 150).expect("resolved");
        assert!(resolved.is_resolved);
        assert_eq!(resolved.ends_at, at(150));
        assert_eq!(merged(Some(&resolved), alert(100, Some(150), "4"), 160), None);
        assert_eq!(merged(None, alert(100, Some(150), "4"), 160), None);
    }

    #[test]
    fn firing_again_after_the_end_is_a_new_beginning() {
        let firing = merged(None, alert(100, Some(400), "4"), 110).expect("new");
        let resolved = merged(Some(&firing), alert(100, Some(150), "4"), 150).expect("resolved");
        let again = merged(Some(&resolved), alert(200, Some(500), "9"), 200).expect("again");
        assert_eq!(again.alert.starts_at, at(200));
        assert!(!again.is_resolved);
    }
}
