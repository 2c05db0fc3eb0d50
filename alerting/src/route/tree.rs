//! The route tree drawn for people, line for line as `amtool config routes` draws it.

use plimsoll_model::Labels;

use super::Route;
use crate::FilterError;
use crate::config::Routing;
use crate::matcher::{all_match, parse_matcher};

/// A node of a drawing.
#[derive(Debug)]
struct Branch {
    text: String,
    below: Vec<Self>,
}

impl Routing {
    /// The whole tree: matchers, whether a route continues, and its receiver.
    #[must_use]
    pub fn show(&self) -> String {
        drawn(&whole(&self.root))
    }

    /// The part of the tree that an alert with these labels goes through, with a receiver where it stays.
    #[must_use]
    pub fn show_way_of(&self, labels: &Labels) -> String {
        drawn(&way(&self.root, labels))
    }

    /// Who hears of an alert with these labels, in the order of the tree.
    #[must_use]
    pub fn receivers_of(&self, labels: &Labels) -> Vec<&str> {
        self.root.matching(labels).into_iter().map(|route| route.receiver.as_str()).collect()
    }
}

/// Labels as people write them on a command line: `severity=page`, `summary="late orders"`.
pub fn labels_of<T: AsRef<str>>(pairs: &[T]) -> Result<Labels, FilterError> {
    let label = |pair: &T| {
        let matcher = parse_matcher(pair.as_ref()).map_err(|error| FilterError(error.to_string()))?;
        let (name, value) = matcher
            .as_label()
            .ok_or_else(|| FilterError("labels must be specified as key=value pairs".to_owned()))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    pairs.iter().map(label).collect()
}

fn whole(route: &Route) -> Branch {
    let continues = if route.continues { "  continue: true" } else { "" };
    let text = format!("{}{continues}{}", slug(route), receiver(route));
    Branch { text, below: route.routes.iter().map(whole).collect() }
}

fn way(route: &Route, labels: &Labels) -> Branch {
    let mut below = Vec::new();
    for child in route.routes.iter().filter(|child| all_match(&child.matchers, labels)) {
        below.push(way(child, labels));
        if !child.continues {
            break;
        }
    }
    let ends_here = if below.is_empty() { receiver(route) } else { String::new() };
    Branch { text: slug(route) + &ends_here, below }
}

fn slug(route: &Route) -> String {
    if route.matchers.is_empty() {
        "default-route".to_owned()
    } else {
        Route::path_below("", &route.matchers)
    }
}

fn receiver(route: &Route) -> String {
    format!("  receiver: {}", route.receiver)
}

fn drawn(root: &Branch) -> String {
    let mut text = ".\n".to_owned();
    draw(std::slice::from_ref(root), "", &mut text);
    text
}

/// The spaces behind a vertical line don't break; that is how it is drawn there, and copied from there.
fn draw(branches: &[Branch], indent: &str, text: &mut String) {
    for (place, branch) in branches.iter().enumerate() {
        let is_last = place + 1 == branches.len();
        let (edge, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│\u{a0}\u{a0} ") };
        text.push_str(&format!("{indent}{edge}{}\n", branch.text));
        draw(&branch.below, &format!("{indent}{below}"), text);
    }
}
