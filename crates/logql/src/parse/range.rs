//! Range aggregations, and log queries with a range, in every order that Loki accepts.

use super::{Parser, float};
use crate::ast::{Conversion, LogRange, RangeAggregation, RangeOp, Selector, Unwrap};
use crate::lex::{Symbol, Token, Word};
use crate::{Error, LogExpr, Nanos, Span};

impl Parser<'_> {
    pub(super) fn range_aggregation(&mut self, op: RangeOp) -> Result<RangeAggregation, Error> {
        let start = self.span;
        self.bump()?;
        self.expect(Symbol::OpenParenthesis)?;
        let parameter = if let Token::Number(text) = self.token {
            self.bump()?;
            self.expect(Symbol::Comma)?;
            Some(text)
        } else if self.at_range() {
            None
        } else {
            return Err(self.unexpected(&["NUMBER", "{", "("]));
        };
        let range = self.log_range()?;
        self.expect(Symbol::CloseParenthesis)?;
        let grouping = self.grouping()?;
        let quantile = quantile(op, parameter)?;
        let aggregation = RangeAggregation { op, quantile, range, grouping, span: self.since(start) };
        check(&aggregation)?;
        Ok(aggregation)
    }

    fn at_range(&self) -> bool {
        self.at(Symbol::OpenBrace) || self.at(Symbol::OpenParenthesis)
    }

    /// A log query with its range, in any of Loki's orders: the range stands behind the selector, the stages or the
    /// parentheses around them.
    fn log_range(&mut self) -> Result<LogRange, Error> {
        let start = self.span;
        if self.at(Symbol::OpenBrace) {
            let selector = self.selector()?;
            return self.after_selector(start, selector);
        }
        if !self.take(Symbol::OpenParenthesis)? {
            return Err(self.unexpected(&["{", "("]));
        }
        self.deeper(|parser| parser.in_parentheses(start))
    }

    fn in_parentheses(&mut self, start: Span) -> Result<LogRange, Error> {
        if !self.at(Symbol::OpenBrace) {
            let range = self.log_range()?;
            self.expect(Symbol::CloseParenthesis)?;
            return Ok(range);
        }
        let selector = self.selector()?;
        let (log, unwrap) = if matches!(self.token, Token::Range(_)) {
            let range = self.after_selector(start, selector)?;
            self.expect(Symbol::CloseParenthesis)?;
            return Ok(range);
        } else {
            self.stages_and_unwrap(selector)?
        };
        if matches!(self.token, Token::Range(_)) {
            let (range, offset) = self.range_and_offset(&[])?;
            self.expect(Symbol::CloseParenthesis)?;
            return Ok(LogRange { log, unwrap, range, offset, span: self.since(start) });
        }
        if !self.take(Symbol::CloseParenthesis)? {
            return Err(self.unexpected(if unwrap.is_some() { &["RANGE", ")", "|"] } else { &[] }));
        }
        let (range, offset) = self.range_and_offset(&["RANGE"])?;
        let bare = log.stages.is_empty() && unwrap.is_none();
        let unwrap = if bare { self.unwrap()? } else { unwrap };
        Ok(LogRange { log, unwrap, range, offset, span: self.since(start) })
    }

    /// Range and stages, in one order or the other.
    fn after_selector(&mut self, start: Span, selector: Selector) -> Result<LogRange, Error> {
        if matches!(self.token, Token::Range(_)) {
            let (range, offset) = self.range_and_offset(&[])?;
            let (log, unwrap) = self.stages_and_unwrap(selector)?;
            return Ok(LogRange { log, unwrap, range, offset, span: self.since(start) });
        }
        let (log, unwrap) = self.stages_and_unwrap(selector)?;
        let expected: &[&str] = if unwrap.is_some() { &["RANGE", "|"] } else { &[] };
        let (range, offset) = self.range_and_offset(expected)?;
        Ok(LogRange { log, unwrap, range, offset, span: self.since(start) })
    }

    fn stages_and_unwrap(&mut self, selector: Selector) -> Result<(LogExpr, Option<Unwrap>), Error> {
        let stages = self.stages(true)?;
        let span = self.since(selector.span);
        Ok((LogExpr { selector, stages, span }, self.unwrap()?))
    }

    /// `[5m] offset 1h`
    fn range_and_offset(&mut self, expected: &[&str]) -> Result<(Nanos, Nanos), Error> {
        let Token::Range(range) = self.token else {
            return Err(self.unexpected(expected));
        };
        self.bump()?;
        if !self.take_word(Word::Offset)? {
            return Ok((range, Nanos(0)));
        }
        let Token::Duration(offset) = self.token else {
            return Err(self.unexpected(&["DURATION"]));
        };
        self.bump()?;
        Ok((range, offset))
    }

    /// `| unwrap x | filter | filter`, if at hand.
    fn unwrap(&mut self) -> Result<Option<Unwrap>, Error> {
        if !self.at(Symbol::Pipe) || self.peek() != Token::Word(Word::Unwrap) {
            return Ok(None);
        }
        let start = self.span;
        self.bump()?;
        self.bump()?;
        let (conversion, label) = self.unwrapped_label()?;
        let mut filters = Vec::new();
        while self.take(Symbol::Pipe)? {
            filters.push(self.label_filter()?);
        }
        Ok(Some(Unwrap { label, conversion, filters, span: self.since(start) }))
    }

    fn unwrapped_label(&mut self) -> Result<(Conversion, String), Error> {
        let conversion = match self.token {
            Token::Identifier(_) => return Ok((Conversion::Number, self.identifier()?)),
            Token::Word(Word::Bytes) => Conversion::Bytes,
            Token::Word(Word::Duration | Word::DurationSeconds) => Conversion::Duration,
            _ => return Err(self.unexpected(&["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"])),
        };
        self.bump()?;
        self.expect(Symbol::OpenParenthesis)?;
        let label = self.identifier()?;
        self.expect(Symbol::CloseParenthesis)?;
        Ok((conversion, label))
    }
}

/// The parameter of `quantile_over_time`, which must have one, as the others must not.
fn quantile(op: RangeOp, parameter: Option<&str>) -> Result<Option<f64>, Error> {
    match (op, parameter) {
        (RangeOp::QuantileOverTime, Some(text)) => {
            float(text).map(Some).map_err(|error| Error::new(format!("invalid parameter for operation {op}: {error}")))
        }
        (RangeOp::QuantileOverTime, None) => Err(Error::new(format!("parameter required for operation {op}"))),
        (_, Some(text)) => Err(Error::new(format!("parameter {text} not supported for operation {op}"))),
        (_, None) => Ok(None),
    }
}

/// Refuses a function with a grouping, or with or without samples, that it cannot work on.
fn check(aggregation: &RangeAggregation) -> Result<(), Error> {
    let op = aggregation.op;
    let unwrapped = aggregation.range.unwrap.is_some();
    if aggregation.grouping.is_some() && !op.allows_grouping() {
        Err(Error::new(format!("grouping not allowed for {op} aggregation")))
    } else if unwrapped && !op.allows_unwrap() {
        Err(Error::new(format!("invalid aggregation {op} with unwrap")))
    } else if !unwrapped && op.needs_unwrap() {
        Err(Error::new(format!("invalid aggregation {op} without unwrap")))
    } else {
        Ok(())
    }
}
