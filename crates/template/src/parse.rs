//! Tokens to tree: blocks, pipes, commands. Functions and variables must be known.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Branch, Command, Node, Operand, Pipe};
use crate::func::Dialect;
use crate::lex::{Placed, Token, lex};
use crate::{Error, MAX_DEPTH, func};

/// A template and those it defines.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) nodes: Vec<Node>,
    pub(crate) defined: BTreeMap<String, Vec<Node>>,
    pub(crate) names: BTreeSet<String>,
    pub(crate) reads_all: bool,
    pub(crate) reads_line: bool,
}

pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Parsed, Error> {
    let tokens = lex(text)?;
    let variables = vec![String::new()];
    let mut parser =
        Parser { tokens, dialect, at: 0, line: 1, parsed: Parsed::default(), variables, depth: 0, loops: 0 };
    let (nodes, end) = parser.nodes(true)?;
    if let Some(end) = end {
        return Err(parser.error(format!("unexpected {{{{{end}}}}}")));
    }
    parser.parsed.nodes = nodes;
    Ok(parser.parsed)
}

struct Parser {
    tokens: Vec<Placed>,
    dialect: Dialect,
    at: usize,
    line: usize,
    parsed: Parsed,
    /// Names of the variables that are known here; the first is `$` itself.
    variables: Vec<String>,
    depth: usize,
    /// How many `range` surround this place.
    loops: usize,
}

impl Parser {
    fn error(&self, message: impl AsRef<str>) -> Error {
        Error::new(format!("line:{}: {}", self.line, message.as_ref()))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let (token, line) = self.tokens.get(self.at).cloned()?;
        self.at += 1;
        self.line = line;
        Some(token)
    }

