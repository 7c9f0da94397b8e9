//! Query text to tokens, one at a time, with Loki's rules of what is a word, a number or a function name.

mod number;
mod string;

use std::borrow::Cow;

use crate::ast::{RangeOp, VectorOp};
use crate::words::words;
use crate::{ByteCount, Error, Nanos, Position, Span};

/// The smallest piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'a> {
    End,
    Identifier(&'a str),
    /// A character, or a quoted one, that means nothing.
    Unknown,
    String(String),
    Number(&'a str),
    Duration(Nanos),
    Bytes(ByteCount),
    /// `[5m]`
    Range(Nanos),
    Flag(Flag),
    Symbol(Symbol),
    Word(Word),
    RangeOp(RangeOp),
    VectorOp(VectorOp),
}

words! {
    /// Flags of `logfmt`.
    pub(crate) enum Flag {
        Strict = "--strict",
        KeepEmpty = "--keep-empty",
    }
}

words! {
    /// Punctuation.
    pub(crate) enum Symbol {
        OpenBrace = "{",
        CloseBrace = "}",
        CloseBracket = "]",
        OpenParenthesis = "(",
        CloseParenthesis = ")",
        Comma = ",",
        Dot = ".",
        Pipe = "|",
        PipeExact = "|=",
        PipeMatch = "|~",
        PipePattern = "|>",
        NotPattern = "!>",
        NotMatch = "!~",
        NotEqual = "!=",
        Match = "=~",
        Equal = "=",
        EqualEqual = "==",
        Greater = ">",
        GreaterOrEqual = ">=",
        Less = "<",
        LessOrEqual = "<=",
        Add = "+",
        Sub = "-",
        Mul = "*",
        Div = "/",
        Mod = "%",
        Pow = "^",
    }
}

words! {
    /// Words that are not identifiers, in any case; those of [`Word::is_function`] only before a parenthesis.
    pub(crate) enum Word {
        By = "by",
        Without = "without",
        Bool = "bool",
        Offset = "offset",
        On = "on",
        Ignoring = "ignoring",
        GroupLeft = "group_left",
        GroupRight = "group_right",
        Or = "or",
        And = "and",
        Unless = "unless",
        Unwrap = "unwrap",
        Json = "json",
        Regexp = "regexp",
        Logfmt = "logfmt",
        Unpack = "unpack",
        Pattern = "pattern",
        LabelFormat = "label_format",
        LineFormat = "line_format",
        Decolorize = "decolorize",
        Drop = "drop",
        Keep = "keep",
        LabelReplace = "label_replace",
        Ip = "ip",
        Vector = "vector",
        Bytes = "bytes",
        Duration = "duration",
        DurationSeconds = "duration_seconds",
    }
}

impl Word {
    fn is_function(self) -> bool {
        matches!(
            self,
            Self::LabelReplace | Self::Ip | Self::Vector | Self::Bytes | Self::Duration | Self::DurationSeconds
        )
    }
}

impl Token<'_> {
    /// What Loki calls it in its messages.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Self::End => "$end",
            Self::Identifier(_) | Self::Unknown => "IDENTIFIER",
            Self::String(_) => "STRING",
            Self::Number(_) => "NUMBER",
            Self::Duration(_) => "DURATION",
            Self::Bytes(_) => "BYTES",
            Self::Range(_) => "RANGE",
            Self::Flag(_) => "PARSER_FLAG",
            Self::Symbol(symbol) => symbol.name(),
            Self::Word(Word::Vector) => "VECTOR",
            Self::Word(Word::Bytes) => "BYTES_CONV",
            Self::Word(Word::Duration) => "DURATION_CONV",
            Self::Word(Word::DurationSeconds) => "DURATION_SECONDS_CONV",
            Self::Word(word) => word.name(),
            Self::RangeOp(op) => return op.name().to_ascii_uppercase().into(),
            Self::VectorOp(op) => return op.name().to_ascii_uppercase().into(),
        };
        name.into()
    }

    /// Whether Loki prints line 0 for it: its scanner forgets the line when it looks past a token's first piece.
    fn loses_line(&self) -> bool {
        match self {
            Self::Duration(_) | Self::Bytes(_) | Self::Range(_) | Self::Flag(_) => true,
            Self::Symbol(symbol) => symbol.name().len() == 2,
            Self::End | Self::Identifier(_) | Self::Unknown | Self::String(_) | Self::Number(_) => false,
            Self::Word(_) | Self::RangeOp(_) | Self::VectorOp(_) => false,
        }
    }
}

