//! Tokens to syntax tree, by recursive descent.

mod label_filter;
mod log;
mod metric;
mod range;
mod stage;

use crate::lex::{Lexer, Symbol, Token, Word};
use crate::{Error, Expr, Matcher, Regex, Span};

/// Longest query, in bytes.
pub const MAX_LENGTH: usize = 131_072;

/// How deep a tree may be, and how deep parentheses may nest.
pub const MAX_DEPTH: usize = 256;

/// Most memory that the automata of all expressions in a query may take; usual ones take a few kilobytes.
const MAX_REGEX_BYTES: usize = 32 << 20;

/// Reads a query in time linear in its length.
///
/// The query may select any streams, even all of them; see [`Expr::validate_for_query`].
///
/// # Errors
/// Loki's text of what is wrong, with its position when the text cannot be read.
pub fn parse(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expression(0)?.expr;
    parser.end()?;
    Ok(expr)
}

/// Reads a bare selector, `{app="shop"}`; it may select any streams, even all of them.
///
/// # Errors
/// As [`parse`]; a query that is more than a selector is an error.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse(text)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.selector.matchers),
        Expr::Log(_) | Expr::Metric(_) => Err(Error::new("only label matchers are supported")),
    }
}

/// A text being read: the token at hand and what comes after it.
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Of the token at hand.
    span: Span,
    /// Of the token before.
    last: Span,
    depth: usize,
    /// Taken by the automata of the expressions so far.
    regex_bytes: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        if text.len() >= MAX_LENGTH {
            return Err(Error::new(format!("input size too long ({} > {MAX_LENGTH})", text.len())));
        }
        let mut lexer = Lexer::new(text);
        let (token, span) = lexer.next()?;
        Ok(Self { lexer, token, span, last: Span::default(), depth: 0, regex_bytes: 0 })
    }

    /// Takes the token at hand.
    fn bump(&mut self) -> Result<Token<'a>, Error> {
        let (token, span) = self.lexer.next()?;
        self.last = std::mem::replace(&mut self.span, span);
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// The token after the one at hand; broken ones come up when their turn comes.
    fn peek(&self) -> Token<'a> {
        self.lexer.clone().next().map_or(Token::Unknown, |(token, _)| token)
    }

    fn at(&self, symbol: Symbol) -> bool {
        self.token == Token::Symbol(symbol)
    }

    fn at_word(&self, word: Word) -> bool {
        self.token == Token::Word(word)
    }

    /// Takes `symbol` if it is at hand.
    fn take(&mut self, symbol: Symbol) -> Result<bool, Error> {
        let found = self.at(symbol);
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    fn take_word(&mut self, word: Word) -> Result<bool, Error> {
        let found = self.at_word(word);
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: Symbol) -> Result<(), Error> {
        if self.take(symbol)? { Ok(()) } else { Err(self.unexpected(&[symbol.name()])) }
    }

    fn identifier(&mut self) -> Result<String, Error> {
        match self.token {
            Token::Identifier(name) => {
                self.bump()?;
                Ok(name.to_owned())
            }
            _ => Err(self.unexpected(&["IDENTIFIER"])),
        }
    }

    /// The text of a number without sign.
    fn number_text(&mut self) -> Result<&'a str, Error> {
        match self.token {
            Token::Number(text) => {
                self.bump()?;
                Ok(text)
            }
            _ => Err(self.unexpected(&["NUMBER"])),
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        match &mut self.token {
            Token::String(text) => {
                let text = std::mem::take(text);
                self.bump()?;
                Ok(text)
            }
            _ => Err(self.unexpected(&["STRING"])),
        }
    }

    fn regex(&mut self, text: &str) -> Result<Regex, String> {
        let (regex, bytes) = Regex::measured(text)?;
        self.regex_bytes += bytes;
        if MAX_REGEX_BYTES < self.regex_bytes {
            return Err("regular expressions of the query are too large together".to_owned());
        }
        Ok(regex)
    }

    fn end(&self) -> Result<(), Error> {
        if self.token == Token::End { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    /// From the start of `first` to the end of the token before the one at hand.
    fn since(&self, first: Span) -> Span {
        first.to(self.last)
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.nest()?;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Goes one level deeper.
    fn nest(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if MAX_DEPTH < self.depth { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&self) -> Error {
        self.error(format!("expression nests too deeply (more than {MAX_DEPTH} levels)"))
    }

    /// The error of a token that cannot stand here; Loki names what could when that is at most four things.
    fn unexpected(&self, expected: &[&str]) -> Error {
        let mut message = format!("syntax error: unexpected {}", self.token.name());
        if !expected.is_empty() {
            message.push_str(", expecting ");
            message.push_str(&expected.join(" or "));
        }
        self.error(message)
    }

    fn error(&self, message: String) -> Error {
        Error::at(self.lexer.position(&self.token, self.span.start), message)
    }
}

/// Reads what Go reads as a float; `text` is a number token.
fn float(text: &str) -> Result<f64, String> {
    let error = |what| format!("strconv.ParseFloat: parsing {text:?}: {what}");
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => hexadecimal(digits),
        None => text.parse::<f64>().ok(),
    };
    match value {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err(error("value out of range")),
        None => Err(error("invalid syntax")),
    }
}

/// Reads `1.8p3`: hexadecimal digits and a binary exponent, which must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(4 * places)?;
    Some(value * 2.0_f64.powi(exponent))
}

#[cfg(test)]
mod tests;
