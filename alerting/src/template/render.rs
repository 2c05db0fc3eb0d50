//! A tree is walked with data, and becomes text.

use super::budget::{Budget, MAX_OUTPUT_BYTES};
use super::data::Data;
use super::functions;
use super::html::Page;
use super::methods::member;
use super::moment::Moment;
use super::print::shown;
use super::syntax::{Bodies, Body, Command, Node, Operand, Pipeline};
use super::value::Value;
use super::{Mode, TemplateError};

/// Blocks within blocks, templates within templates, and parentheses, all together.
const MAX_DEPTH: usize = 100;

pub(super) fn render(body: &Body, bodies: &Bodies, mode: Mode, data: &Data) -> Result<String, TemplateError> {
    let mut renderer = Renderer {
        bodies,
        page: (mode == Mode::Html).then(Page::new),
        mode,
        now: Moment::utc(data.now),
        out: String::new(),
        variables: Vec::new(),
        budget: Budget::default(),
        depth: 0,
        origin: &body.origin,
    };
    renderer.body(body, &data.dot)?;
    Ok(renderer.out)
}

/// With those characters escaped with which a chat's own markup would begin, unless the author vouches for it.
fn written(value: &Value, mode: Mode) -> String {
    let text = shown(value);
    match (mode, value) {
        (_, Value::Html(_) | Value::Url(_)) | (Mode::Text | Mode::Html, _) => text,
        (Mode::Slack, _) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        (Mode::Markdown, _) => text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]"),
    }
}

/// Where the walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Node,
    Break,
    Continue,
}

struct Renderer<'a> {
    bodies: &'a Bodies,
    page: Option<Page>,
    mode: Mode,
    now: Moment,
    out: String,
    /// The innermost last.
    variables: Vec<(String, Value)>,
    budget: Budget,
    depth: usize,
    origin: &'a str,
}

type Rendered<T> = Result<T, TemplateError>;

impl<'a> Renderer<'a> {
    fn fault(&self, line: usize, message: String) -> TemplateError {
        TemplateError { origin: self.origin.to_owned(), line, message }
    }

