//! Label filters.
//!
//! `and` binds tighter than `or`. A comma, or nothing at all, is an `and` whose right side is everything that follows and
//! whose left side is only the condition before it: `a or b, c or d` is `a or (b and (c or d))`, as in Loki's grammar.

use super::Parser;
use crate::ast::{Compare, LabelFilter, LabelTest, LabelValue, Quoted, ValueTest};
use crate::lex::{Symbol, Token, Word};
use crate::{Error, IpSet, Matcher};

/// A filter being read: all of `sealed`, and one of the `alternatives`, each a list of which all must hold.
struct Frame {
    sealed: Vec<LabelFilter>,
    alternatives: Vec<Vec<LabelFilter>>,
}

impl Parser<'_> {
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, Error> {
        let depth = self.depth;
        let mut outer: Vec<Frame> = Vec::new();
        let mut frame = Frame::new(self.condition()?);
        loop {
            if self.take_word(Word::And)? {
                let condition = self.condition()?;
                frame.and(condition);
            } else if self.take_word(Word::Or)? {
                frame.alternatives.push(vec![self.condition()?]);
            } else if self.take(Symbol::Comma)? || self.at_condition() {
                let condition = self.condition()?;
                if let [only] = frame.alternatives.as_mut_slice() {
                    let sealed = std::mem::replace(only, vec![condition]);
                    frame.sealed.extend(sealed);
                } else {
                    // What follows becomes part of an alternative: one level deeper in the tree.
                    self.nest()?;
                    outer.push(std::mem::replace(&mut frame, Frame::new(condition)));
                }
            } else {
                break;
            }
        }
        self.depth = depth;
        Ok(outer.into_iter().rev().fold(frame.close(), |inner, mut frame| {
            frame.and(inner);
            frame.close()
        }))
    }

    fn at_condition(&self) -> bool {
        matches!(self.token, Token::Identifier(_) | Token::Symbol(Symbol::OpenParenthesis))
    }

    fn condition(&mut self) -> Result<LabelFilter, Error> {
        if !self.at_condition() {
            return Err(self.unexpected(&["IDENTIFIER", "("]));
        }
        if self.take(Symbol::OpenParenthesis)? {
            let filter = self.deeper(Self::label_filter)?;
            if self.take(Symbol::CloseParenthesis)? {
                return Ok(filter);
            }
            return Err(self.unexpected(&[]));
        }
        let start = self.span;
        let name = self.identifier()?;
        let Token::Symbol(op) = self.token else {
            return Err(self.unexpected(&[]));
        };
        if matches!(op, Symbol::Match | Symbol::NotMatch) {
            let test = self.value_test()?;
            return test
                .map(|test| LabelFilter::Match(Matcher { name, test, span: self.since(start) }))
                .ok_or_else(|| self.unexpected(&["STRING"]));
        }
        let Some(compare) = compare(op) else {
            return Err(self.unexpected(&[]));
        };
        self.bump()?;
        let for_text = matches!(op, Symbol::Equal | Symbol::NotEqual);
        match &self.token {
            Token::String(_) if for_text => {
                let text = self.string()?;
                let test = if op == Symbol::Equal { ValueTest::Equal(text) } else { ValueTest::NotEqual(text) };
                Ok(LabelFilter::Match(Matcher { name, test, span: self.since(start) }))
            }
            Token::Word(Word::Ip) if for_text => {
                let text = self.ip_text()?;
                let Some(set) = IpSet::parse(&text) else {
                    let stage = format!("| {name}{op}ip({})", Quoted(&text));
                    return Err(Error::stage(stage, format_args!("ip: invalid pattern: {}", Quoted(&text))));
                };
                Ok(LabelFilter::Ip { name, negated: op == Symbol::NotEqual, set, span: self.since(start) })
            }
            _ => {
                let value = self.label_value()?;
                Ok(LabelFilter::Compare(LabelTest { name, compare, value, span: self.since(start) }))
            }
        }
    }

    fn label_value(&mut self) -> Result<LabelValue, Error> {
        match self.token {
            Token::Duration(value) => {
                self.bump()?;
                Ok(LabelValue::Duration(value))
            }
            Token::Bytes(value) => {
                self.bump()?;
                Ok(LabelValue::Bytes(value))
            }
            Token::Number(_) | Token::Symbol(Symbol::Add | Symbol::Sub) => {
                self.number().map(|number| LabelValue::Number(number.value))
            }
            _ => Err(self.unexpected(&[])),
        }
    }
}

fn compare(op: Symbol) -> Option<Compare> {
    match op {
        Symbol::Equal | Symbol::EqualEqual => Some(Compare::Equal),
        Symbol::NotEqual => Some(Compare::NotEqual),
        Symbol::Greater => Some(Compare::Greater),
        Symbol::GreaterOrEqual => Some(Compare::GreaterOrEqual),
        Symbol::Less => Some(Compare::Less),
        Symbol::LessOrEqual => Some(Compare::LessOrEqual),
        _ => None,
    }
}

impl Frame {
    fn new(condition: LabelFilter) -> Self {
        Self { sealed: Vec::new(), alternatives: vec![vec![condition]] }
    }

    /// Adds a condition to the last alternative.
    fn and(&mut self, condition: LabelFilter) {
        if let Some(all) = self.alternatives.last_mut() {
            all.push(condition);
        }
    }

    fn close(mut self) -> LabelFilter {
        self.sealed.push(any(self.alternatives.into_iter().map(all)));
        all(self.sealed)
    }
}

fn any(parts: impl IntoIterator<Item = LabelFilter>) -> LabelFilter {
    let open = |part| match part {
        LabelFilter::Any(parts) => parts,
        other => vec![other],
    };
    only(parts.into_iter().flat_map(open).collect()).unwrap_or_else(LabelFilter::Any)
}

fn all(parts: impl IntoIterator<Item = LabelFilter>) -> LabelFilter {
    let open = |part| match part {
        LabelFilter::All(parts) => parts,
        other => vec![other],
    };
    only(parts.into_iter().flat_map(open).collect()).unwrap_or_else(LabelFilter::All)
}

fn only(mut parts: Vec<LabelFilter>) -> Result<LabelFilter, Vec<LabelFilter>> {
    if parts.len() == 1 { Ok(parts.remove(0)) } else { Err(parts) }
}
