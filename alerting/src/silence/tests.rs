use super::*;

const NOW: i64 = 10_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn equal(name: &str, value: &str) -> SilenceMatcher {
    SilenceMatcher { name: name.to_owned(), value: value.to_owned(), is_regex: false, is_equal: true }
}

fn draft(starts: i64, ends: i64) -> SilenceDraft {
    SilenceDraft {
        matcher_sets: vec![vec![equal("warehouse", "ROT")]],
        starts_at: Some(at(starts)),
        ends_at: at(ends),
        created_by: "Anna".to_owned(),
        comment: "conveyor".to_owned(),
        ..SilenceDraft::default()
    }
}

fn set(before: Option<&Silence>, draft: SilenceDraft) -> Change {
    change(before, draft, at(NOW)).expect("taken")
}

fn existing(starts: i64, ends: i64) -> Silence {
    let SilenceDraft { matcher_sets, ends_at, created_by, comment, annotations, .. } = draft(starts, ends);
    let (id, starts_at, updated_at) = ("s1".to_owned(), at(starts), at(0));
    Silence { id, matcher_sets, starts_at, ends_at, updated_at, created_by, comment, annotations }
}

fn edit(starts: i64, ends: i64) -> SilenceDraft {
    SilenceDraft { id: Some("s1".to_owned()), ..draft(starts, ends) }
}

#[test]
fn a_silence_is_pending_then_active_then_expired() {
    let silence = existing(100, 200);
    let states: Vec<_> = [99, 100, 199, 200].map(|secs| silence.state(at(secs)).as_str()).into();
    assert_eq!(states, ["pending", "active", "active", "expired"]);
}

#[test]
fn a_new_one_begins_now_at_the_earliest() {
    let made = set(None, draft(NOW - 500, NOW + 500)).set;
    assert_eq!((made.starts_at, made.ends_at, made.updated_at), (at(NOW), at(NOW + 500), at(NOW)));
    let later = set(None, draft(NOW + 100, NOW + 500)).set;
    assert_eq!(later.starts_at, at(NOW + 100));
    let at_once = set(None, SilenceDraft { starts_at: None, ..draft(0, NOW + 500) }).set;
    assert_eq!(at_once.starts_at, at(NOW));
}

/// `Some(true)`: another silence takes its place and it ends; `Some(false)`: another is made, it was over already.
#[track_caller]
fn check_edit(before: (i64, i64), edited: SilenceDraft, replaced: Option<bool>) {
    let before = existing(before.0, before.1);
    let Change { ended, set } = set(Some(&before), edited.clone());
    assert_eq!(set.id.is_empty(), replaced.is_some(), "{edited:?}");
    assert_eq!(ended.is_some(), replaced == Some(true), "{edited:?}");
    if let Some(ended) = ended {
        assert_eq!(
            (ended.id.as_str(), ended.ends_at, ended.state(at(NOW))),
            ("s1", at(NOW), SilenceState::Expired)
        );
    }
}

#[test]
fn what_was_silenced_in_the_past_is_never_rewritten() {
    let active = (NOW - 100, NOW + 100);
    check_edit(active, edit(NOW - 100, NOW + 900), None);
    check_edit(active, SilenceDraft { comment: "longer".to_owned(), ..edit(NOW - 100, NOW + 100) }, None);
    check_edit(active, edit(NOW - 50, NOW + 100), Some(true));
    check_edit(active, edit(NOW + 50, NOW + 100), Some(true));
    let others = vec![vec![equal("warehouse", "ROT"), equal("severity", "ticket")]];
    check_edit(
        active,
        SilenceDraft { matcher_sets: others.clone(), ..edit(NOW - 100, NOW + 100) },
        Some(true),
    );

    let pending = (NOW + 100, NOW + 200);
    check_edit(pending, edit(NOW + 50, NOW + 200), None);
    check_edit(pending, edit(NOW - 50, NOW + 200), Some(true));
    check_edit(pending, SilenceDraft { matcher_sets: others, ..edit(NOW + 100, NOW + 200) }, Some(true));

    check_edit((NOW - 200, NOW - 100), edit(NOW - 200, NOW + 100), Some(false));
}

#[test]
fn a_start_that_lost_its_fraction_on_the_way_is_still_the_same_start() {
    let before = Silence { starts_at: Timestamp::from_nanos(9_900_123_456_789), ..existing(0, NOW + 100) };
    let after = set(Some(&before), edit(9_900, NOW + 200));
    assert_eq!((after.set.id.as_str(), after.ended), ("s1", None));
}

#[test]
fn ending_one_keeps_what_it_was_and_ending_it_twice_does_nothing() {
    let ended = existing(NOW - 100, NOW + 100).expired(at(NOW)).expect("active");
    assert_eq!((ended.starts_at, ended.ends_at), (at(NOW - 100), at(NOW)));
    assert_eq!(ended.expired(at(NOW)), None);
    let never_began = existing(NOW + 100, NOW + 200).expired(at(NOW)).expect("pending");
    assert_eq!((never_began.starts_at, never_began.ends_at), (at(NOW), at(NOW)));
}

