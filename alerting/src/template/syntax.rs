//! What a template says, as a tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::Value;

/// Bodies by the name under which `template` calls them.
pub(super) type Bodies = BTreeMap<String, Arc<Body>>;

#[derive(Debug)]
pub(super) struct Body {
    /// What a fault in it is told by: a file's name, or the key's.
    pub(super) origin: String,
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text { line: usize, text: String },
    Print(Pipeline),
    If { condition: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    With { value: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    Range { over: Pipeline, each: Vec<Node>, otherwise: Vec<Node> },
    Template { line: usize, name: String, data: Option<Pipeline> },
    Break { line: usize },
    Continue { line: usize },
}

/// Commands of which each passes its value to the next as the last argument.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) line: usize,
    pub(super) variables: Vec<String>,
    pub(super) is_assignment: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) first: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Constant(Value),
    /// Of the dot.
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    /// Of what an operand in parentheses, or a function, gives.
    Chain(Box<Operand>, Vec<String>),
    Pipeline(Box<Pipeline>),
}
