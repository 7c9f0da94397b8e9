//! Metric expressions: numbers, binary operators, vector aggregations and functions.

use super::{MAX_DEPTH, Parser, float};
use crate::ast::{
    Binary, BinaryOp, GroupSide, GroupedMatch, Grouping, LabelReplace, Matching, MetricExpr, Number, On,
    VectorAggregation, VectorOp,
};
use crate::lex::{Symbol, Token, Word};
use crate::{Error, Expr, Span};

/// An expression and the height of its tree.
pub(super) struct Tall<T> {
    pub(super) expr: T,
    height: usize,
}

impl<T> Tall<T> {
    fn leaf(expr: T) -> Self {
        Self { expr, height: 1 }
    }
}

impl<'a> Parser<'a> {
    /// An expression whose operators bind at least as tightly as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Result<Tall<Expr>, Error> {
        self.deeper(|parser| {
            let start = parser.span;
            let mut left = parser.operand()?;
            while let Some(op) = parser.binary_op().filter(|op| least <= op.precedence()) {
                parser.bump()?;
                left = parser.binary(start, left, op)?;
            }
            Ok(left)
        })
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        match self.token {
            Token::Symbol(symbol) => BinaryOp::from_name(symbol.name()),
            Token::Word(word) => BinaryOp::from_name(word.name()),
            _ => None,
        }
    }

    /// The rest of a binary expression after its operator.
    fn binary(&mut self, start: Span, left: Tall<Expr>, op: BinaryOp) -> Result<Tall<Expr>, Error> {
        let return_bool = self.take_word(Word::Bool)?;
        let matching = self.matching()?;
        let tighter = op.precedence() + u8::from(op != BinaryOp::Pow);
        let right = self.expression(tighter)?;
        let height = 1 + left.height.max(right.height);
        if MAX_DEPTH < height {
            return Err(self.too_deep());
        }
        let left = leg(left.expr, op, "left")?;
        let right = leg(right.expr, op, "right")?;
        let binary = Binary { op, left, right, return_bool, matching, span: self.since(start) };
        Ok(Tall { expr: Expr::Metric(MetricExpr::Binary(Box::new(binary))), height })
    }

    fn matching(&mut self) -> Result<Option<Matching>, Error> {
        let on = if self.take_word(Word::On)? {
            On::On(self.labels()?)
        } else if self.take_word(Word::Ignoring)? {
            On::Ignoring(self.labels()?)
        } else {
            return Ok(None);
        };
        let many = if self.take_word(Word::GroupLeft)? {
            GroupSide::Left
        } else if self.take_word(Word::GroupRight)? {
            GroupSide::Right
        } else {
            return Ok(Some(Matching { on, group: None }));
        };
        let include = if self.at(Symbol::OpenParenthesis) { self.labels()? } else { Vec::new() };
        Ok(Some(Matching { on, group: Some(GroupedMatch { many, include }) }))
    }

    /// `(a, b)`, perhaps empty.
    fn labels(&mut self) -> Result<Vec<String>, Error> {
        self.expect(Symbol::OpenParenthesis)?;
        let mut labels = Vec::new();
        if self.take(Symbol::CloseParenthesis)? {
            return Ok(labels);
        }
        if !matches!(self.token, Token::Identifier(_)) {
            return Err(self.unexpected(&["IDENTIFIER", ")"]));
        }
        loop {
            labels.push(self.identifier()?);
            if self.take(Symbol::CloseParenthesis)? {
                return Ok(labels);
            }
            if !self.take(Symbol::Comma)? {
                return Err(self.unexpected(&[",", ")"]));
            }
        }
    }

    fn operand(&mut self) -> Result<Tall<Expr>, Error> {
        let metric = match &self.token {
            Token::Symbol(Symbol::OpenBrace) => return self.log_expr().map(|log| Tall::leaf(Expr::Log(log))),
            Token::Symbol(Symbol::OpenParenthesis) => {
                self.bump()?;
                let inner = self.expression(0)?;
                return if self.take(Symbol::CloseParenthesis)? { Ok(inner) } else { Err(self.unexpected(&[])) };
            }
            Token::Number(_) | Token::Symbol(Symbol::Add | Symbol::Sub) => {
                Tall::leaf(MetricExpr::Number(self.number()?))
            }
            Token::RangeOp(op) => {
                let op = *op;
                Tall::leaf(MetricExpr::Range(Box::new(self.range_aggregation(op)?)))
            }
            Token::VectorOp(op) => {
                let op = *op;
                self.vector_aggregation(op)?
            }
            Token::Word(Word::Vector) => Tall::leaf(MetricExpr::Constant(self.constant()?)),
            Token::Word(Word::LabelReplace) => self.label_replace()?,
            _ => return Err(self.unexpected(&[])),
        };
        Ok(Tall { expr: Expr::Metric(metric.expr), height: metric.height })
    }

    /// A number with its sign.
    pub(super) fn number(&mut self) -> Result<Number, Error> {
        let start = self.span;
        let negative = self.at(Symbol::Sub);
        if negative || self.at(Symbol::Add) {
            self.bump()?;
        }
        let value = self.unsigned("unable to parse literal as a float: ")?;
        Ok(Number { value: if negative { -value } else { value }, span: self.since(start) })
    }

    fn unsigned(&mut self, complaint: &str) -> Result<f64, Error> {
        let text = self.number_text()?;
        float(text).map_err(|error| Error::new(format!("{complaint}{error}")))
    }

    /// `vector(1)`
    fn constant(&mut self) -> Result<Number, Error> {
        let start = self.span;
        self.bump()?;
        self.expect(Symbol::OpenParenthesis)?;
        let value = self.unsigned("unable to parse vectorExpr as a float: ")?;
        self.expect(Symbol::CloseParenthesis)?;
        Ok(Number { value, span: self.since(start) })
    }

    /// `by (…)` or `without (…)`, if at hand.
    pub(super) fn grouping(&mut self) -> Result<Option<Grouping>, Error> {
        let start = self.span;
        let without = self.at_word(Word::Without);
        if !without && !self.at_word(Word::By) {
            return Ok(None);
        }
        self.bump()?;
        let labels = self.labels()?;
        Ok(Some(Grouping { without, labels, span: self.since(start) }))
    }

    /// A number before a comma: the parameter of an aggregation.
    fn parameter(&mut self) -> Result<Option<&'a str>, Error> {
        if !matches!(self.token, Token::Number(_)) || self.peek() != Token::Symbol(Symbol::Comma) {
            return Ok(None);
        }
        let text = self.number_text()?;
        self.bump()?;
        Ok(Some(text))
    }

    fn vector_aggregation(&mut self, op: VectorOp) -> Result<Tall<MetricExpr>, Error> {
        let start = self.span;
        self.bump()?;
        let before = self.grouping()?;
        self.expect(Symbol::OpenParenthesis)?;
        let parameter = self.parameter()?;
        let inner = self.metric()?;
        // After a metric Loki's parser has already settled for more operators, and names nothing.
        if !self.take(Symbol::CloseParenthesis)? {
            return Err(self.unexpected(&[]));
        }
        let grouping = if before.is_some() { before } else { self.grouping()? };
        let k = series_kept(op, parameter)?;
        check_grouping(op, grouping.as_ref())?;
        let span = self.since(start);
        self.tall(inner, |expr| MetricExpr::Vector(Box::new(VectorAggregation { op, k, expr, grouping, span })))
    }

    /// An expression that is no log query.
    fn metric(&mut self) -> Result<Tall<MetricExpr>, Error> {
        let Tall { expr, height } = self.expression(0)?;
        match expr {
            Expr::Metric(expr) => Ok(Tall { expr, height }),
            Expr::Log(_) => Err(self.unexpected(&[])),
        }
    }

    fn tall(
        &self,
        inner: Tall<MetricExpr>,
        wrap: impl FnOnce(MetricExpr) -> MetricExpr,
    ) -> Result<Tall<MetricExpr>, Error> {
        let height = inner.height + 1;
        if MAX_DEPTH < height { Err(self.too_deep()) } else { Ok(Tall { expr: wrap(inner.expr), height }) }
    }

    fn label_replace(&mut self) -> Result<Tall<MetricExpr>, Error> {
        let start = self.span;
        self.bump()?;
        self.expect(Symbol::OpenParenthesis)?;
        let inner = self.metric()?;
        if !self.take(Symbol::Comma)? {
            return Err(self.unexpected(&[]));
        }
        let target = self.string()?;
        self.expect(Symbol::Comma)?;
        let replacement = self.string()?;
        self.expect(Symbol::Comma)?;
        let source = self.string()?;
        self.expect(Symbol::Comma)?;
        let regex = self.string()?;
        self.expect(Symbol::CloseParenthesis)?;
        let regex =
            self.regex(&regex).map_err(|error| Error::new(format!("invalid regex in label_replace: {error}")))?;
        let span = self.since(start);
        self.tall(inner, |expr| {
            MetricExpr::LabelReplace(Box::new(LabelReplace { expr, target, replacement, source, regex, span }))
        })
    }
}

