use proptest::prelude::*;

use super::*;
use crate::calendar::Period;

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

/// Does to the slices and to the model what the step says.
fn take(step: &Step, slices: &mut Slices, model: &mut Model, now: &mut i64) {
    match *step {
        Step::Set { group, back_secs, good, bad } => {
            let slice = slice(&group.to_string(), *now - back_secs, good, good + bad);
            slices.set(&slice);
            model.insert((slice.groups, slice.index), slice.counts);
        }
        Step::Replace { back_secs, good } => {
            let told = slice("0", *now - back_secs, good, good);
            let to = SliceIndex::holding(Timestamp::from_secs(*now)).next();
            slices.replace(told.index, to, std::slice::from_ref(&told));
            model.retain(|(_, index), _| *index < told.index || *index >= to);
            model.insert((told.groups, told.index), told.counts);
        }
        Step::Advance { secs } => {
            *now += secs;
            slices.advance(Timestamp::from_secs(*now));
        }
    }
}

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

/// Lines as a test draws them, in seconds: of everybody, or of one group.
#[derive(Clone, Debug, Default)]
struct Drawn(Vec<(Option<u8>, i64, i64, usize)>);

const OUT: usize = 2;

impl Drawn {
    fn line_at(&self, groups: &Labels, secs: i64) -> usize {
        let holds = |(group, from, to, _): &&(Option<u8>, i64, i64, usize)| {
            (*from..*to).contains(&secs)
                && group.is_none_or(|group| groups.get("warehouse") == group.to_string())
        };
        self.0.iter().find(holds).map_or(0, |(.., line)| *line)
    }
}

impl Lines for Drawn {
    fn count(&self) -> usize {
        OUT + 1
    }

    fn of(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<(Span, Line)> {
        let (first, last) = (from.nanos() / 1_000_000_000, to.nanos() / 1_000_000_000);
        let ends = self.0.iter().flat_map(|(_, from, to, _)| [*from, *to]);
        let mut borders: Vec<i64> = ends.chain([first, last]).map(|secs| secs.clamp(first, last)).collect();
        borders.sort_unstable();
        let pieces = borders.windows(2).map(|pair| {
            let line = Line(self.line_at(groups, pair[0]));
            (Span::new(Timestamp::from_secs(pair[0]), Timestamp::from_secs(pair[1])), line)
        });
        pieces.filter(|(span, line)| span.from < span.to && *line != Line(0)).collect()
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let group = prop_oneof![2 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    let one = (group, 99_000..103_000_i64, 1..600_i64, 1..=OUT);
    prop::collection::vec(
        one.prop_map(|(group, from, length, line)| (group, from, from + length, line)),
        0..10,
    )
    .prop_map(Drawn)
}

/// Sums per line, over every slice of [from, end).
fn recount_lines(model: &Model, lines: &Drawn, groups: &Labels, from: SliceIndex, now: i64) -> Vec<Counts> {
    let end = SliceIndex::holding(Timestamp::from_secs(now)).next();
    let mut sums = vec![Counts::default(); OUT + 1];
    for ((of, index), counts) in model.iter().filter(|((of, _), _)| of == groups) {
        if *index >= from && *index < end {
            add(&mut sums[lines.line_at(of, i64::from(index.0) * 10)], *counts);
        }
    }
    sums
}

fn agree(
    slices: &Slices,
    model: &Model,
    lines: &Drawn,
    period: Option<&Period>,
    now: i64,
) -> Result<(), TestCaseError> {
    let end = SliceIndex::holding(Timestamp::from_secs(now)).next();
    for group in ["0", "1", "2"] {
        let groups: Labels = [("warehouse", group)].into_iter().collect();
        let zeros_for_nothing =
            |sums: &[Counts]| if sums.is_empty() { vec![Counts::default(); OUT + 1] } else { sums.to_vec() };
        for window in WINDOWS {
            let window = Duration::from_secs(window);
            let expected = recount_lines(model, lines, &groups, end.back(slices_in(window)), now);
            prop_assert_eq!(zeros_for_nothing(slices.by_line(&groups, window)), expected.clone());
            let counts = slices.within(&groups, window);
            prop_assert_eq!(counts.total, expected[0].total + expected[1].total);
        }
        if let Some(period) = period {
            let from = SliceIndex::holding(period.holding(end.back(1).start()).from);
            let expected = recount_lines(model, lines, &groups, from, now);
            prop_assert_eq!(
                zeros_for_nothing(slices.budget_by_line(&groups, Duration::ZERO)),
                expected.clone()
            );
            prop_assert_eq!(slices.left_out(&groups, Duration::ZERO), expected[OUT]);
        }
        let since = Timestamp::from_secs(now - 200);
        let counting = model.iter().filter(|((of, index), _)| {
            *of == groups
                && *index >= SliceIndex::holding(since)
                && *index < end
                && lines.line_at(of, i64::from(index.0) * 10) != OUT
        });
        let bad = counting.clone().find(|(_, counts)| counts.bad() > 0).map(|((_, index), _)| index.start());
        prop_assert_eq!(slices.first_bad_since(&groups, since), bad);
        prop_assert_eq!(
            slices.since(&groups, since).total,
            counting.map(|(_, counts)| counts.total).sum::<u64>()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Late data, corrections, time that jumps, a new period, lines that are drawn anew in between.
    #[test]
    fn every_sum_under_every_line_equals_a_naive_recount(
        steps in prop::collection::vec((step(), prop::option::weighted(0.2, drawn())), 1..40),
        first_lines in drawn(),
        follows_the_calendar in any::<bool>(),
    ) {
        // A period of a day that begins at 04:00 UTC, which these hundred thousand seconds pass: 1970-01-02.
        let first = crate::calendar::day_or_moment("1970-01-01 04:00").expect("a moment");
        let period = follows_the_calendar.then(|| Period::new("1d", first, chrono_tz::UTC).expect("a day"));
        let mut now = 100_000_i64;
        let (mut slices, mut model, mut lines) = (slices().with_period(period.clone()), Model::new(), first_lines);
        slices.stand_under(Some(Arc::new(lines.clone())));
        slices.advance(Timestamp::from_secs(now));
        for (step, redrawn) in steps {
            take(&step, &mut slices, &mut model, &mut now);
            if let Some(redrawn) = redrawn {
                lines = redrawn;
                slices.stand_under(Some(Arc::new(lines.clone())));
            }
            agree(&slices, &model, &lines, period.as_ref(), now)?;
        }
    }

    #[test]
    fn every_running_sum_equals_a_naive_recount(steps in prop::collection::vec(step(), 1..80)) {
        let mut now = 100_000_i64;
        let (mut slices, mut model) = (slices(), Model::new());
        slices.advance(Timestamp::from_secs(now));
        for step in steps {
            take(&step, &mut slices, &mut model, &mut now);
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
