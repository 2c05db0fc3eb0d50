//! Which decisions belong to the story that is asked about: from the last beginning at or before a moment until the next.

use std::collections::BTreeSet;

use plimsoll_model::Timestamp;

use super::story::Decided;

pub(super) fn episode(all: &[Decided], at: Timestamp) -> Vec<Decided> {
    let beginnings = if all.iter().any(|it| it.stage == "rule") { of_rules(all) } else { of_routes(all) };
    let time = |place: &usize| all.get(*place).map_or(Timestamp::MIN, Decided::moment);
    let passed = beginnings.iter().take_while(|place| time(place) <= at).count();
    let begin = passed.checked_sub(1).and_then(|last| beginnings.get(last)).or(beginnings.first());
    let end = beginnings.get(passed.max(1)).copied().unwrap_or(all.len());
    all.get(begin.copied().unwrap_or(0)..end).unwrap_or_default().to_vec()
}

/// A rule's alert begins when its condition holds, and ends when it doesn't.
fn of_rules(all: &[Decided]) -> Vec<usize> {
    let (mut beginnings, mut is_open) = (Vec::new(), false);
    for (place, decided) in all.iter().enumerate() {
        let begins = decided.stage == "rule" && matches!(decided.outcome(), "pending" | "firing" | "waiting");
        if begins && !is_open {
            beginnings.push(place);
            is_open = true;
        }
        // What only waits has not begun: the next word begins anew.
        is_open &=
            !(decided.is_rule("resolved") || decided.is_rule("inactive") || decided.is_rule("waiting"));
    }
    beginnings
}

/// One that others state begins when a route takes it, and anew when the same route takes it again. What was decided at
/// the same moment just before belongs to it.
fn of_routes(all: &[Decided]) -> Vec<usize> {
    let (mut beginnings, mut taken) = (Vec::new(), BTreeSet::new());
    for (place, decided) in all.iter().enumerate() {
        let is_taken = decided.stage == "route" && decided.reason().starts_with("route ");
        if !is_taken {
            continue;
        }
        let route = (decided.receiver(), decided.reason());
        if taken.contains(&route) {
            taken.clear();
        }
        if taken.is_empty() {
            let before = all.iter().take(place).rev().take_while(|it| it.time == decided.time).count();
            beginnings.push(place - before);
        }
        taken.insert(route);
    }
    beginnings
}
