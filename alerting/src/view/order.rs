//! The order in which Alertmanager lists: fewer labels first, then the first label in which two sets differ.

use std::cmp::Ordering;

use plimsoll_model::Labels;

/// By `job` and `instance`, as most alerts have them, then as [`of_labels`].
pub(super) fn of_alerts(a: &Labels, b: &Labels) -> Ordering {
    let by = |name: &str| a.get(name).cmp(b.get(name));
    by("job").then_with(|| by("instance")).then_with(|| of_labels(a, b))
}

/// Of two sets of one size, the one that lacks the first name in which they differ comes first.
pub(super) fn of_labels(a: &Labels, b: &Labels) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| {
        let mut names: Vec<&str> = a.iter().chain(b.iter()).map(|(name, _)| name).collect();
        names.sort_unstable();
        // An absent label has the smallest value there is.
        names
            .into_iter()
            .map(|name| a.get(name).cmp(b.get(name)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|pair| pair.split_once('=')).collect()
    }

    #[test]
    fn alerts_stand_as_alertmanager_lists_them() {
        let ordered = [
            "a=2",
            "b=1,c=1",
            "a=1,z=1",
            "instance=1",
            "instance=2",
            "job=a,instance=3",
            "job=b,instance=1,x=1",
        ];
        for (index, one) in ordered.iter().enumerate() {
            for (other_index, other) in ordered.iter().enumerate() {
                let expected = index.cmp(&other_index);
                assert_eq!(of_alerts(&labels(one), &labels(other)), expected, "{one} and {other}");
            }
        }
        assert_eq!(of_labels(&labels("b=1"), &labels("a=1")), Ordering::Less, "who lacks `a` comes first");
    }
}