    fn accept(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, token: &Token, place: &str) -> Result<(), Error> {
        if self.accept(token) { Ok(()) } else { Err(self.error(format!("unexpected token in {place}"))) }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("nests too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads to the end of the text or to `end`, `else`, whose word is returned.
    fn nodes(&mut self, is_root: bool) -> Result<(Vec<Node>, Option<String>), Error> {
        self.deeper(|parser| {
            let mut nodes = Vec::new();
            while let Some(token) = parser.next() {
                if let Token::Text(text) = token {
                    nodes.push(Node::Text(text));
                    continue;
                }
                match parser.peek() {
                    Some(Token::Word(word)) if word == "end" || word == "else" => {
                        let word = word.clone();
                        parser.next();
                        return Ok((nodes, Some(word)));
                    }
                    _ => nodes.extend(parser.action(is_root)?),
                }
            }
            Ok((nodes, None))
        })
    }

    fn action(&mut self, is_root: bool) -> Result<Option<Node>, Error> {
        let keyword = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        };
        match keyword.as_str() {
            "if" | "with" | "range" => {
                self.next();
                let branch = self.branch(&keyword, is_root)?;
                Ok(Some(match keyword.as_str() {
                    "if" => Node::If(branch),
                    "with" => Node::With(branch),
                    _ => Node::Range(branch),
                }))
            }
            "break" | "continue" => {
                self.next();
                self.expect(&Token::Close, &keyword)?;
                if self.loops == 0 {
                    return Err(self.error(format!("{{{{{keyword}}}}} outside {{{{range}}}}")));
                }
                Ok(Some(if keyword == "break" { Node::Break } else { Node::Continue }))
            }
            "define" | "block" => self.definition(&keyword, is_root),
            "template" => {
                self.next();
                let name = self.quoted("template clause")?;
                let argument = self.argument(is_root)?;
                Ok(Some(Node::Call(name, argument)))
            }
            _ => {
                let pipe = self.pipe(is_root, false)?;
                self.expect(&Token::Close, "command")?;
                Ok(Some(put(pipe)))
            }
        }
    }

    /// The pipe of `template` and `block`, if there is one, and the end of the action.
    fn argument(&mut self, is_root: bool) -> Result<Option<Pipe>, Error> {
        if self.accept(&Token::Close) {
            return Ok(None);
        }
        let pipe = self.pipe(is_root, false)?;
        self.expect(&Token::Close, "template clause")?;
        Ok(Some(pipe))
    }

    fn definition(&mut self, keyword: &str, is_root: bool) -> Result<Option<Node>, Error> {
        self.next();
        let name = self.quoted(keyword)?;
        let argument = self.argument(is_root)?;
        if keyword == "define" && argument.is_some() {
            return Err(self.error("unexpected token in define clause"));
        }
        let known = std::mem::replace(&mut self.variables, vec![String::new()]);
        let loops = std::mem::take(&mut self.loops);
        let (nodes, end) = self.nodes(false)?;
        (self.variables, self.loops) = (known, loops);
        self.end(end.as_deref())?;
        self.parsed.defined.insert(name.clone(), nodes);
        Ok((keyword == "block").then_some(Node::Call(name, argument)))
    }

    fn end(&mut self, word: Option<&str>) -> Result<(), Error> {
        match word {
            Some("end") => self.expect(&Token::Close, "end"),
            Some(word) => Err(self.error(format!("unexpected {{{{{word}}}}}"))),
            None => Err(self.error("unexpected EOF")),
        }
    }

    fn quoted(&mut self, place: &str) -> Result<String, Error> {
        match self.next() {
            Some(Token::Quoted(name)) => Ok(name),
            _ => Err(self.error(format!("unexpected token in {place}"))),
        }
    }

    fn branch(&mut self, keyword: &str, is_root: bool) -> Result<Branch, Error> {
        let known = self.variables.len();
        let pipe = self.pipe(is_root, keyword == "range")?;
        self.expect(&Token::Close, keyword)?;
        let inner_is_root = is_root && keyword == "if";
        let is_loop = usize::from(keyword == "range");
        self.loops += is_loop;
        let (then, end) = self.nodes(inner_is_root)?;
        self.loops -= is_loop;
        let mut otherwise = Vec::new();
        match end.as_deref() {
            Some("else") => match self.peek() {
                // `{{else if x}}` is a block of its own inside of the else, with one end for both.
                Some(Token::Word(word)) if word == keyword && keyword != "range" => {
                    self.next();
                    let branch = self.deeper(|parser| parser.branch(keyword, is_root))?;
                    otherwise.push(if keyword == "if" { Node::If(branch) } else { Node::With(branch) });
                }
                _ => {
                    self.expect(&Token::Close, "else")?;
                    let (nodes, end) = self.nodes(is_root)?;
                    otherwise = nodes;
                    self.end(end.as_deref())?;
                }
            },
            other => self.end(other)?,
        }
        self.variables.truncate(known);
        Ok(Branch { pipe, then, otherwise })
    }

    fn pipe(&mut self, is_root: bool, is_range: bool) -> Result<Pipe, Error> {
        self.deeper(|parser| {
            let (variables, assigns) = parser.declared(is_range)?;
            let mut commands = vec![parser.command(is_root)?];
            while parser.accept(&Token::Pipe) {
                let command = parser.command(is_root)?;
                if !matches!(
                    command.head,
                    Operand::Function(_) | Operand::Field(_) | Operand::Variable(..) | Operand::Pipe(..)
                ) {
                    return Err(parser.error("non executable command in pipeline"));
                }
                commands.push(command);
            }
            if !assigns {
                parser.variables.extend(variables.iter().cloned());
            }
            Ok(Pipe { variables, assigns, commands })
        })
    }

    /// `$x :=`, `$x =`, `$i, $x :=`; puts back what is none of them.
    fn declared(&mut self, is_range: bool) -> Result<(Vec<String>, bool), Error> {
        let start = self.at;
        let mut variables = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            variables.push(name);
            self.at += 1;
            match self.next() {
                Some(Token::Comma) if is_range && variables.len() == 1 => {}
                Some(sign @ (Token::Declare | Token::Assign)) => {
                    let assigns = sign == Token::Assign;
                    if assigns {
                        variables.iter().try_for_each(|name| self.known(name))?;
                    }
                    return Ok((variables, assigns));
                }
                _ => break,
            }
        }
        self.at = start;
        Ok((Vec::new(), false))
    }

