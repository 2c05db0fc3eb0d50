//! From pieces to a tree: Go's grammar, with names of functions and variables checked here and not at night.

use std::sync::Arc;

use super::functions;
use super::pipeline::Operands;
use super::syntax::{Bodies, Body, Node, Pipeline};
use super::token::{Fault, Kind, Piece, Token, pieces};

/// Blocks within blocks.
const MAX_NESTING: usize = 40;
const MAX_TEMPLATE_BYTES: usize = 512 << 10;

/// The body of `text`, and what it defines beside it, each under its name.
pub(super) fn parse(origin: &str, text: &str) -> Result<(Body, Bodies), Fault> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return Err(Fault::new(1, format!("a template is larger than {MAX_TEMPLATE_BYTES} bytes: split it")));
    }
    let mut parser = Parser {
        origin,
        pieces: pieces(text)?.into_iter(),
        line: 1,
        variables: vec!["$".to_owned()],
        loops: 0,
        nesting: 0,
        bodies: Bodies::new(),
    };
    let (nodes, end) = parser.nodes()?;
    match end {
        End::OfText => Ok((Body { origin: origin.to_owned(), nodes }, parser.bodies)),
        End::Else { line, .. } => Err(Fault::new(line, "an else that belongs to nothing")),
        End::Block { line } => Err(Fault::new(line, "an end that belongs to nothing")),
    }
}

/// What ended a list of nodes.
enum End {
    OfText,
    Block { line: usize },
    Else { line: usize, rest: Vec<Token> },
}

struct Parser<'a> {
    origin: &'a str,
    pieces: std::vec::IntoIter<Piece>,
    line: usize,
    variables: Vec<String>,
    loops: usize,
    nesting: usize,
    bodies: Bodies,
}