/// Reads tokens from a text.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text.strip_prefix('\u{feff}').unwrap_or(text) }
    }

    /// The next token and where it stands; [`Token::End`] for ever once the text has ended.
    pub(crate) fn next(&mut self) -> Result<(Token<'a>, Span), Error> {
        self.skip_blanks()?;
        let start = self.offset();
        let token = self.token(start)?;
        Ok((token, Span { start, end: self.offset() }))
    }

    /// Where Loki says that `token`, which begins at `offset`, stands.
    pub(crate) fn position(&self, token: &Token<'_>, offset: usize) -> Position {
        let mut position = self.place(offset);
        if token.loses_line() {
            position.line = 0;
        }
        position
    }

    fn place(&self, offset: usize) -> Position {
        if self.text.is_empty() {
            return Position { offset, line: 0, column: 0 };
        }
        let before = self.text.get(..offset).unwrap_or(self.text);
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let line = before.rsplit('\n').next().unwrap_or(before);
        Position { offset, line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> Error {
        Error::at(self.place(offset), message)
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(bytes);
        self.rest = tail;
        head
    }

    fn skip_while(&mut self, pass: impl Fn(char) -> bool) -> &'a str {
        self.skip(self.rest.find(|c| !pass(c)).unwrap_or(self.rest.len()))
    }

    /// Skips white space and comments: `# …`, `// …`, `/* … */`.
    fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.skip_while(|c| c != '\n');
            } else if let Some(inner) = self.rest.strip_prefix("/*") {
                let start = self.offset();
                let end = inner.find("*/").ok_or_else(|| self.error(start, "comment not terminated"))?;
                self.skip(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self, start: usize) -> Result<Token<'a>, Error> {
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else { return Ok(Token::End) };
        match first {
            '"' | '`' => self.string(start).map(Token::String),
            '\'' => self.character(start),
            '0'..='9' => self.number(start),
            '.' if chars.next().is_some_and(|c| c.is_ascii_digit()) => self.number(start),
            '[' => self.range(start),
            '-' => Ok(self.minus()),
            '\0' => Err(self.error(start, "invalid character NUL")),
            c if c == '_' || c.is_alphabetic() => Ok(self.word()),
            c => Ok(self.symbol(c)),
        }
    }

    /// A flag, a negative duration, or the sign alone.
    fn minus(&mut self) -> Token<'a> {
        if self.rest.starts_with("--") {
            let end = self.rest.find(|c: char| c != '-' && !c.is_alphabetic()).unwrap_or(self.rest.len());
            if let Some(flag) = Flag::from_name(self.rest.split_at(end).0) {
                self.skip(end);
                return Token::Flag(flag);
            }
        }
        self.duration(1).unwrap_or_else(|| {
            self.skip(1);
            Token::Symbol(Symbol::Sub)
        })
    }

    /// `[…]`, whose inside is a duration of Prometheus.
    fn range(&mut self, start: usize) -> Result<Token<'a>, Error> {
        let error = |lexer: &Self, message| {
            let position = Position { line: 0, ..lexer.place(start) };
            Error::at(position, message)
        };
        let inner = self.rest.split_at(1).1;
        let Some((text, _)) = inner.split_once(']') else {
            return Err(error(self, "missing closing ']' in duration".to_owned()));
        };
        let range = Nanos::parse_prometheus(text).map_err(|message| error(self, message))?;
        self.skip(text.len() + 2);
        Ok(Token::Range(range))
    }

    fn word(&mut self) -> Token<'a> {
        let text = self.skip_while(|c| c == '_' || c.is_alphabetic() || c.is_numeric());
        let lower: Cow<'_, str> =
            if text.bytes().any(|b| b.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() };
        let function = RangeOp::from_name(&lower)
            .map(Token::RangeOp)
            .or_else(|| VectorOp::from_name(&lower).map(Token::VectorOp))
            .or_else(|| Word::from_name(&lower).filter(|word| word.is_function()).map(Token::Word));
        match function {
            Some(token) if self.before_arguments() => token,
            Some(_) => Token::Identifier(text),
            None => Word::from_name(&lower).map_or(Token::Identifier(text), Token::Word),
        }
    }

    /// Whether a name here would be that of a function: `(` follows, or `by (`, or `without (`.
    fn before_arguments(&self) -> bool {
        let rest = self.rest.trim_start();
        let after = |word: &str| {
            let (head, tail) = rest.split_at_checked(word.len())?;
            head.eq_ignore_ascii_case(word).then(|| tail.trim_start())
        };
        let rest = after("by").or_else(|| after("without")).unwrap_or(rest);
        rest.starts_with('(')
    }

    fn symbol(&mut self, first: char) -> Token<'a> {
        let two = self.rest.split_at_checked(2).and_then(|(head, _)| Symbol::from_name(head));
        let one = self.rest.split_at_checked(1).and_then(|(head, _)| Symbol::from_name(head));
        let symbol = two.or(one);
        self.skip(symbol.map_or(first.len_utf8(), |symbol| symbol.name().len()));
        symbol.map_or(Token::Unknown, Token::Symbol)
    }
}

#[cfg(test)]
mod tests;
