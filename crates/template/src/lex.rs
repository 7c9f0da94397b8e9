//! A template in tokens: text outside of `{{ }}`, words and signs inside.

use crate::Error;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// Text outside of actions.
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// A word: a function, a keyword, `true`, `nil`.
    Word(String),
    /// `.name`; a blank stood before it or not.
    Field(String, bool),
    /// `$name`; empty for `$`.
    Variable(String),
    /// `.` alone.
    Dot,
    /// A text in quotes.
    Quoted(String),
    Int(i64),
    Float(f64),
    /// `|`
    Pipe,
    /// `(`
    Left,
    /// `)`
    Right,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `,`
    Comma,
}

/// A token and the line it stands on, from 1.
pub(crate) type Placed = (Token, usize);

pub(crate) fn lex(text: &str) -> Result<Vec<Placed>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut trims_next = false;
    while !rest.is_empty() {
        let (before, action) = match rest.split_once("{{") {
            Some((before, action)) => (before, Some(action)),
            None => (rest, None),
        };
        let trims_this = action.is_some_and(is_trimmed_start);
        let mut before = if trims_next { before.trim_start_matches(is_blank) } else { before };
        if trims_this {
            before = before.trim_end_matches(is_blank);
        }
        if !before.is_empty() {
            tokens.push((Token::Text(before.to_owned()), line_of(text, rest)));
        }
        let Some(action) = action else { break };
        let mut lexer = Lexer { text, rest: if trims_this { skip(action, 2) } else { action }, tokens };
        trims_next = lexer.action()?;
        (tokens, rest) = (lexer.tokens, lexer.rest);
    }
    Ok(tokens)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether an action begins with `- `.
fn is_trimmed_start(action: &str) -> bool {
    action.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_blank))
}

fn skip(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

/// The line, from 1, on which `rest`, the end of `text`, begins.
fn line_of(text: &str, rest: &str) -> usize {
    let read = text.get(..text.len() - rest.len()).unwrap_or_default();
    1 + read.bytes().filter(|byte| *byte == b'\n').count()
}

struct Lexer<'t> {
    text: &'t str,
    rest: &'t str,
    tokens: Vec<Placed>,
}

impl<'t> Lexer<'t> {
    fn error(&self, message: impl AsRef<str>) -> Error {
        Error::new(format!("line:{}: {}", line_of(self.text, self.rest), message.as_ref()))
    }

    fn push(&mut self, token: Token, bytes: usize) {
        self.tokens.push((token, line_of(self.text, self.rest)));
        self.rest = skip(self.rest, bytes);
    }

    /// Reads to behind `}}`; says whether white space after it goes.
    fn action(&mut self) -> Result<bool, Error> {
        if let Some(comment) = self.rest.trim_start_matches(is_blank).strip_prefix("/*") {
            let (_, after) = comment.split_once("*/").ok_or_else(|| self.error("unclosed comment"))?;
            let closed = after.trim_start_matches(is_blank);
            let trims = closed.starts_with('-') && after.starts_with(is_blank);
            let closed = if trims { skip(closed, 1) } else { closed };
            self.rest = closed.strip_prefix("}}").ok_or_else(|| self.error("comment ends before closing delimiter"))?;
            return Ok(trims);
        }
        self.push(Token::Open, 0);
        loop {
            let trimmed = self.rest.trim_start_matches(is_blank);
            let had_blank = trimmed.len() < self.rest.len();
            self.rest = trimmed;
            if had_blank && self.rest.starts_with("-}}") {
                self.push(Token::Close, 3);
                return Ok(true);
            }
            if self.rest.starts_with("}}") {
                self.push(Token::Close, 2);
                return Ok(false);
            }
            self.token(had_blank)?;
        }
    }

