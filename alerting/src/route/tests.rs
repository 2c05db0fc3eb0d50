use proptest::prelude::*;

use super::*;
use crate::matcher::parse_matchers;

fn route(receiver: &str, matchers: &str, routes: Vec<Route>) -> Route {
    let matchers = if matchers.is_empty() { Vec::new() } else { parse_matchers(matchers).expect("valid") };
    Route {
        path: Route::path_below("", &matchers),
        matchers,
        receiver: receiver.to_owned(),
        group_by: GroupBy::none(),
        timing: Timing::default(),
        continues: false,
        muted_during: Vec::new(),
        active_during: Vec::new(),
        routes,
    }
}

fn continuing(mut route: Route) -> Route {
    route.continues = true;
    route
}

fn check(tree: &Route, labels: &[(&str, &str)], expected: &[&str]) {
    let labels: Labels = labels.iter().copied().collect();
    let receivers: Vec<&str> = tree.matching(&labels).iter().map(|route| route.receiver.as_str()).collect();
    assert_eq!(receivers, expected, "{labels}");
}

#[test]
fn the_first_matching_child_takes_the_alert_unless_it_continues() {
    let tree = route(
        "default",
        "",
        vec![
            continuing(route("log", r#"severity=~"page|ticket""#, vec![])),
            route("pager", "severity=page", vec![route("sales-pager", "team=sales", vec![])]),
            route("mail", "severity=ticket", vec![]),
            route("never", "severity=page", vec![]),
        ],
    );
    check(&tree, &[("severity", "page"), ("team", "sales")], &["log", "sales-pager"]);
    check(&tree, &[("severity", "page")], &["log", "pager"]);
    check(&tree, &[("severity", "ticket")], &["log", "mail"]);
    check(&tree, &[("severity", "info")], &["default"]);
    check(&tree, &[], &["default"]);
}

#[test]
fn the_group_key_is_the_path_and_the_group_labels() {
    let matchers = parse_matchers(r#"severity="page""#).expect("valid");
    let mut page = route("pager", "", vec![]);
    page.path = Route::path_below("{}", &matchers);
    page.group_by = GroupBy::Labels(["service".to_owned(), "warehouse".to_owned()].into());
    let labels: Labels = [("service", "sales"), ("severity", "page"), ("x", "y")].into_iter().collect();
    let group = page.group_labels(&labels);
    assert_eq!(page.group_key(&group), r#"{}/{severity="page"}:{service="sales"}"#);
    page.group_by = GroupBy::All;
    assert_eq!(page.group_labels(&labels), labels);
}

/// The rule as the manual states it, on a list of all paths: a route is taken when its whole path matches, no child
/// of it is taken, and at no level an earlier sibling that ends the search matches.
fn naive(tree: &Route, labels: &Labels) -> Vec<String> {
    fn visit(node: &Route, labels: &Labels, found: &mut Vec<String>) {
        let matching: Vec<&Route> =
            node.routes.iter().filter(|child| all_match(&child.matchers, labels)).collect();
        let ends = matching.iter().position(|child| !child.continues).map_or(matching.len(), |at| at + 1);
        if matching.is_empty() {
            found.push(node.receiver.clone());
        }
        matching[..ends].iter().for_each(|child| visit(child, labels, found));
    }
    let mut found = Vec::new();
    visit(tree, labels, &mut found);
    found
}

fn any_tree() -> impl Strategy<Value = Route> {
    let matcher = prop_oneof![Just("a=1"), Just("a=2"), Just("b=1"), Just("b!=1"), Just("a=~\"1|2\"")];
    let leaf = (matcher.clone(), any::<bool>(), "[a-z]{4}")
        .prop_map(|(matcher, continues, name)| Route { continues, ..route(&name, matcher, vec![]) });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (matcher.clone(), any::<bool>(), "[a-z]{4}", prop::collection::vec(inner, 0..4)).prop_map(
            |(matcher, continues, name, routes)| Route { continues, ..route(&name, matcher, routes) },
        )
    })
}

proptest! {
    #[test]
    fn the_walk_agrees_with_the_manual(
        routes in prop::collection::vec(any_tree(), 0..4), a in "[0-3]", b in "[0-2]",
    ) {
        let tree = route("root", "", routes);
        let labels: Labels = [("a", a), ("b", b)].into_iter().collect();
        let walked: Vec<String> = tree.matching(&labels).iter().map(|route| route.receiver.clone()).collect();
        prop_assert!(!walked.is_empty());
        prop_assert_eq!(walked, naive(&tree, &labels));
    }
}