    fn known(&self, name: &str) -> Result<(), Error> {
        if self.variables.iter().any(|known| known == name) {
            Ok(())
        } else {
            Err(self.error(format!("undefined variable \"${name}\"")))
        }
    }

    fn command(&mut self, is_root: bool) -> Result<Command, Error> {
        let mut operands = Vec::new();
        while let Some(operand) = self.operand(is_root)? {
            operands.push(operand);
        }
        if operands.is_empty() {
            return Err(self.error("missing value for command"));
        }
        let arguments = operands.split_off(1);
        let head = operands.swap_remove(0);
        let is_plain = matches!(
            head,
            Operand::Dot | Operand::Nil | Operand::Bool(_) | Operand::Int(_) | Operand::Float(_) | Operand::Text(_)
        );
        if is_plain && !arguments.is_empty() {
            return Err(self.error("can't give argument to non-function"));
        }
        Ok(Command { head, arguments })
    }

    fn operand(&mut self, is_root: bool) -> Result<Option<Operand>, Error> {
        let operand = match self.peek() {
            None | Some(Token::Close | Token::Pipe | Token::Right) => return Ok(None),
            Some(Token::Left) => {
                self.next();
                let pipe = self.pipe(is_root, false)?;
                self.expect(&Token::Right, "parenthesis")?;
                Operand::Pipe(Box::new(pipe), self.fields())
            }
            Some(_) => match self.next() {
                Some(Token::Dot) => {
                    self.parsed.reads_all |= is_root;
                    Operand::Dot
                }
                Some(Token::Field(name, _)) => {
                    self.parsed.names.insert(name.clone());
                    let mut names = vec![name];
                    names.extend(self.fields());
                    Operand::Field(names)
                }
                Some(Token::Variable(name)) => {
                    self.known(&name)?;
                    let fields = self.fields();
                    match fields.first() {
                        Some(field) => drop(self.parsed.names.insert(field.clone())),
                        None => self.parsed.reads_all |= name.is_empty(),
                    }
                    Operand::Variable(name, fields)
                }
                Some(Token::Quoted(text)) => Operand::Text(text),
                Some(Token::Int(number)) => Operand::Int(number),
                Some(Token::Float(number)) => Operand::Float(number),
                Some(Token::Word(word)) => self.word(&word)?,
                _ => return Err(self.error("unexpected token in operand")),
            },
        };
        Ok(Some(operand))
    }

    /// Fields that follow without a blank.
    fn fields(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(Token::Field(name, false)) = self.peek() {
            names.push(name.clone());
            self.next();
        }
        names
    }

    fn word(&mut self, word: &str) -> Result<Operand, Error> {
        Ok(match word {
            "true" => Operand::Bool(true),
            "false" => Operand::Bool(false),
            "nil" => Operand::Nil,
            name => {
                self.parsed.reads_line |= name == "__line__";
                let function = func::find(name, self.dialect);
                let function =
                    Operand::Function(function.ok_or_else(|| self.error(format!("function {name:?} not defined")))?);
                match self.fields() {
                    fields if fields.is_empty() => function,
                    fields => {
                        let commands = vec![Command { head: function, arguments: Vec::new() }];
                        Operand::Pipe(Box::new(Pipe { variables: Vec::new(), assigns: false, commands }), fields)
                    }
                }
            }
        })
    }
}

/// An action that prints one field is a node of its own.
fn put(mut pipe: Pipe) -> Node {
    if pipe.variables.is_empty()
        && let [Command { head: Operand::Field(names), arguments }] = pipe.commands.as_mut_slice()
        && arguments.is_empty()
        && names.len() == 1
    {
        return Node::Field(names.swap_remove(0));
    }
    Node::Put(pipe)
}
