//! Whole queries as LogQL text, on as many lines as they need.

use std::fmt::Display;

use crate::ast::{Binary, LogRange, Quoted, RangeAggregation, VectorAggregation};
use crate::{Expr, LogExpr, MetricExpr};

/// Longest line that is not split.
const WIDTH: usize = 100;

impl Expr {
    /// The query laid out for people: what is longer than 100 characters is split, a stage or an argument to a line.
    ///
    /// Reads back as the same query.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut page = Page { text: String::new(), level: 0 };
        match self {
            Self::Log(log) => page.log(log),
            Self::Metric(metric) => page.metric(metric),
        }
        page.text
    }
}

struct Page {
    text: String,
    level: usize,
}

impl Page {
    fn line_break(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"  ".repeat(self.level));
    }

    fn put(&mut self, text: impl Display) {
        self.text.push_str(&text.to_string());
    }

    fn indented(&mut self, write: impl FnOnce(&mut Self)) {
        self.level += 1;
        self.line_break();
        write(self);
        self.level -= 1;
    }

    /// Writes a construct on one line if it fits, else by `split`.
    fn fit<T: Display>(&mut self, node: &T, split: impl FnOnce(&mut Self)) {
        let line = node.to_string();
        if line.chars().count() <= WIDTH { self.put(line) } else { split(self) }
    }

    /// Arguments of a call, one a line, with the closing parenthesis on its own.
    fn in_parentheses(&mut self, write: impl FnOnce(&mut Self)) {
        self.put("(");
        self.indented(write);
        self.line_break();
        self.put(")");
    }

    fn log(&mut self, log: &LogExpr) {
        self.fit(log, |page| page.stages(log));
    }

    fn stages(&mut self, log: &LogExpr) {
        self.put(&log.selector);
        for stage in &log.stages {
            self.indented(|page| page.put(stage));
        }
    }

    fn metric(&mut self, metric: &MetricExpr) {
        self.fit(metric, |page| match metric {
            MetricExpr::Range(range) => page.range(range),
            MetricExpr::Vector(vector) => page.vector(vector),
            MetricExpr::Binary(binary) => page.binary(binary),
            MetricExpr::LabelReplace(replace) => {
                page.put("label_replace");
                page.in_parentheses(|page| {
                    page.metric(&replace.expr);
                    for text in replace.arguments() {
                        page.put(",");
                        page.line_break();
                        page.put(Quoted(text));
                    }
                });
            }
            MetricExpr::Constant(_) | MetricExpr::Number(_) => page.put(metric),
        });
    }

    fn range(&mut self, range: &RangeAggregation) {
        self.put(range.op);
        self.in_parentheses(|page| {
            if let Some(quantile) = range.quantile {
                page.put(format_args!("{quantile},"));
                page.line_break();
            }
            page.log_range(&range.range);
        });
        if let Some(grouping) = &range.grouping {
            self.put(format_args!(" {grouping}"));
        }
    }

    fn log_range(&mut self, range: &LogRange) {
        self.fit(range, |page| {
            page.stages(&range.log);
            if let Some(unwrap) = &range.unwrap {
                page.indented(|page| page.put(unwrap));
            }
            page.put(range.window());
        });
    }

    fn vector(&mut self, vector: &VectorAggregation) {
        self.put(vector.op);
        if let Some(grouping) = &vector.grouping {
            self.put(format_args!(" {grouping} "));
        }
        self.in_parentheses(|page| {
            if let Some(k) = vector.k {
                page.put(format_args!("{k},"));
                page.line_break();
            }
            page.metric(&vector.expr);
        });
    }

    fn binary(&mut self, binary: &Binary) {
        self.side(&binary.left, binary.left_is_bare());
        self.line_break();
        self.put(binary.operator());
        self.line_break();
        self.side(&binary.right, binary.right_is_bare());
    }

    fn side(&mut self, expr: &MetricExpr, bare: bool) {
        if bare {
            self.metric(expr);
        } else {
            self.in_parentheses(|page| page.metric(expr));
        }
    }
}

#[cfg(test)]
mod tests;