#[track_caller]
fn check_refused(draft: SilenceDraft, words: &str) {
    let error = change(None, draft, at(NOW)).expect_err("refused");
    assert_eq!(error.to_string(), words);
}

#[test]
fn refusals_are_in_alertmanagers_words() {
    let with = |matchers: Vec<SilenceMatcher>| SilenceDraft {
        matcher_sets: vec![matchers],
        ..draft(NOW, NOW + 100)
    };
    let regex = |value: &str| SilenceMatcher { is_regex: true, ..equal("a", value) };
    check_refused(draft(NOW + 9, NOW + 9), "Failed to create silence: start time must be before end time");
    check_refused(draft(NOW - 9, NOW - 5), "Failed to create silence: end time can't be in the past");
    check_refused(
        SilenceDraft { matcher_sets: Vec::new(), ..draft(NOW, NOW + 9) },
        "invalid silence: at least one matcher set required",
    );
    check_refused(with(Vec::new()), "invalid silence: matcher set 0 is empty");
    let empty = "invalid silence: matcher set 0: at least one matcher must not match the empty string";
    check_refused(with(vec![equal("a", "")]), empty);
    check_refused(with(vec![regex(".*"), equal("b", "")]), empty);
    check_refused(
        with(vec![equal("", "x")]),
        "invalid silence: invalid label matcher 0 in set 0: invalid label name \"\"",
    );
    check_refused(SilenceDraft { id: Some("s9".to_owned()), ..draft(NOW, NOW + 9) }, "silence not found");
    let error = change(None, with(vec![equal("a", "b"), regex("(")]), at(NOW)).expect_err("refused");
    let begins = "invalid silence: invalid label matcher 1 in set 0: invalid regular expression \"(\": ";
    assert!(error.to_string().starts_with(begins), "{error}");
    let long = SilenceDraft { comment: "x".repeat(70_000), ..draft(NOW, NOW + 9) };
    let error = change(None, long, at(NOW)).expect_err("refused");
    assert!(error.to_string().contains("(limit: 65536 bytes)"), "{error}");
    // A negated matcher that the empty text satisfies is no reason to refuse, as there.
    let negated = SilenceMatcher { is_equal: false, ..equal("a", "x") };
    assert!(change(None, with(vec![negated]), at(NOW)).is_ok());
}

#[test]
fn several_sets_hold_when_one_of_them_does() {
    let sets = vec![vec![equal("a", "1"), equal("b", "2")], vec![equal("c", "3")]];
    let silence = Silence { matcher_sets: sets, ..existing(0, NOW + 1) };
    assert_eq!(silence.to_string(), r#"{a="1",b="2"} or {c="3"}"#);
    let muting = Muting::new(vec![silence, existing(NOW + 1, NOW + 2), existing(0, NOW)], at(NOW));
    let by = |pairs: &[(&str, &str)]| muting.silenced_by(&pairs.iter().copied().collect()).len();
    assert_eq!(by(&[("a", "1"), ("b", "2")]), 1);
    assert_eq!(by(&[("a", "1")]), 0);
    assert_eq!(by(&[("c", "3")]), 1);
    assert_eq!(by(&[("warehouse", "ROT")]), 0, "pending and expired ones silence nothing");
}

#[test]
fn lists_are_in_alertmanagers_order() {
    let made = |id: &str, starts, ends| Silence { id: id.to_owned(), ..existing(starts, ends) };
    let mut silences = vec![
        made("over-long-ago", 0, 1),
        made("ends-late", 0, NOW + 9),
        made("later", NOW + 5, NOW + 9),
        made("over", 0, NOW),
        made("ends-soon", 0, NOW + 1),
        made("soon", NOW + 1, NOW + 99),
    ];
    Silence::sort(&mut silences, at(NOW));
    let ids: Vec<_> = silences.iter().map(|silence| silence.id.as_str()).collect();
    assert_eq!(ids, ["ends-soon", "ends-late", "soon", "later", "over", "over-long-ago"]);
}

#[test]
fn ids_are_uuids_and_differ() {
    let silence = existing(0, 1);
    let (one, two) = (id_of(&silence, 0), id_of(&silence, 1));
    assert_ne!(one, two);
    let dashes: Vec<usize> = one.match_indices('-').map(|(at, _)| at).collect();
    assert_eq!((one.len(), dashes), (36, vec![8, 13, 18, 23]));
}

#[test]
fn what_people_write_is_one_short_line_in_a_reason() {
    let comment = format!("first\n\u{1b}[2Jsecond {}", "x".repeat(300));
    let silence = Silence { comment, ..existing(0, NOW + 1) };
    let reason = Muting::new(vec![silence], at(NOW)).reason(&["s1".to_owned(), "s2".to_owned()]);
    assert!(reason.starts_with("silenced by s1 (Anna: first [2Jsecond xxx"), "{reason}");
    assert!(reason.ends_with("xxx...), s2"), "{reason}");
    assert!(reason.chars().count() < 250 && !reason.contains('\u{1b}'), "{reason}");
}
