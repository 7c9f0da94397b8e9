//! What a query must have before it may be asked.

use crate::{Error, Expr, LogExpr, MetricExpr, Selector};

/// Loki's text for a selector that could touch every stream.
const SELECTS_ALL: &str = "queries require at least one regexp or equality matcher that does not have an \
    empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

impl Expr {
    /// Refuses a query with a selector that could touch every stream, as `query`, `query_range` and `tail` do.
    ///
    /// # Errors
    /// Loki's text, which tells what would do.
    pub fn validate_for_query(&self) -> Result<(), Error> {
        match self.log_exprs().iter().all(|log| log.selector.is_selective()) {
            true => Ok(()),
            false => Err(Error::new(SELECTS_ALL)),
        }
    }

    /// Every log query in it, from left to right.
    #[must_use]
    pub fn log_exprs(&self) -> Vec<&LogExpr> {
        let mut found = Vec::new();
        match self {
            Self::Log(log) => found.push(log),
            Self::Metric(metric) => metric.collect_logs(&mut found),
        }
        found
    }
}

impl MetricExpr {
    fn collect_logs<'a>(&'a self, found: &mut Vec<&'a LogExpr>) {
        match self {
            Self::Range(range) => found.push(&range.range.log),
            Self::Vector(vector) => vector.expr.collect_logs(found),
            Self::LabelReplace(replace) => replace.expr.collect_logs(found),
            Self::Binary(binary) => {
                binary.left.collect_logs(found);
                binary.right.collect_logs(found);
            }
            Self::Constant(_) | Self::Number(_) => {}
        }
    }
}

impl Selector {
    /// Whether some matcher refuses streams that lack its label.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        self.matchers.iter().any(|matcher| !matcher.test.accepts_empty())
    }
}

#[cfg(test)]
mod tests;