/// A side of a binary expression, which must be a metric, and for sets of series no scalar.
fn leg(expr: Expr, op: BinaryOp, side: &str) -> Result<MetricExpr, Error> {
    match expr {
        Expr::Metric(expr) => match expr.scalar().filter(|_| op.is_set()) {
            Some(value) => Err(Error::new(format!(
                "unexpected literal for {side} leg of logical/set binary operation ({op}): {value:.6}"
            ))),
            None => Ok(expr),
        },
        Expr::Log(log) => {
            let kind = if log.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" };
            Err(Error::new(format!("unexpected type for {side} leg of binary operation ({op}): *syntax.{kind}")))
        }
    }
}

/// The `k` of `topk` and its siblings, which must have one, as the others must not.
fn series_kept(op: VectorOp, parameter: Option<&str>) -> Result<Option<u64>, Error> {
    match (op.needs_k(), parameter) {
        (false, None) => Ok(None),
        (false, Some(text)) => Err(Error::new(format!("unsupported parameter for operation {op}({text},"))),
        (true, None) => Err(Error::new(format!("parameter required for operation {op}"))),
        (true, Some(text)) => match text.parse::<u64>() {
            Ok(0) => Err(Error::new(format!("invalid parameter (must be greater than 0) {op}({text}"))),
            Ok(k) if i64::try_from(k).is_ok() => Ok(Some(k)),
            _ => Err(Error::new(format!("invalid parameter {op}({text},"))),
        },
    }
}

fn check_grouping(op: VectorOp, grouping: Option<&Grouping>) -> Result<(), Error> {
    let Some(grouping) = grouping else { return Ok(()) };
    match op {
        VectorOp::ApproxTopk => Err(Error::new(format!("grouping not allowed for {op} aggregation"))),
        VectorOp::Sort | VectorOp::SortDesc if !grouping.labels.is_empty() => {
            Err(Error::new("sort and sort_desc doesn't allow grouping by "))
        }
        _ => Ok(()),
    }
}
