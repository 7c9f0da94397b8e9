//! Which lines a request to delete is about, and which streams a rule of retention: LogQL as conditions of storage.

use logql::Expr;
use storage::Predicate;

use crate::Error;
use crate::matchers;
use crate::pipeline::split;

/// The lines that a selector with line filters keeps. What only a pipeline can decide is refused.
pub(crate) fn predicate(query: &str) -> Result<Predicate, Error> {
    let expr = logql::parse(query)?;
    expr.validate_for_query()?;
    let Expr::Log(log) = expr else {
        return Err(Error::invalid("a request to delete lines needs a log query, such as {app=\"shop\"} |= \"text\""));
    };
    let split = split(&log.stages);
    if !split.stages.is_empty() {
        let reason = "a request to delete lines may have line filters with text or regular expressions only: `|=`, `!=`, `|~`, `!~`";
        return Err(Error::invalid(reason));
    }
    Ok(matchers::predicate(&log.selector.matchers).and(split.predicate))
}

/// The streams that a selector selects.
pub fn selector(text: &str) -> Result<Predicate, Error> {
    Ok(matchers::predicate(&logql::parse_selector(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn only_what_storage_can_decide_line_by_line_is_accepted() {
        for query in [r#"{app="shop"}"#, r#"{app=~"s.*"} |= "a" or "b" != "c" |~ "d+""#] {
            assert!(predicate(query).is_ok(), "{query}");
        }
        for query in [
            r#"{app="shop"} | json"#,
            r#"{app="shop"} | level="info""#,
            r#"{app="shop"} |> "a <_>""#,
            r#"count_over_time({app="shop"}[5m])"#,
            r#"{app=~".*"}"#,
            "{}",
            "nonsense",
        ] {
            assert_eq!(predicate(query).unwrap_err().kind(), Kind::Invalid, "{query}");
        }
    }
}