    fn token(&mut self, had_blank: bool) -> Result<(), Error> {
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else { return Err(self.error("unclosed action")) };
        let second = chars.next().unwrap_or(' ');
        match first {
            '|' => self.push(Token::Pipe, 1),
            '(' => self.push(Token::Left, 1),
            ')' => self.push(Token::Right, 1),
            ',' => self.push(Token::Comma, 1),
            '=' => self.push(Token::Assign, 1),
            ':' if second == '=' => self.push(Token::Declare, 2),
            '"' => self.quoted('"')?,
            '`' => {
                let (text, _) =
                    skip(self.rest, 1).split_once('`').ok_or_else(|| self.error("unterminated raw quoted string"))?;
                self.push(Token::Quoted(text.to_owned()), text.len() + 2);
            }
            '\'' => self.character()?,
            '.' if is_word_start(second) => {
                let name = word(skip(self.rest, 1));
                self.push(Token::Field(name.to_owned(), had_blank), name.len() + 1);
            }
            '.' if second.is_ascii_digit() => self.number()?,
            '.' => self.push(Token::Dot, 1),
            '$' => {
                let name = word(skip(self.rest, 1));
                self.push(Token::Variable(name.to_owned()), name.len() + 1);
            }
            '0'..='9' => self.number()?,
            '+' | '-' if second.is_ascii_digit() || second == '.' => self.number()?,
            c if is_word_start(c) => {
                let name = word(self.rest);
                self.push(Token::Word(name.to_owned()), name.len());
            }
            c => return Err(self.error(format!("unexpected {c:?} in action"))),
        }
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), Error> {
        let (text, bytes) = self.unquoted(quote)?;
        self.push(Token::Quoted(text), bytes);
        Ok(())
    }

    /// `'a'` is the number of the character.
    fn character(&mut self) -> Result<(), Error> {
        let (text, bytes) = self.unquoted('\'')?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => self.push(Token::Int(i64::from(u32::from(c))), bytes),
            _ => return Err(self.error("malformed character constant")),
        }
        Ok(())
    }

    /// The text between quotes and the bytes it takes with them.
    fn unquoted(&self, quote: char) -> Result<(String, usize), Error> {
        let inner = skip(self.rest, 1);
        let mut chars = inner.char_indices();
        let mut out = Vec::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\n' => break,
                c if c == quote => return Ok((String::from_utf8_lossy(&out).into_owned(), at + 2)),
                '\\' => {
                    let escape = skip(inner, at + 1);
                    let taken = unescape(escape, quote, &mut out)
                        .ok_or_else(|| self.error("invalid escape in a quoted string"))?;
                    // Steps over what the escape took, all ASCII.
                    chars.by_ref().take(taken).for_each(drop);
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err(self.error("unterminated quoted string"))
    }

    fn number(&mut self) -> Result<(), Error> {
        let is_exponent = |before: Option<char>| matches!(before, Some('e' | 'E' | 'p' | 'P'));
        let mut end = 0;
        let mut before = None;
        for (at, c) in self.rest.char_indices() {
            let sign = matches!(c, '+' | '-') && (at == 0 || is_exponent(before));
            if !sign && !c.is_ascii_alphanumeric() && c != '.' && c != '_' {
                break;
            }
            end = at + 1;
            before = Some(c);
        }
        let text = self.rest.get(..end).unwrap_or_default();
        let token = match whole(text) {
            Some(number) => Token::Int(number),
            None => match text.replace('_', "").parse() {
                Ok(number) if text.contains(|c: char| c.is_ascii_digit()) => Token::Float(number),
                _ => return Err(self.error(format!("bad number syntax: {text:?}"))),
            },
        };
        self.push(token, end);
        Ok(())
    }
}

/// A whole number as Go writes it: decimal, `0x`, `0o`, `0b`, or octal with a leading zero.
pub(crate) fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "").to_ascii_lowercase();
    let (radix, digits) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((radix, digits.strip_prefix(prefix)?)))
        .unwrap_or(if digits.len() > 1 && digits.starts_with('0') {
            (8, digits.as_str())
        } else {
            (10, digits.as_str())
        });
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// Resolves the escape after a backslash; returns how many characters it took.
fn unescape(escape: &str, quote: char, out: &mut Vec<u8>) -> Option<usize> {
    let first = escape.chars().next()?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => u8::try_from(quote).ok()?,
        _ => {
            let (start, digits, radix) = match first {
                'x' => (1, 2, 16),
                'u' => (1, 4, 16),
                'U' => (1, 8, 16),
                '0'..='7' => (0, 3, 8),
                _ => return None,
            };
            let code = u32::from_str_radix(escape.get(start..start + digits)?, radix).ok()?;
            if matches!(first, 'u' | 'U') {
                out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(u8::try_from(code).ok()?);
            }
            return Some(start + digits);
        }
    };
    out.push(simple);
    Some(1)
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}
