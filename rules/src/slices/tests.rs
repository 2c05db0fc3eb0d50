use proptest::prelude::*;

use super::*;

const WINDOWS: [u64; 4] = [30, 50, 120, 400];

fn slices() -> Slices {
    Slices::new(WINDOWS.map(Duration::from_secs))
}

fn slice(group: &str, at_secs: i64, good: u64, total: u64) -> Slice {
    let time = Timestamp::from_secs(at_secs);
    let groups: Labels = [("warehouse", group)].into_iter().collect();
    Slice { groups, index: SliceIndex::holding(time), counts: Counts { good, total }, last_event: time }
}

#[derive(Clone, Debug)]
enum Step {
    Set { group: u8, back_secs: i64, good: u64, bad: u64 },
    Replace { back_secs: i64, good: u64 },
    Advance { secs: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, -30..450_i64, 0..5_u64, 0..5_u64)
            .prop_map(|(group, back_secs, good, bad)| Step::Set { group, back_secs, good, bad }),
        1 => (0..200_i64, 0..5_u64).prop_map(|(back_secs, good)| Step::Replace { back_secs, good }),
        3 => (0..90_i64).prop_map(|secs| Step::Advance { secs }),
        1 => (400..1_000_i64).prop_map(|secs| Step::Advance { secs }),
    ]
}

type Model = BTreeMap<(Labels, SliceIndex), Counts>;

fn recount(model: &Model, groups: &Labels, now: i64, window: u64) -> Counts {
    let end = SliceIndex::holding(Timestamp::from_secs(now)).next();
    let mut sum = Counts::default();
    for ((of, index), counts) in model {
        let age = end.0.saturating_sub(index.0);
        if of == groups && *index < end && u64::from(age) * 10 <= window {
            add(&mut sum, *counts);
        }
    }
    sum
}

proptest! {
    #[test]
    fn every_running_sum_equals_a_naive_recount(steps in prop::collection::vec(step(), 1..80)) {
        let mut now = 100_000_i64;
        let (mut slices, mut model) = (slices(), Model::new());
        slices.advance(Timestamp::from_secs(now));
        for step in steps {
            match step {
                Step::Set { group, back_secs, good, bad } => {
                    let slice = slice(&group.to_string(), now - back_secs, good, good + bad);
                    slices.set(&slice);
                    model.insert((slice.groups, slice.index), slice.counts);
                }
                Step::Replace { back_secs, good } => {
                    let told = slice("0", now - back_secs, good, good);
                    let to = SliceIndex::holding(Timestamp::from_secs(now)).next();
                    slices.replace(told.index, to, std::slice::from_ref(&told));
                    model.retain(|(_, index), _| *index < told.index || *index >= to);
                    model.insert((told.groups, told.index), told.counts);
                }
                Step::Advance { secs } => {
                    now += secs;
                    slices.advance(Timestamp::from_secs(now));
                }
            }
            for group in ["0", "1", "2"] {
                let groups: Labels = [("warehouse", group)].into_iter().collect();
                for window in WINDOWS {
                    let expected = recount(&model, &groups, now, window);
                    prop_assert_eq!(slices.within(&groups, Duration::from_secs(window)), expected);
                }
            }
        }
    }
}

#[test]
fn a_closed_slice_is_unsaved_until_it_is_marked_and_again_after_a_correction() {
    let mut slices = slices();
    slices.advance(Timestamp::from_secs(1_000));
    slices.set(&slice("A", 985, 1, 2));
    slices.set(&slice("A", 1_005, 1, 1));
    let now = Timestamp::from_secs(1_005);
    let closed = slices.unsaved(now, 10);
    assert_eq!(closed.len(), 1, "the open slice stays in memory");
    slices.mark_saved(&closed);
    assert!(slices.unsaved(now, 10).is_empty());
    assert!(!slices.set(&slice("A", 985, 1, 2)), "no news");
    assert!(slices.set(&slice("A", 985, 2, 3)));
    assert_eq!(slices.unsaved(now, 10).first().map(|slice| slice.counts.total), Some(3));
}

#[test]
fn the_thousand_and_first_group_is_counted_but_not_kept() {
    let mut slices = slices();
    slices.advance(Timestamp::from_secs(1_000));
    for group in 0..MAX_GROUPS + 5 {
        slices.set(&slice(&format!("g{group}"), 995, 1, 1));
    }
    assert_eq!(slices.groups().count(), MAX_GROUPS);
    assert_eq!(slices.refused_groups(), 5);
}

#[test]
fn history_reaches_back_to_the_first_slice_but_not_beyond_the_longest_window() {
    let mut slices = slices();
    slices.advance(Timestamp::from_secs(1_000));
    assert_eq!(slices.history(), Duration::ZERO);
    slices.set(&slice("A", 905, 1, 1));
    assert_eq!(slices.history(), Duration::from_secs(110));
    slices.set(&slice("A", 1_005, 1, 1));
    slices.advance(Timestamp::from_secs(1_395));
    assert_eq!(slices.history(), Duration::from_secs(400));
}

#[test]
fn a_group_that_nobody_has_seen_for_the_longest_window_is_forgotten() {
    let mut slices = slices();
    slices.advance(Timestamp::from_secs(1_000));
    slices.set(&slice("A", 995, 1, 1));
    slices.advance(Timestamp::from_secs(5_000));
    assert_eq!(slices.groups().count(), 0);
}
