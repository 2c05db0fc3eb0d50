//! Inhibition: while a source fires, its targets are not told about.

use std::collections::{BTreeMap, HashMap};

use plimsoll_model::Labels;

use crate::matcher::{Matcher, all_match};

#[derive(Debug)]
pub(crate) struct InhibitRule {
    pub(crate) source: Vec<Matcher>,
    pub(crate) target: Vec<Matcher>,
    /// Labels that source and target share; absent and empty are the same, so absent on both counts as shared.
    pub(crate) equal: Vec<String>,
}

/// Alerts by fingerprint.
type Alerts<'s, 'a> = &'s [(&'a str, &'a Labels)];

/// For each inhibited alert of `targets`, one of `sources` that inhibits it. Sources are those that fire.
pub(crate) fn inhibited<'a>(
    rules: &[InhibitRule],
    sources: Alerts<'_, 'a>,
    targets: Alerts<'_, 'a>,
) -> BTreeMap<&'a str, &'a str> {
    let mut inhibited = BTreeMap::new();
    for rule in rules {
        rule.apply(sources, targets, &mut inhibited);
    }
    inhibited
}

/// The sources of one rule that share their `equal` labels. One that is a target itself inhibits no alert that is
/// both, or two alerts could silence each other.
#[derive(Default)]
struct Sources<'a> {
    any: Option<&'a str>,
    not_a_target: Option<&'a str>,
}

impl InhibitRule {
    fn apply<'a>(
        &self,
        firing: Alerts<'_, 'a>,
        targets: Alerts<'_, 'a>,
        inhibited: &mut BTreeMap<&'a str, &'a str>,
    ) {
        let mut sources: HashMap<Vec<&str>, Sources<'a>> = HashMap::new();
        for (fingerprint, labels) in firing {
            if all_match(&self.source, labels) {
                let found = sources.entry(self.shared(labels)).or_default();
                found.any.get_or_insert(fingerprint);
                if !all_match(&self.target, labels) {
                    found.not_a_target.get_or_insert(fingerprint);
                }
            }
        }
        for (fingerprint, labels) in targets {
            let Some(found) = sources.get(&self.shared(labels)).filter(|_| all_match(&self.target, labels))
            else {
                continue;
            };
            let by = if all_match(&self.source, labels) { found.not_a_target } else { found.any };
            if let Some(by) = by {
                inhibited.entry(fingerprint).or_insert(by);
            }
        }
    }

    fn shared<'l>(&self, labels: &'l Labels) -> Vec<&'l str> {
        self.equal.iter().map(|name| labels.get(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::parse_matchers;

    fn check(rule: (&str, &str, &[&str]), alerts: &[&str], expected: &[(&str, &str)]) {
        let rule = InhibitRule {
            source: parse_matchers(rule.0).expect("valid"),
            target: parse_matchers(rule.1).expect("valid"),
            equal: rule.2.iter().map(ToString::to_string).collect(),
        };
        let parse =
            |text: &&str| -> Labels { text.split(',').filter_map(|pair| pair.split_once('=')).collect() };
        let labels: Vec<Labels> = alerts.iter().map(parse).collect();
        let alerts: Vec<_> = alerts.iter().copied().zip(&labels).collect();
        assert_eq!(inhibited(&[rule], &alerts, &alerts), expected.iter().copied().collect());
    }

    #[test]
    fn a_source_silences_the_targets_that_share_its_labels() {
        let rule = ("severity=page", "severity=ticket", ["service"].as_slice());
        check(
            rule,
            &[
                "severity=page,service=sales",
                "severity=ticket,service=sales",
                "severity=ticket,service=stock",
            ],
            &[("severity=ticket,service=sales", "severity=page,service=sales")],
        );
        check(rule, &["severity=ticket,service=sales"], &[]);
        check(rule, &["severity=page", "severity=ticket"], &[("severity=ticket", "severity=page")]);
    }

    #[test]
    fn alerts_that_are_source_and_target_do_not_silence_each_other() {
        let rule = ("severity=~\"page|ticket\"", "severity=ticket", [].as_slice());
        check(rule, &["severity=ticket,n=1", "severity=ticket,n=2"], &[]);
        check(
            rule,
            &["severity=ticket,n=1", "severity=page,n=2"],
            &[("severity=ticket,n=1", "severity=page,n=2")],
        );
    }

    #[test]
    fn labels_that_both_lack_or_have_empty_are_equal() {
        let rule = ("s=1", "t=1", ["zone"].as_slice());
        check(rule, &["s=1", "t=1"], &[("t=1", "s=1")]);
        check(rule, &["s=1,zone=", "t=1"], &[("t=1", "s=1,zone=")]);
        check(rule, &["s=1,zone=a", "t=1"], &[]);
        check(rule, &["s=1", "t=1,zone=a"], &[]);
    }

    #[test]
    fn every_label_of_equal_must_be() {
        let rule = ("s=1", "t=1", ["zone", "job"].as_slice());
        check(rule, &["s=1,zone=a,job=b", "t=1,zone=a,job=b"], &[("t=1,zone=a,job=b", "s=1,zone=a,job=b")]);
        check(rule, &["s=1,zone=a,job=b", "t=1,zone=a,job=c"], &[]);
    }

    #[test]
    fn a_source_that_is_inhibited_itself_inhibits_all_the_same() {
        let rules = [("a=1", "b=1"), ("b=1", "c=1")].map(|(source, target)| InhibitRule {
            source: parse_matchers(source).expect("valid"),
            target: parse_matchers(target).expect("valid"),
            equal: Vec::new(),
        });
        let labels: Vec<Labels> = ["a", "b", "c"].map(|name| [(name, "1")].into_iter().collect()).into();
        let alerts: Vec<_> = ["a", "b", "c"].into_iter().zip(&labels).collect();
        let expected = [("b", "a"), ("c", "b")].into_iter().collect();
        assert_eq!(inhibited(&rules, &alerts, &alerts), expected);
        let without_b: Vec<_> = alerts.iter().copied().filter(|(name, _)| *name != "b").collect();
        assert_eq!(inhibited(&rules, &without_b, &alerts), [("b", "a")].into_iter().collect());
    }

    #[test]
    fn a_rule_without_matchers_lets_nothing_inhibit_itself() {
        check(("", "", &[]), &["a=1", "b=1"], &[]);
    }
}