    fn deeper(&mut self, line: usize) -> Rendered<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(
                self.fault(line, format!("templates and blocks call each other deeper than {MAX_DEPTH}"))
            );
        }
        Ok(())
    }

    /// `$` is the dot at its start, and it sees no other variable.
    fn body(&mut self, body: &'a Body, dot: &Value) -> Rendered<()> {
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        let origin = std::mem::replace(&mut self.origin, &body.origin);
        self.nodes(&body.nodes, dot)?;
        self.variables = variables;
        self.origin = origin;
        Ok(())
    }

    fn nodes(&mut self, nodes: &'a [Node], dot: &Value) -> Rendered<Next> {
        for node in nodes {
            let next = self.node(node, dot)?;
            if next != Next::Node {
                return Ok(next);
            }
        }
        Ok(Next::Node)
    }

    fn node(&mut self, node: &'a Node, dot: &Value) -> Rendered<Next> {
        match node {
            Node::Text { line, text } => self.text(*line, text).map(|()| Next::Node),
            Node::Print(pipeline) => self.print(pipeline, dot).map(|()| Next::Node),
            Node::If { condition, then, otherwise } => self.scoped(condition, dot, |this, value| {
                this.nodes(if value.is_true() { then } else { otherwise }, dot)
            }),
            Node::With { value, then, otherwise } => self.scoped(value, dot, |this, value| {
                if value.is_true() { this.nodes(then, &value) } else { this.nodes(otherwise, dot) }
            }),
            Node::Range { over, each, otherwise } => {
                self.range(over, each, otherwise, dot).map(|()| Next::Node)
            }
            Node::Template { line, name, data } => self.template(*line, name, data.as_ref(), dot),
            Node::Break { .. } => Ok(Next::Break),
            Node::Continue { .. } => Ok(Next::Continue),
        }
    }

    fn text(&mut self, line: usize, text: &str) -> Rendered<()> {
        match &mut self.page {
            Some(page) => {
                let moved = page.markup(text, &mut self.out);
                moved.map_err(|message| self.fault(line, message))?;
            }
            None => self.out.push_str(text),
        }
        self.charge(line, text.len())
    }

    fn charge(&mut self, line: usize, bytes: usize) -> Rendered<()> {
        if self.out.len() > MAX_OUTPUT_BYTES {
            return Err(self.fault(line, format!("the text becomes longer than {MAX_OUTPUT_BYTES} bytes")));
        }
        let spent = self.budget.step().and_then(|()| self.budget.spend(bytes));
        spent.map_err(|message| self.fault(line, message))
    }

    fn print(&mut self, pipeline: &'a Pipeline, dot: &Value) -> Rendered<()> {
        let value = self.pipeline(pipeline, dot)?;
        if !pipeline.variables.is_empty() {
            return Ok(());
        }
        let text = match &self.page {
            Some(page) => page.escaped(&value).map_err(|message| self.fault(pipeline.line, message))?,
            None => written(&value, self.mode),
        };
        self.out.push_str(&text);
        self.charge(pipeline.line, text.len())
    }

    /// What the pipeline declares is gone after the block.
    fn scoped(
        &mut self,
        pipeline: &'a Pipeline,
        dot: &Value,
        inside: impl FnOnce(&mut Self, Value) -> Rendered<Next>,
    ) -> Rendered<Next> {
        self.deeper(pipeline.line)?;
        let known = self.variables.len();
        let value = self.pipeline(pipeline, dot)?;
        let next = inside(self, value)?;
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(next)
    }

    fn range(
        &mut self,
        over: &'a Pipeline,
        each: &'a [Node],
        otherwise: &'a [Node],
        dot: &Value,
    ) -> Rendered<()> {
        self.deeper(over.line)?;
        let known = self.variables.len();
        let value = self.evaluated(over, dot)?;
        let items: Vec<(Value, Value)> = match &value {
            Value::List(_, values) => {
                values.iter().enumerate().map(|(index, value)| (Value::count(index), value.clone())).collect()
            }
            Value::Map(_, map) => {
                map.iter().map(|(name, value)| (Value::text(name), value.clone())).collect()
            }
            Value::Nil => Vec::new(),
            other => {
                let message = format!("range can't go over {}", other.type_name());
                return Err(self.fault(over.line, message));
            }
        };
        if items.is_empty() {
            self.nodes(otherwise, dot)?;
        }
        for (index, item) in items {
            self.charge(over.line, 0)?;
            self.name_items(over, &index, &item);
            let next = self.nodes(each, &item)?;
            self.variables.truncate(known);
            if next == Next::Break {
                break;
            }
        }
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(())
    }

    fn name_items(&mut self, over: &Pipeline, index: &Value, item: &Value) {
        let named: Vec<(&String, &Value)> = match over.variables.as_slice() {
            [one] => vec![(one, item)],
            [first, second] => vec![(first, index), (second, item)],
            _ => Vec::new(),
        };
        for (name, value) in named {
            self.set(name, value.clone(), over.is_assignment);
        }
    }

    fn set(&mut self, name: &str, value: Value, is_assignment: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known.filter(|_| is_assignment) {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn template(
        &mut self,
        line: usize,
        name: &str,
        data: Option<&'a Pipeline>,
        dot: &Value,
    ) -> Rendered<Next> {
        self.deeper(line)?;
        let bodies = self.bodies;
        let body = bodies.get(name);
        let body = body.ok_or_else(|| self.fault(line, format!("there is no template `{name}`")))?;
        let dot = match data {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Nil,
        };
        self.charge(line, 0)?;
        self.body(body, &dot)?;
        self.depth -= 1;
        Ok(Next::Node)
    }

    /// The value, also kept under the name that the pipeline gives it.
    fn pipeline(&mut self, pipeline: &'a Pipeline, dot: &Value) -> Rendered<Value> {
        let value = self.evaluated(pipeline, dot)?;
        for name in &pipeline.variables {
            self.set(name, value.clone(), pipeline.is_assignment);
        }
        Ok(value)
    }

    fn evaluated(&mut self, pipeline: &'a Pipeline, dot: &Value) -> Rendered<Value> {
        let mut value = None;
        for command in &pipeline.commands {
            self.charge(pipeline.line, 0)?;
            value = Some(self.command(command, pipeline.line, value.take(), dot)?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    /// `last` is what the command before gave.
    fn command(
        &mut self,
        command: &'a Command,
        line: usize,
        last: Option<Value>,
        dot: &Value,
    ) -> Rendered<Value> {
        let Command { first, arguments } = command;
        match first {
            Operand::Function(name) if matches!(name.as_str(), "and" | "or") => {
                self.and_or(name == "and", arguments, line, last, dot)
            }
            Operand::Function(name) => {
                let values = self.arguments(arguments, line, last, dot)?;
                let called = functions::call(name, &values, self.now, &mut self.budget);
                called.map_err(|message| self.fault(line, message))
            }
            Operand::Field(names) => {
                let values = self.arguments(arguments, line, last, dot)?;
                self.members(dot.clone(), names, &values, line)
            }
            Operand::Variable(name, names) if !names.is_empty() => {
                let on = self.variable(name, line)?;
                let values = self.arguments(arguments, line, last, dot)?;
                self.members(on, names, &values, line)
            }
            Operand::Chain(inner, names) => {
                let on = self.operand(inner, line, dot)?;
                let values = self.arguments(arguments, line, last, dot)?;
                self.members(on, names, &values, line)
            }
            other if arguments.is_empty() && last.is_none() => self.operand(other, line, dot),
            _ => {
                Err(self.fault(line, "a value takes no arguments: only functions and methods do".to_owned()))
            }
        }
    }

    fn arguments(
        &mut self,
        operands: &'a [Operand],
        line: usize,
        last: Option<Value>,
        dot: &Value,
    ) -> Rendered<Vec<Value>> {
        let mut values = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            values.push(self.operand(operand, line, dot)?);
        }
        values.extend(last);
        Ok(values)
    }

    /// The first that decides; what stands behind it isn't looked at.
    fn and_or(
        &mut self,
        is_and: bool,
        operands: &'a [Operand],
        line: usize,
        last: Option<Value>,
        dot: &Value,
    ) -> Rendered<Value> {
        let mut value = None;
        for operand in operands {
            let found = self.operand(operand, line, dot)?;
            if found.is_true() != is_and {
                return Ok(found);
            }
            value = Some(found);
        }
        let name = if is_and { "and" } else { "or" };
        last.or(value).ok_or_else(|| self.fault(line, format!("`{name}` takes at least one value")))
    }

    fn operand(&mut self, operand: &'a Operand, line: usize, dot: &Value) -> Rendered<Value> {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Value::Nil),
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Field(names) => self.members(dot.clone(), names, &[], line),
            Operand::Variable(name, names) => {
                let on = self.variable(name, line)?;
                self.members(on, names, &[], line)
            }
            Operand::Function(name) => {
                let called = functions::call(name, &[], self.now, &mut self.budget);
                called.map_err(|message| self.fault(line, message))
            }
            Operand::Chain(inner, names) => {
                let on = self.operand(inner, line, dot)?;
                self.members(on, names, &[], line)
            }
            Operand::Pipeline(pipeline) => {
                self.deeper(line)?;
                let value = self.evaluated(pipeline, dot)?;
                self.depth -= 1;
                Ok(value)
            }
        }
    }

    fn variable(&self, name: &str, line: usize) -> Rendered<Value> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| self.fault(line, format!("the variable `{name}` is not declared here")))
    }

    /// Only the last takes the arguments.
    fn members(&mut self, on: Value, names: &[String], arguments: &[Value], line: usize) -> Rendered<Value> {
        let mut value = on;
        for (index, name) in names.iter().enumerate() {
            let arguments = if index + 1 == names.len() { arguments } else { &[] };
            let found = member(&value, name, arguments).and_then(|found| {
                self.budget.spend_value(&found)?;
                Ok(found)
            });
            value = found.map_err(|message| self.fault(line, message))?;
        }
        Ok(value)
    }
}
