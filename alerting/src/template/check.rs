//! What can be known of a template before any alert: that each template it calls exists, each field belongs to what it
//! is asked of, each fixed regular expression is one, and values stand in a page only where they can be escaped.

use super::budget;
use super::html::Page;
use super::kind::Kind;
use super::syntax::{Bodies, Body, Command, Node, Operand, Pipeline};
use super::value::Value;
use super::{Mode, TemplateError};

/// Of different calls, by name, dot and place; more is a tangle.
const MAX_CALLS: usize = 1000;
const MAX_DEPTH: usize = 60;

/// Of a template that is rendered with Alertmanager's data.
pub(super) fn check(body: &Body, bodies: &Bodies, mode: Mode) -> Result<(), TemplateError> {
    let page = (mode == Mode::Html).then(Page::new);
    let end = Checker::new(body, bodies, page).body(body, Kind::Data)?;
    if end.is_some_and(|page| !page.is_in_text()) {
        let message = "the page ends inside of a tag, a comment or a script";
        return Err(TemplateError::new(&body.origin, 1, message));
    }
    Ok(())
}

/// Of a definition that somebody may call, with whatever dot.
pub(super) fn check_definition(body: &Body, bodies: &Bodies) -> Result<(), TemplateError> {
    Checker::new(body, bodies, None).body(body, Kind::Unknown).map(|_| ())
}

struct Checker<'a> {
    bodies: &'a Bodies,
    page: Option<Page>,
    variables: Vec<(String, Kind)>,
    /// What a call with this dot at this place leads to; `None` while it is under way.
    calls: Vec<Call>,
    /// Where each loop around us began.
    loops: Vec<Option<Page>>,
    depth: usize,
    origin: &'a str,
}

struct Call {
    name: String,
    dot: Kind,
    start: Option<Page>,
    end: Option<Page>,
}

type Checked<T> = Result<T, TemplateError>;

impl<'a> Checker<'a> {
    fn new(body: &'a Body, bodies: &'a Bodies, page: Option<Page>) -> Self {
        Self {
            bodies,
            page,
            variables: Vec::new(),
            calls: Vec::new(),
            loops: Vec::new(),
            depth: 0,
            origin: &body.origin,
        }
    }

    fn fault(&self, line: usize, message: impl Into<String>) -> TemplateError {
        TemplateError::new(self.origin, line, message)
    }

