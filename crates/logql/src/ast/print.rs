//! Whole queries as LogQL text, on one line.

use std::fmt;

use super::{Binary, BinaryOp, Expr, LabelReplace, LogExpr, MetricExpr, Number, Quoted, Stage};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(expr) => expr.fmt(f),
            Self::Metric(expr) => expr.fmt(f),
        }
    }
}

impl fmt::Display for LogExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.selector.fmt(f)?;
        for stage in &self.stages {
            write!(f, " {stage}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Parser(parser) => write!(f, "| {parser}"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(format) => write!(f, "| {format}"),
            Self::LabelFormat(formats) => write!(f, "| {formats}"),
            Self::Decolorize(_) => f.write_str("| decolorize"),
            Self::Drop(labels) => write!(f, "| drop {labels}"),
            Self::Keep(labels) => write!(f, "| keep {labels}"),
        }
    }
}

impl fmt::Display for MetricExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Vector(vector) => vector.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::LabelReplace(replace) => replace.fmt(f),
            Self::Constant(number) => write!(f, "vector({number})"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl fmt::Display for LabelReplace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label_replace({}", self.expr)?;
        for text in self.arguments() {
            write!(f, ", {}", Quoted(text))?;
        }
        f.write_str(")")
    }
}

impl LabelReplace {
    /// The arguments after the first.
    pub(crate) fn arguments(&self) -> [&str; 4] {
        [&self.target, &self.replacement, &self.source, self.regex.source()]
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, expr: &MetricExpr, bare: bool| {
            if bare { expr.fmt(f) } else { write!(f, "({expr})") }
        };
        side(f, &self.left, self.left_is_bare())?;
        write!(f, " {} ", self.operator())?;
        side(f, &self.right, self.right_is_bare())
    }
}

impl Binary {
    /// Whether the left side needs no parentheses.
    pub(crate) fn left_is_bare(&self) -> bool {
        binds(&self.left) + u8::from(self.op != BinaryOp::Pow) > self.op.precedence()
    }

    /// Whether the right side needs no parentheses.
    pub(crate) fn right_is_bare(&self) -> bool {
        binds(&self.right) + u8::from(self.op == BinaryOp::Pow) > self.op.precedence()
    }
}

/// How strongly an expression holds together; more than any operator when it is none.
fn binds(expr: &MetricExpr) -> u8 {
    match expr {
        MetricExpr::Binary(binary) => binary.op.precedence(),
        MetricExpr::Range(_) | MetricExpr::Vector(_) | MetricExpr::LabelReplace(_) => u8::MAX - 1,
        MetricExpr::Constant(_) | MetricExpr::Number(_) => u8::MAX - 1,
    }
}
