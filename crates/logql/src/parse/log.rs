//! Selectors, line filters and pipelines as a whole.

use super::Parser;
use crate::ast::{LineFilter, Needle, Quoted, Selector, Stage, ValueTest};
use crate::lex::{Symbol, Token, Word};
use crate::{Error, IpSet, LogExpr, Matcher, Pattern};

impl Parser<'_> {
    /// `{…} stage stage …`
    pub(super) fn log_expr(&mut self) -> Result<LogExpr, Error> {
        let selector = self.selector()?;
        let stages = self.stages(false)?;
        let span = self.since(selector.span);
        Ok(LogExpr { selector, stages, span })
    }

    pub(super) fn selector(&mut self) -> Result<Selector, Error> {
        let start = self.span;
        self.expect(Symbol::OpenBrace)?;
        let mut matchers = Vec::new();
        if self.take(Symbol::CloseBrace)? {
            return Ok(Selector { matchers, span: self.since(start) });
        }
        if !matches!(self.token, Token::Identifier(_)) {
            return Err(self.unexpected(&["IDENTIFIER", "}"]));
        }
        loop {
            matchers.push(self.matcher()?);
            if self.take(Symbol::CloseBrace)? {
                return Ok(Selector { matchers, span: self.since(start) });
            }
            if !self.take(Symbol::Comma)? {
                return Err(self.unexpected(&["}", ","]));
            }
        }
    }

    pub(super) fn matcher(&mut self) -> Result<Matcher, Error> {
        let start = self.span;
        let name = self.identifier()?;
        match self.value_test()? {
            Some(test) => Ok(Matcher { name, test, span: self.since(start) }),
            None => Err(self.unexpected(&["=", "=~", "!~", "!="])),
        }
    }

    /// `= "x"`, `!= "x"`, `=~ "x"`, `!~ "x"`; `None` when no such operator is at hand.
    pub(super) fn value_test(&mut self) -> Result<Option<ValueTest>, Error> {
        let Token::Symbol(symbol) = self.token else { return Ok(None) };
        if !matches!(symbol, Symbol::Equal | Symbol::NotEqual | Symbol::Match | Symbol::NotMatch) {
            return Ok(None);
        }
        self.bump()?;
        let text = self.string()?;
        self.test(symbol, text).map(Some)
    }

    fn test(&mut self, op: Symbol, text: String) -> Result<ValueTest, Error> {
        match op {
            Symbol::Equal => Ok(ValueTest::Equal(text)),
            Symbol::NotEqual => Ok(ValueTest::NotEqual(text)),
            Symbol::Match => self.regex(&text).map(ValueTest::Match).map_err(Error::new),
            _ => self.regex(&text).map(ValueTest::NotMatch).map_err(Error::new),
        }
    }

    /// The stages up to what is none; with `before_unwrap`, `| unwrap` is none.
    pub(super) fn stages(&mut self, before_unwrap: bool) -> Result<Vec<Stage>, Error> {
        let mut stages = Vec::new();
        loop {
            let start = self.span;
            if let Some(filter) = self.line_filter()? {
                stages.push(Stage::LineFilter(filter));
                continue;
            }
            if !self.at(Symbol::Pipe) || before_unwrap && self.peek() == Token::Word(Word::Unwrap) {
                return Ok(stages);
            }
            self.bump()?;
            stages.push(self.stage(start)?);
        }
    }

    fn line_filter(&mut self) -> Result<Option<LineFilter>, Error> {
        let Token::Symbol(op) = self.token else { return Ok(None) };
        let negated = match op {
            Symbol::PipeExact | Symbol::PipeMatch | Symbol::PipePattern => false,
            Symbol::NotEqual | Symbol::NotMatch | Symbol::NotPattern => true,
            _ => return Ok(None),
        };
        let start = self.span;
        self.bump()?;
        let mut needles = vec![self.needle(op)?];
        while self.take_word(Word::Or)? {
            needles.push(self.needle(op)?);
        }
        Ok(Some(LineFilter { negated, needles, span: self.since(start) }))
    }

    fn needle(&mut self, op: Symbol) -> Result<Needle, Error> {
        let is_text = matches!(op, Symbol::PipeExact | Symbol::NotEqual);
        if self.at_word(Word::Ip) {
            let text = self.ip_text()?;
            let stage = || format!("{op} ip({})", Quoted(&text));
            if !is_text {
                return Err(Error::stage(stage(), "ip: invalid operation"));
            }
            return match IpSet::parse(&text) {
                Some(set) => Ok(Needle::Ip(set)),
                None => Err(Error::stage(stage(), format!("ip: invalid pattern: {}", Quoted(&text)))),
            };
        }
        let Token::String(_) = self.token else {
            return Err(self.unexpected(&["STRING", "ip"]));
        };
        let text = self.string()?;
        let stage = |text: &str| format!("{op} {}", Quoted(text));
        match op {
            Symbol::PipeMatch | Symbol::NotMatch => {
                self.regex(&text).map(Needle::Regex).map_err(|error| Error::stage(stage(&text), error))
            }
            Symbol::PipePattern | Symbol::NotPattern => {
                Pattern::matching(&text).map(Needle::Pattern).map_err(|error| Error::stage(stage(&text), error))
            }
            _ => Ok(Needle::Text(text)),
        }
    }

    /// `ip("…")`: the text.
    pub(super) fn ip_text(&mut self) -> Result<String, Error> {
        self.bump()?;
        self.expect(Symbol::OpenParenthesis)?;
        let text = self.string()?;
        self.expect(Symbol::CloseParenthesis)?;
        Ok(text)
    }
}