    fn body(&mut self, body: &'a Body, dot: Kind) -> Checked<Option<Page>> {
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot)]);
        let origin = std::mem::replace(&mut self.origin, &body.origin);
        let loops = std::mem::take(&mut self.loops);
        self.nodes(&body.nodes, dot)?;
        (self.variables, self.origin, self.loops) = (variables, origin, loops);
        Ok(self.page.clone())
    }

    fn nodes(&mut self, nodes: &'a [Node], dot: Kind) -> Checked<()> {
        nodes.iter().try_for_each(|node| self.node(node, dot))
    }

    fn node(&mut self, node: &'a Node, dot: Kind) -> Checked<()> {
        match node {
            Node::Text { line, text } => {
                let moved = self.page.as_mut().map_or(Ok(()), |page| page.markup(text, &mut String::new()));
                moved.map_err(|message| self.fault(*line, message))
            }
            Node::Print(pipeline) => {
                self.pipeline(pipeline, dot)?;
                let stands = self.page.as_ref().filter(|_| pipeline.variables.is_empty());
                let fits = stands.map_or(Ok(()), Page::takes_values);
                fits.map_err(|message| self.fault(pipeline.line, message))
            }
            Node::If { condition, then, otherwise } => {
                let known = self.variables.len();
                self.pipeline(condition, dot)?;
                self.either(condition.line, (then, dot), (otherwise, dot), known)
            }
            Node::With { value, then, otherwise } => {
                let known = self.variables.len();
                let inner = self.pipeline(value, dot)?;
                self.either(value.line, (then, inner), (otherwise, dot), known)
            }
            Node::Range { over, each, otherwise } => self.range(over, each, otherwise, dot),
            Node::Template { line, name, data } => self.template(*line, name, data.as_ref(), dot),
            Node::Break { line } | Node::Continue { line } => {
                if self.loops.last().is_some_and(|start| *start != self.page) {
                    return Err(self.fault(*line, "a loop is left elsewhere in the page than where it began"));
                }
                Ok(())
            }
        }
    }

    fn either(
        &mut self,
        line: usize,
        (then, inner): (&'a [Node], Kind),
        (otherwise, outer): (&'a [Node], Kind),
        known: usize,
    ) -> Checked<()> {
        let start = self.page.clone();
        let within = self.variables.len();
        self.nodes(then, inner)?;
        self.variables.truncate(within);
        let end = std::mem::replace(&mut self.page, start);
        self.nodes(otherwise, outer)?;
        self.variables.truncate(known);
        self.page = match (end, self.page.take()) {
            (Some(a), Some(b)) => Some(
                a.joined(&b)
                    .ok_or_else(|| self.fault(line, "the branches end in different places of the page"))?,
            ),
            _ => None,
        };
        Ok(())
    }

    fn range(
        &mut self,
        over: &'a Pipeline,
        each: &'a [Node],
        otherwise: &'a [Node],
        dot: Kind,
    ) -> Checked<()> {
        let known = self.variables.len();
        let kind = self.kind(over, dot)?;
        let item = kind.item().map_err(|message| self.fault(over.line, message))?;
        let kinds = if over.variables.len() == 2 { vec![Kind::Unknown, item] } else { vec![item] };
        for (name, kind) in over.variables.iter().zip(kinds) {
            self.name(name, kind, over.is_assignment);
        }
        self.loops.push(self.page.clone());
        self.either(over.line, (each, item), (otherwise, dot), known)?;
        let start = self.loops.pop().flatten();
        let is_closed = match (&start, &self.page) {
            (Some(start), Some(end)) => start.joined(end).is_some(),
            _ => true,
        };
        if !is_closed {
            return Err(self.fault(over.line, "the loop ends elsewhere in the page than where it began"));
        }
        Ok(())
    }

    fn template(&mut self, line: usize, name: &str, data: Option<&'a Pipeline>, dot: Kind) -> Checked<()> {
        let dot = data.map_or(Ok(Kind::Unknown), |pipeline| self.pipeline(pipeline, dot))?;
        let bodies = self.bodies;
        let body = bodies.get(name);
        let body = body.ok_or_else(|| self.fault(line, no_template(name, bodies)))?;
        let before =
            self.calls.iter().find(|call| call.name == name && call.dot == dot && call.start == self.page);
        if let Some(call) = before {
            self.page = call.end.clone();
            return Ok(());
        }
        self.depth += 1;
        if self.calls.len() >= MAX_CALLS || self.depth > MAX_DEPTH {
            return Err(self.fault(line, "templates call each other in too many ways"));
        }
        // One that calls itself is taken to end where it began.
        let (index, start) = (self.calls.len(), self.page.clone());
        self.calls.push(Call { name: name.to_owned(), dot, start: start.clone(), end: start });
        let end = self.body(body, dot)?;
        self.calls[index].end = end;
        self.depth -= 1;
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline, dot: Kind) -> Checked<Kind> {
        let kind = self.kind(pipeline, dot)?;
        for name in &pipeline.variables {
            self.name(name, kind, pipeline.is_assignment);
        }
        Ok(kind)
    }

    /// What may be one kind or another is unknown.
    fn name(&mut self, name: &str, kind: Kind, is_assignment: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        match known.filter(|_| is_assignment) {
            Some((_, slot)) if *slot == kind => {}
            Some((_, slot)) => *slot = Kind::Unknown,
            None => self.variables.push((name.to_owned(), kind)),
        }
    }

    fn kind(&mut self, pipeline: &'a Pipeline, dot: Kind) -> Checked<Kind> {
        let mut kind = Kind::Unknown;
        for command in &pipeline.commands {
            kind = self.command(command, pipeline.line, dot)?;
        }
        Ok(kind)
    }

    fn command(&mut self, command: &'a Command, line: usize, dot: Kind) -> Checked<Kind> {
        for argument in &command.arguments {
            self.operand(argument, line, dot)?;
        }
        if let (Operand::Function(name), Some(Operand::Constant(Value::Text(pattern)))) =
            (&command.first, command.arguments.first())
            && matches!(name.as_str(), "match" | "reReplaceAll")
        {
            budget::regex(pattern).map_err(|message| self.fault(line, message))?;
        }
        self.operand(&command.first, line, dot)
    }

    fn operand(&mut self, operand: &'a Operand, line: usize, dot: Kind) -> Checked<Kind> {
        match operand {
            Operand::Dot => Ok(dot),
            Operand::Nil => Ok(Kind::Unknown),
            Operand::Constant(Value::Text(_)) => Ok(Kind::Text),
            Operand::Constant(_) => Ok(Kind::Other),
            Operand::Field(names) => self.members(dot, names, line),
            Operand::Variable(name, names) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let kind = known.map_or(Kind::Unknown, |(_, kind)| *kind);
                self.members(kind, names, line)
            }
            Operand::Function(name) => {
                if self.page.is_some() && name == "js" {
                    let message = "`js` has no place in a page: values are escaped for where they stand";
                    return Err(self.fault(line, message));
                }
                Ok(Kind::of_function(name))
            }
            Operand::Chain(inner, names) => {
                let kind = self.operand(inner, line, dot)?;
                self.members(kind, names, line)
            }
            Operand::Pipeline(pipeline) => self.kind(pipeline, dot),
        }
    }

    fn members(&self, kind: Kind, names: &[String], line: usize) -> Checked<Kind> {
        let mut kind = kind;
        for name in names {
            kind = kind.member(name).map_err(|message| self.fault(line, message))?;
        }
        Ok(kind)
    }
}

fn no_template(name: &str, bodies: &Bodies) -> String {
    let known: Vec<&str> = bodies.keys().map(String::as_str).collect();
    format!(
        "there is no template `{name}`: define it, load its file by `templates`, or use one of {}",
        known.join(", ")
    )
}
