//! The inside of an action: `$x := .Alerts | len`.

use super::functions;
use super::syntax::{Command, Operand, Pipeline};
use super::token::{Fault, Kind, Token};
use super::value::Value;

/// Parentheses within parentheses.
const MAX_PARENTHESES: usize = 20;

/// Tokens of one action, read from the front.
pub(super) struct Operands<'a> {
    line: usize,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    variables: &'a mut Vec<String>,
    depth: usize,
}

impl<'a> Operands<'a> {
    pub(super) fn new(line: usize, tokens: Vec<Token>, variables: &'a mut Vec<String>) -> Self {
        Self { line, tokens: tokens.into_iter().peekable(), variables, depth: 0 }
    }

    pub(super) fn pipeline(mut self, is_range: bool) -> Result<Pipeline, Fault> {
        let (variables, is_assignment) = self.declaration(is_range)?;
        let mut pipeline = self.commands()?;
        if let Some(token) = self.tokens.next() {
            return Err(Fault::new(token.line, "something follows that belongs to nothing"));
        }
        if is_assignment {
            for name in &variables {
                self.known(name)?;
            }
        } else {
            self.variables.extend(variables.iter().cloned());
        }
        pipeline.variables = variables;
        pipeline.is_assignment = is_assignment;
        Ok(pipeline)
    }

    /// `$x :=`, `$x =`, and for a range `$i, $x :=`.
    fn declaration(&mut self, is_range: bool) -> Result<(Vec<String>, bool), Fault> {
        let mut ahead = self.tokens.clone();
        let mut names = Vec::new();
        loop {
            let Some(Token { kind: Kind::Variable(name), .. }) = ahead.next() else {
                return Ok((Vec::new(), false));
            };
            names.push(name);
            match ahead.next().map(|token| token.kind) {
                Some(Kind::Comma) if is_range && names.len() == 1 => {}
                Some(kind @ (Kind::Declare | Kind::Assign)) => {
                    self.tokens = ahead;
                    return Ok((names, kind == Kind::Assign));
                }
                _ => return Ok((Vec::new(), false)),
            }
        }
    }

    fn commands(&mut self) -> Result<Pipeline, Fault> {
        let mut commands = vec![self.command(true)?];
        while self.tokens.next_if(|token| token.kind == Kind::Pipe).is_some() {
            commands.push(self.command(false)?);
        }
        Ok(Pipeline { line: self.line, variables: Vec::new(), is_assignment: false, commands })
    }

    fn command(&mut self, is_first: bool) -> Result<Command, Fault> {
        let Some(first) = self.operand(true)? else {
            return Err(Fault::new(self.line, "a value is missing"));
        };
        let mut arguments = Vec::new();
        while let Some(operand) = self.operand(false)? {
            arguments.push(operand);
        }
        let is_callable = !matches!(first, Operand::Dot | Operand::Nil | Operand::Constant(_));
        if matches!(first, Operand::Nil) {
            return Err(Fault::new(self.line, "nil is not a command"));
        }
        if !is_callable && (!is_first || !arguments.is_empty()) {
            return Err(Fault::new(self.line, "a value takes no arguments: only functions and methods do"));
        }
        Ok(Command { first, arguments })
    }

    /// `None` where the command ends. Operands are apart by spaces.
    fn operand(&mut self, is_first: bool) -> Result<Option<Operand>, Fault> {
        let ends = |kind: &Kind| matches!(kind, Kind::Pipe | Kind::Close);
        let Some(token) = self.tokens.next_if(|token| !ends(&token.kind)) else {
            return Ok(None);
        };
        if !is_first && !token.is_spaced {
            return Err(Fault::new(token.line, "two operands without a space between them"));
        }
        let operand = self.term(token)?;
        let fields = self.fields();
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        Ok(Some(match operand {
            Operand::Field(mut names) => {
                names.extend(fields);
                Operand::Field(names)
            }
            Operand::Variable(name, mut names) => {
                names.extend(fields);
                Operand::Variable(name, names)
            }
            operand @ (Operand::Function(_) | Operand::Pipeline(_)) => {
                Operand::Chain(Box::new(operand), fields)
            }
            _ => return Err(Fault::new(self.line, "a constant has no fields")),
        }))
    }

    fn fields(&mut self) -> Vec<String> {
        let mut fields = Vec::new();
        let is_chained = |token: &Token| !token.is_spaced && matches!(token.kind, Kind::Field(_));
        while let Some(Token { kind: Kind::Field(name), .. }) = self.tokens.next_if(is_chained) {
            fields.push(name);
        }
        fields
    }

    fn term(&mut self, token: Token) -> Result<Operand, Fault> {
        Ok(match token.kind {
            Kind::Dot => Operand::Dot,
            Kind::Field(name) => Operand::Field(vec![name]),
            Kind::Variable(name) => {
                self.known(&name)?;
                Operand::Variable(name, Vec::new())
            }
            Kind::Text(text) => Operand::Constant(Value::text(text)),
            Kind::Int(value) => Operand::Constant(Value::Int(value)),
            Kind::Float(value) => Operand::Constant(Value::Float(value)),
            Kind::Word(word) => return self.word(word, token.line),
            Kind::Open => return self.parentheses(token.line),
            _ => return Err(Fault::new(token.line, "an operator where a value should stand")),
        })
    }

    fn word(&mut self, word: String, line: usize) -> Result<Operand, Fault> {
        match word.as_str() {
            "true" => Ok(Operand::Constant(Value::Bool(true))),
            "false" => Ok(Operand::Constant(Value::Bool(false))),
            "nil" => Ok(Operand::Nil),
            _ => functions::known(&word).map(|()| Operand::Function(word)).map_err(|m| Fault::new(line, m)),
        }
    }

    fn parentheses(&mut self, line: usize) -> Result<Operand, Fault> {
        self.depth += 1;
        if self.depth > MAX_PARENTHESES {
            return Err(Fault::new(line, format!("parentheses are nested deeper than {MAX_PARENTHESES}")));
        }
        let pipeline = self.commands()?;
        self.depth -= 1;
        if self.tokens.next_if(|token| token.kind == Kind::Close).is_none() {
            return Err(Fault::new(line, "a parenthesis is not closed"));
        }
        Ok(Operand::Pipeline(Box::new(pipeline)))
    }

    fn known(&self, name: &str) -> Result<(), Fault> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(Fault::new(self.line, format!("the variable `{name}` is not declared here")))
    }
}
