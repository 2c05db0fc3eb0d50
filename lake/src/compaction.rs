//! Which files are worth merging. Flushes leave small files, each of a short stretch of time; a query wants few large
//! ones. Files are merged with their like (eight of a size), so each row is rewritten two or three times in its life, and
//! never across days, so retention and pruning can go by whole files.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::Timestamp;

use crate::DataFile;

/// Of about the same size, to be worth a merge while their day still grows.
const ALIKE: usize = 8;
/// At most so many files and bytes in one run: it bounds how long one takes and what it needs.
const MOST_FILES: usize = 32;
const MOST_BYTES: u64 = 256 << 20;
/// A day that is over, and that nothing was added to for this long, is merged whatever its files' sizes.
const SETTLED: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) inputs: Vec<DataFile>,
    pub(crate) is_split_by_day: bool,
}

/// Files whose rows belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Day(Timestamp),
    /// Strays of many days: a file for each would be the small files again.
    Scattered,
}

impl Place {
    fn of(file: &DataFile) -> Self {
        let spread = file.max_time.since(file.min_time);
        if spread < 2 * DAY { Self::Day(file.min_time.floor_to(DAY)) } else { Self::Scattered }
    }

    fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::Day(day) => day + DAY < now,
            Self::Scattered => true,
        }
    }
}

/// The merge that removes the most files; `None` when none is worth its work.
pub(crate) fn choose(files: &[DataFile], target_bytes: u64, now: Timestamp) -> Option<Plan> {
    let mut places: BTreeMap<Place, Vec<&DataFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.size_bytes < target_bytes / 2) {
        places.entry(Place::of(file)).or_default().push(file);
    }
    let plans = places.into_iter().filter_map(|(place, files)| plan(place, files, now));
    plans.max_by_key(|plan| plan.inputs.len())
}

fn plan(place: Place, mut files: Vec<&DataFile>, now: Timestamp) -> Option<Plan> {
    files.sort_by_key(|file| (size_class(file), file.min_time));
    let mut alike = files.chunk_by(|one, other| size_class(one) == size_class(other));
    let is_settled =
        place.is_over(now) && files.iter().all(|file| now.since(file.added) > SETTLED) && files.len() > 1;
    let chosen = match alike.find(|alike| alike.len() >= ALIKE) {
        Some(alike) => alike,
        None if is_settled => &files,
        None => return None,
    };
    let inputs = within_budget(chosen);
    let is_split_by_day = place != Place::Scattered;
    (inputs.len() > 1).then_some(Plan { inputs, is_split_by_day })
}

fn within_budget(files: &[&DataFile]) -> Vec<DataFile> {
    let mut bytes = 0;
    let fits = |file: &&&DataFile| {
        bytes += file.size_bytes;
        bytes <= MOST_BYTES
    };
    files.iter().take(MOST_FILES).take_while(fits).map(|file| DataFile::clone(file)).collect()
}

/// Each four times as large as the one before, from a mebibyte.
fn size_class(file: &DataFile) -> u32 {
    (file.size_bytes >> 20).checked_ilog(4).map_or(0, |class| class + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const TODAY: i64 = 20_000 * 86_400;
    const NOW: Timestamp = Timestamp::from_secs(TODAY + 36_000);

    fn file(start: i64, seconds: i64, size_bytes: u64) -> DataFile {
        let (min_time, max_time) = (Timestamp::from_secs(start), Timestamp::from_secs(start + seconds));
        let path = format!("{start}-{size_bytes}").into();
        DataFile { path, size_bytes, rows: 1, min_time, max_time, added: max_time }
    }

    fn chosen(files: &[DataFile]) -> Vec<usize> {
        let plan = choose(files, 128 * MIB, NOW);
        let inputs = plan.map(|plan| plan.inputs).unwrap_or_default();
        inputs.iter().filter_map(|input| files.iter().position(|file| file == input)).collect()
    }

    #[test]
    fn eight_files_of_a_size_are_merged_and_a_large_one_is_left_alone() {
        let mut files: Vec<_> = (0..7).map(|n| file(TODAY + 60 * n, 60, 3 * MIB)).collect();
        files.push(file(TODAY, 600, 40 * MIB));
        assert_eq!(chosen(&files), [0_usize; 0]);
        files.push(file(TODAY + 900, 60, 2 * MIB));
        assert_eq!(chosen(&files), [0, 1, 2, 3, 4, 5, 6, 8]);
    }

    #[test]
    fn each_day_is_merged_for_itself() {
        let days = [TODAY - 86_400, TODAY];
        let files: Vec<_> =
            days.iter().flat_map(|day| (0..9).map(move |n| file(day + 60 * n, 60, 100))).collect();
        let plan = choose(&files, 128 * MIB, NOW).expect("worth it");
        let of_day = |file: &DataFile| file.min_time.floor_to(DAY);
        assert_eq!(plan.inputs.len(), 9);
        assert!(plan.inputs.iter().all(|file| of_day(file) == of_day(&plan.inputs[0])));
        assert!(plan.is_split_by_day);
    }

    #[test]
    fn a_day_that_is_over_is_merged_once_nothing_comes_any_more() {
        let yesterday = TODAY - 86_400;
        let mut files = vec![file(yesterday, 60, 50 * MIB), file(yesterday + 60, 60, 100)];
        assert_eq!(chosen(&files), [1, 0]);
        files[1].added = NOW - Duration::from_secs(60);
        assert_eq!(chosen(&files), [0_usize; 0], "not for each row that is late");
        assert_eq!(chosen(&[file(yesterday, 60, 100)]), [0_usize; 0], "one file is merged already");
        assert_eq!(chosen(&[file(yesterday, 60, 70 * MIB), file(yesterday, 9, 9)]), [0_usize; 0]);
    }

    #[test]
    fn strays_of_many_years_become_one_file_and_not_one_a_day() {
        let years: Vec<_> = (0..8).map(|n| file(n, TODAY, 100)).collect();
        let plan = choose(&years, 128 * MIB, NOW).expect("worth it");
        assert_eq!((plan.inputs.len(), plan.is_split_by_day), (8, false));
    }

    #[test]
    fn a_run_is_bounded_in_files_and_bytes() {
        let many: Vec<_> = (0..100).map(|n| file(TODAY + n, 1, 100)).collect();
        assert_eq!(chosen(&many).len(), MOST_FILES);
        let large: Vec<_> = (0..20).map(|n| file(TODAY + n, 1, 60 * MIB)).collect();
        assert_eq!(chosen(&large).len(), 4);
    }
}
