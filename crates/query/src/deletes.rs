//! Which lines a request to delete is about, and which streams a rule of retention: LogQL as conditions of storage.

use logql::ast::{LabelFilter, Stage, ValueTest};
use logql::{Expr, Matcher};
use storage::{Predicate, TextMatch, logs};

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
    let mut condition = matchers::predicate(&log.selector.matchers);
    let mut others = Vec::with_capacity(log.stages.len());
    for stage in log.stages {
        match stage {
            Stage::LabelFilter(filter) => condition = condition.and(label_filter(&filter)?),
            other => others.push(other),
        }
    }
    let split = split(&others);
    if !split.stages.is_empty() {
        let reason = "a request to delete lines may have line filters with text or regular expressions, and label filters: \
                      `|=`, `!=`, `|~`, `!~`, `| order_id=\"…\"`";
        return Err(Error::invalid(reason));
    }
    Ok(condition.and(split.predicate))
}

/// Just the rows that a label filter keeps, where no parser stands before it.
fn label_filter(filter: &LabelFilter) -> Result<Predicate, Error> {
    let all = |parts: &[LabelFilter]| parts.iter().map(label_filter).collect::<Result<Vec<_>, _>>();
    match filter {
        LabelFilter::All(parts) => Ok(Predicate::And(all(parts)?)),
        LabelFilter::Any(parts) => Ok(Predicate::Or(all(parts)?)),
        LabelFilter::Match(matcher) if logs::KEYS.contains(&matcher.name.as_str()) => Ok(key(matcher)),
        LabelFilter::Match(_) | LabelFilter::Compare(_) | LabelFilter::Ip { .. } => {
            let keys = logs::KEYS.map(|key| format!("`{key}`")).join(", ");
            Err(Error::invalid(format!(
                "a label filter of a request to delete lines may compare the text of {keys} only; labels of streams belong into the selector"
            )))
        }
    }
}

/// The label of the stream counts where it has one, else the structured metadata.
fn key(matcher: &Matcher) -> Predicate {
    let name = || matcher.name.clone();
    let has_label =
        || Predicate::Not(Box::new(Predicate::Label { name: name(), text: TextMatch::Equals(String::new()) }));
    let (text, negated) = match &matcher.test {
        ValueTest::Equal(value) => (TextMatch::Equals(value.clone()), false),
        ValueTest::NotEqual(value) => (TextMatch::Equals(value.clone()), true),
        ValueTest::Match(regex) => (matchers::whole(regex), false),
        ValueTest::NotMatch(regex) => (matchers::whole(regex), true),
    };
    let metadata = Predicate::Metadata { name: name(), text };
    let metadata = if negated { Predicate::Not(Box::new(metadata)) } else { metadata };
    Predicate::Or(vec![
        Predicate::And(vec![has_label(), matchers::predicate(std::slice::from_ref(matcher))]),
        Predicate::And(vec![Predicate::Not(Box::new(has_label())), metadata]),
    ])
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
        for query in [
            r#"{app="shop"}"#,
            r#"{app=~"s.*"} |= "a" or "b" != "c" |~ "d+""#,
            r#"{app="shop"} | order_id="1" or trace_id!~"a.*" |= "a""#,
        ] {
            assert!(predicate(query).is_ok(), "{query}");
        }
        for query in [
            r#"{app="shop"} | json"#,
            r#"{app="shop"} | json | order_id="1""#,
            r#"{app="shop"} | order_id > 5"#,
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