impl Parser<'_> {
    fn nodes(&mut self) -> Result<(Vec<Node>, End), Fault> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (line, tokens) = match piece {
                Piece::Text { line, text } => {
                    nodes.push(Node::Text { line, text });
                    continue;
                }
                Piece::Action { line, tokens } => (line, tokens),
            };
            self.line = line;
            let Some(Kind::Word(word)) = tokens.first().map(|token| &token.kind) else {
                nodes.push(Node::Print(self.pipeline(line, tokens)?));
                continue;
            };
            let word = word.clone();
            let mut rest = tokens;
            if functions::is_keyword(&word) {
                rest.remove(0);
            }
            match word.as_str() {
                "end" => return none(line, "end", &rest).map(|()| (nodes, End::Block { line })),
                "else" => return Ok((nodes, End::Else { line, rest })),
                "define" => self.define(line, &rest)?,
                _ => nodes.push(self.node(&word, line, rest)?),
            }
        }
        Ok((nodes, End::OfText))
    }

    fn node(&mut self, word: &str, line: usize, rest: Vec<Token>) -> Result<Node, Fault> {
        match word {
            "if" | "with" | "range" => self.control(word, line, rest),
            "block" => self.block(line, rest),
            "template" => {
                let (name, data) = self.named(word, line, rest)?;
                Ok(Node::Template { line, name, data })
            }
            "break" | "continue" => {
                none(line, word, &rest)?;
                if self.loops == 0 {
                    return Err(Fault::new(line, format!("`{word}` stands outside of a range")));
                }
                Ok(if word == "break" { Node::Break { line } } else { Node::Continue { line } })
            }
            _ => Ok(Node::Print(self.pipeline(line, rest)?)),
        }
    }

    /// `if`, `with` and `range`, with `else`, and `else if` or `else with` as a node of their own within it.
    fn control(&mut self, word: &str, line: usize, head: Vec<Token>) -> Result<Node, Fault> {
        self.enter(line)?;
        let known = self.variables.len();
        let pipeline = self.declaring(line, head, word == "range")?;
        let outside = self.loops;
        self.loops += usize::from(word == "range");
        let within = self.variables.len();
        let (then, end) = self.nodes()?;
        self.loops = outside;
        self.variables.truncate(within);
        let otherwise = match end {
            End::OfText => return Err(Fault::new(line, format!("this `{word}` has no end"))),
            End::Block { .. } => Vec::new(),
            End::Else { line, rest } => self.otherwise(word, line, rest)?,
        };
        self.variables.truncate(known);
        self.nesting -= 1;
        Ok(match word {
            "if" => Node::If { condition: pipeline, then, otherwise },
            "with" => Node::With { value: pipeline, then, otherwise },
            _ => Node::Range { over: pipeline, each: then, otherwise },
        })
    }

    fn otherwise(&mut self, word: &str, line: usize, mut rest: Vec<Token>) -> Result<Vec<Node>, Fault> {
        let Some(first) = rest.first() else {
            let (nodes, end) = self.nodes()?;
            return match end {
                End::Block { .. } => Ok(nodes),
                End::Else { line, .. } => Err(Fault::new(line, "a second else: end the block first")),
                End::OfText => Err(Fault::new(line, "this else has no end")),
            };
        };
        let continues = matches!(&first.kind, Kind::Word(next) if next == word && word != "range");
        if !continues {
            return Err(Fault::new(line, format!("`else` of `{word}` takes nothing, or another `{word}`")));
        }
        rest.remove(0);
        Ok(vec![self.control(word, line, rest)?])
    }

    fn define(&mut self, line: usize, rest: &[Token]) -> Result<(), Fault> {
        let [Token { kind: Kind::Text(name), .. }] = rest else {
            return Err(Fault::new(line, "`define` takes a name in quotes"));
        };
        if self.nesting > 0 {
            return Err(Fault::new(
                line,
                format!("`{name}` is defined inside of a block: define it outside"),
            ));
        }
        let nodes = self.body(line)?;
        self.keep(name.clone(), nodes);
        Ok(())
    }

    /// Defines and calls in one.
    fn block(&mut self, line: usize, rest: Vec<Token>) -> Result<Node, Fault> {
        let (name, data) = self.named("block", line, rest)?;
        if data.is_none() {
            return Err(Fault::new(line, "`block` takes a name and what its dot is"));
        }
        let nodes = self.body(line)?;
        self.keep(name.clone(), nodes);
        Ok(Node::Template { line, name, data })
    }

    /// Up to its end, with no variable of what stands around it.
    fn body(&mut self, line: usize) -> Result<Vec<Node>, Fault> {
        self.enter(line)?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (nodes, end) = self.nodes()?;
        self.variables = variables;
        self.loops = loops;
        self.nesting -= 1;
        match end {
            End::Block { .. } => Ok(nodes),
            End::Else { line, .. } => Err(Fault::new(line, "an else that belongs to nothing")),
            End::OfText => Err(Fault::new(line, "this definition has no end")),
        }
    }

    /// As in Go, an empty body doesn't replace one that says something.
    fn keep(&mut self, name: String, nodes: Vec<Node>) {
        let says = |nodes: &[Node]| {
            nodes.iter().any(|node| !matches!(node, Node::Text { text, .. } if text.trim().is_empty()))
        };
        if !says(&nodes) && self.bodies.get(&name).is_some_and(|body| says(&body.nodes)) {
            return;
        }
        self.bodies.insert(name, Arc::new(Body { origin: self.origin.to_owned(), nodes }));
    }

    fn named(
        &mut self,
        word: &str,
        line: usize,
        mut rest: Vec<Token>,
    ) -> Result<(String, Option<Pipeline>), Fault> {
        let is_named = matches!(rest.first(), Some(Token { kind: Kind::Text(_), .. }));
        if !is_named {
            return Err(Fault::new(line, format!("`{word}` takes a name in quotes")));
        }
        let Kind::Text(name) = rest.remove(0).kind else {
            return Err(Fault::new(line, format!("`{word}` takes a name in quotes")));
        };
        if rest.is_empty() {
            return Ok((name, None));
        }
        Ok((name, Some(self.pipeline(line, rest)?)))
    }

    fn enter(&mut self, line: usize) -> Result<(), Fault> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(Fault::new(line, format!("blocks are nested deeper than {MAX_NESTING}")));
        }
        Ok(())
    }

    fn pipeline(&mut self, line: usize, tokens: Vec<Token>) -> Result<Pipeline, Fault> {
        self.declaring(line, tokens, false)
    }

    fn declaring(&mut self, line: usize, tokens: Vec<Token>, is_range: bool) -> Result<Pipeline, Fault> {
        Operands::new(line, tokens, &mut self.variables).pipeline(is_range)
    }
}

fn none(line: usize, word: &str, rest: &[Token]) -> Result<(), Fault> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Fault::new(line, format!("`{word}` takes nothing")))
}
