//! A template's text in pieces: what is printed as it stands, and actions as tokens.

use super::literal;

/// What is wrong with a template, and on which of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text { line: usize, text: String },
    Action { line: usize, tokens: Vec<Token> },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
    /// Whether a space stands before it: `.A .B` are two operands, `.A.B` is one.
    pub(super) is_spaced: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Dot,
    Field(String),
    /// With its `$`.
    Variable(String),
    /// Names of functions, keywords, `true`, `false` and `nil`.
    Word(String),
    Text(String),
    Int(i64),
    Float(f64),
    Declare,
    Assign,
    Pipe,
    Comma,
    Open,
    Close,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut pieces = Vec::new();
    let mut trims = false;
    loop {
        let line = reader.line;
        let before = reader.until("{{");
        let before = if trims { before.trim_start_matches(SPACES) } else { before };
        let Some(action) = reader.action()? else {
            push_text(&mut pieces, line, before);
            return Ok(pieces);
        };
        let kept = if action.trims_left { before.trim_end_matches(SPACES) } else { before };
        push_text(&mut pieces, line, kept);
        trims = action.trims_right;
        if let Some(tokens) = action.tokens {
            pieces.push(Piece::Action { line: action.line, tokens });
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, line: usize, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text { line, text: text.to_owned() });
    }
}

struct Action {
    line: usize,
    trims_left: bool,
    trims_right: bool,
    /// `None` for a comment.
    tokens: Option<Vec<Token>>,
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !is_wanted(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn until(&mut self, mark: &str) -> &'a str {
        let end = self.rest.find(mark).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn eat(&mut self, text: &str) -> bool {
        let is_there = self.rest.starts_with(text);
        if is_there {
            self.take(text.len());
        }
        is_there
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.line, message)
    }

    fn action(&mut self) -> Result<Option<Action>, Fault> {
        let line = self.line;
        if !self.eat("{{") {
            return Ok(None);
        }
        let trims_left = self.rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACES));
        if trims_left {
            self.take(2);
        }
        let body = if trims_left { self.rest.trim_start_matches(SPACES) } else { self.rest };
        if body.starts_with("/*") {
            let trims_right = self.comment()?;
            return Ok(Some(Action { line, trims_left, trims_right, tokens: None }));
        }
        let (tokens, trims_right) = self.tokens()?;
        Ok(Some(Action { line, trims_left, trims_right, tokens: Some(tokens) }))
    }

    /// Returns whether it trims what follows.
    fn comment(&mut self) -> Result<bool, Fault> {
        self.until("*/");
        if !self.eat("*/") {
            return Err(self.fault("a comment is not closed: end it with */}}"));
        }
        let trims = self.rest.starts_with(SPACES) && self.rest.get(1..).is_some_and(|r| r.starts_with("-}}"));
        if trims {
            self.take(4);
        } else if !self.eat("}}") {
            return Err(self.fault("a comment must end its action: write */}}"));
        }
        Ok(trims)
    }

    fn tokens(&mut self) -> Result<(Vec<Token>, bool), Fault> {
        let mut tokens = Vec::new();
        let mut open = 0_usize;
        loop {
            let is_spaced = !self.take_while(|c| SPACES.contains(&c)).is_empty();
            let trims = is_spaced && self.rest.starts_with("-}}");
            if trims || self.rest.starts_with("}}") {
                if open > 0 {
                    return Err(self.fault("a parenthesis is not closed"));
                }
                self.take(if trims { 3 } else { 2 });
                return Ok((tokens, trims));
            }
            let line = self.line;
            let kind = self.token()?;
            match kind {
                Kind::Open => open += 1,
                Kind::Close if open == 0 => return Err(self.fault("a closing parenthesis too many")),
                Kind::Close => open -= 1,
                _ => {}
            }
            tokens.push(Token { kind, line, is_spaced });
        }
    }

    fn token(&mut self) -> Result<Kind, Fault> {
        for (text, kind) in [
            (":=", Kind::Declare),
            ("=", Kind::Assign),
            ("|", Kind::Pipe),
            (",", Kind::Comma),
            ("(", Kind::Open),
            (")", Kind::Close),
        ] {
            if self.eat(text) {
                return Ok(kind);
            }
        }
        let mut ahead = self.rest.chars();
        let first = ahead.next().ok_or_else(|| self.fault("an action is not closed: end it with }}"))?;
        let second = ahead.next().unwrap_or(' ');
        match first {
            '"' | '\'' => self.quoted(first),
            '`' => self.raw(),
            '$' => {
                self.take(1);
                let name = self.name()?;
                Ok(Kind::Variable(format!("${name}")))
            }
            '.' if !second.is_ascii_digit() => {
                self.take(1);
                let name = self.name()?;
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name.to_owned()) })
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            c if is_of_a_name(c) => Ok(Kind::Word(self.name()?.to_owned())),
            c => Err(self.fault(format!("{c:?} can't stand in an action"))),
        }
    }

    /// Letters and digits, up to something that may follow a name.
    fn name(&mut self) -> Result<&'a str, Fault> {
        let name = self.take_while(is_of_a_name);
        match self.rest.chars().next() {
            Some(c) if !SPACES.contains(&c) && !".,|:()=".contains(c) && !self.rest.starts_with("}}") => {
                Err(self.fault(format!("{c:?} can't follow a name")))
            }
            _ => Ok(name),
        }
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let text = self.take_while(|c| is_of_a_name(c) || "+-.".contains(c));
        literal::number(text).ok_or_else(|| self.fault(format!("`{text}` is not a number")))
    }

    fn raw(&mut self) -> Result<Kind, Fault> {
        let at = self.line;
        self.take(1);
        let text = self.until("`");
        if !self.eat("`") {
            return Err(Fault::new(at, "a text in backquotes is not closed"));
        }
        Ok(Kind::Text(text.to_owned()))
    }

    fn quoted(&mut self, quote: char) -> Result<Kind, Fault> {
        self.take(1);
        let mut is_escaped = false;
        let end = self.rest.find(|c: char| {
            let ends = (c == quote && !is_escaped) || c == '\n';
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let inner = self.take(end.unwrap_or(self.rest.len()));
        if !self.eat(if quote == '"' { "\"" } else { "'" }) {
            return Err(self.fault("a quoted text is not closed on its line"));
        }
        let text = literal::unquote(inner, quote);
        let text = text.ok_or_else(|| self.fault(format!("`{inner}` holds an escape that doesn't exist")))?;
        if quote == '"' {
            return Ok(Kind::Text(text));
        }
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Kind::Int(i64::from(u32::from(c)))),
            _ => Err(self.fault("single quotes hold exactly one character: use double quotes")),
        }
    }
}

fn is_of_a_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
