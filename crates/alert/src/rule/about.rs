//! Which services a rule is about, as far as its text names them: what it says is for those who may see these.

use std::collections::BTreeSet;

use logql::Expr;
use logql::ast::{LogExpr, MetricExpr, ValueTest};

use super::{Absence, Kind, OrderStuck};

/// The label that names the service of a stream.
const SERVICE_NAME: &str = "service_name";

impl Kind {
    /// The services that its text names; `None` when it is about others too, or names none.
    pub(super) fn services(&self) -> Option<BTreeSet<String>> {
        let mut services = BTreeSet::new();
        match self {
            Self::Logql(text) => match logql::parse(text).ok()? {
                Expr::Metric(expr) => of_metric(&expr, &mut services)?,
                Expr::Log(log) => of_lines(&log, &mut services)?,
            },
            Self::OrderStuck(OrderStuck { owner: Some(owner), .. }) => drop(services.insert(owner.clone())),
            // What is expected is named by itself.
            Self::Absence(Absence { expect, .. }) if !expect.is_empty() => return None,
            other => match logql::parse(other.selector()?).ok()? {
                Expr::Log(log) => of_lines(&log, &mut services)?,
                Expr::Metric(_) => return None,
            },
        }
        (!services.is_empty()).then_some(services)
    }
}

fn of_metric(expr: &MetricExpr, services: &mut BTreeSet<String>) -> Option<()> {
    match expr {
        MetricExpr::Range(range) => of_lines(&range.range.log, services),
        MetricExpr::Vector(vector) => of_metric(&vector.expr, services),
        MetricExpr::LabelReplace(replace) => of_metric(&replace.expr, services),
        MetricExpr::Binary(binary) => {
            of_metric(&binary.left, services)?;
            of_metric(&binary.right, services)
        }
        MetricExpr::Constant(_) | MetricExpr::Number(_) => Some(()),
    }
}

fn of_lines(log: &LogExpr, services: &mut BTreeSet<String>) -> Option<()> {
    let named = log.selector.matchers.iter().find_map(|matcher| match &matcher.test {
        ValueTest::Equal(service) if matcher.name == SERVICE_NAME && !service.is_empty() => Some(service),
        _ => None,
    });
    services.insert(named?.clone());
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::rule::parse_group;

    fn check(rules: &str, want: Option<&[&str]>) {
        let group = parse_group(&format!("{{name: g, rules: [{rules}]}}")).unwrap();
        let found = group.services.as_ref().map(|found| found.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), want, "{rules}");
    }

    #[test]
    fn a_group_is_about_the_services_that_each_of_its_selectors_names() {
        let counts = |selector: &str| format!("{{alert: A, expr: 'count_over_time({selector}[5m]) > 0'}}");
        let (shop, crm) = (counts(r#"{service_name="shop"}"#), counts(r#"{a="b", service_name="crm"} |= "x""#));
        check(&shop, Some(&["shop"]));
        check(&format!("{shop}, {crm}"), Some(&["crm", "shop"]));
        check(
            r#"{alert: A, expr: 'sum(rate({service_name="shop"}[5m])) / sum(rate({service_name="crm"}[5m])) > 1'}"#,
            Some(&["crm", "shop"]),
        );
        check("{alert: A, kind: http_errors, with: {selector: '{service_name=\"shop\"}'}}", Some(&["shop"]));
        check("{alert: A, kind: order_stuck, with: {owner: shop}}", Some(&["shop"]));
    }

    #[test]
    fn what_may_be_about_others_is_about_everybody() {
        for rule in [
            r#"{alert: A, expr: 'count_over_time({service_name=~"shop|crm"}[5m]) > 0'}"#,
            r#"{alert: A, expr: 'count_over_time({app="a", service_name!="shop"}[5m]) > 0'}"#,
            r#"{alert: A, expr: 'rate({service_name="shop"}[5m]) / rate({app="crm"}[5m]) > 1'}"#,
            "{alert: A, expr: 'vector(1) > 0'}",
            "{alert: A, kind: order_stuck}",
            "{alert: A, kind: order_sla}",
            "{alert: A, kind: http_errors}",
            "{alert: A, kind: absence, with: {selector: '{service_name=\"shop\"}', expect: [crm]}}",
        ] {
            check(rule, None);
        }
        check("", None);
    }
}
