//! Unit tests of rules in YAML, in promtool's form: what comes in, what must fire when and say what.
//!
//! Beside promtool's `input_series`, which become recorded series, `input_lines` gives lines of streams.

mod file;
mod input;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use logline::{Batch, Tenant, Timestamp};

use crate::eval::{Failure, Grid, GroupKey, GroupState, Running, Source, Standing, Surroundings};
use crate::model::ALERTNAME;
use crate::rule::{Group, InvalidRules};

pub use file::{AlertTest, ExprTest, UnitFile, UnitTest};

/// A place where lines can be put and asked for.
#[async_trait]
pub trait World: Sync {
    /// A look at just these lines.
    ///
    /// # Errors
    /// They cannot be kept or read.
    async fn source(&self, lines: Vec<Batch>) -> Result<Source, Failure>;
}

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its name, or its number.
    pub name: String,
    /// What differs; nothing if it went well.
    pub differences: Vec<String>,
}

/// Reads a file of tests.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<UnitFile, InvalidRules> {
    serde_yaml_ng::from_str(text).map_err(|error| InvalidRules(vec![error.to_string()]))
}

/// Runs all tests of a file on these groups.
///
/// # Errors
/// The world does not take the lines, or a test cannot be understood.
pub async fn run(file: &UnitFile, groups: &[Arc<Group>], world: &dyn World) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::new();
    for (number, test) in file.tests.iter().enumerate() {
        let name = if test.name.is_empty() { format!("test {}", number + 1) } else { test.name.clone() };
        let differences =
            one(file, test, groups, world).await.map_err(|failure| Failure::Failed(format!("{name}: {failure}")))?;
        outcomes.push(Outcome { name, differences });
    }
    Ok(outcomes)
}

async fn one(
    file: &UnitFile,
    test: &UnitTest,
    groups: &[Arc<Group>],
    world: &dyn World,
) -> Result<Vec<String>, Failure> {
    let source = world.source(input::batches(test)?).await?;
    let mut differences = Vec::new();
    let at = |test_time: crate::rule::Span| test.begin().after(test_time.0);
    let times: BTreeSet<Timestamp> = test.alert_rule_test.iter().map(|one| at(one.eval_time)).collect();
    let fired = fired(file, test, groups, &source, &times).await?;
    for expected in &test.alert_rule_test {
        let time = at(expected.eval_time);
        let got = fired.get(&time).and_then(|by_name| by_name.get(&expected.alertname)).cloned().unwrap_or_default();
        let want: BTreeSet<_> =
            expected.exp_alerts.iter().map(|alert| (alert.exp_labels.clone(), alert.exp_annotations.clone())).collect();
        if got != want {
            differences.push(format!(
                "alertname: {}, time: {}\n  exp: {}\n  got: {}",
                expected.alertname,
                expected.eval_time,
                shown(&want),
                shown(&got)
            ));
        }
    }
    for expected in &test.logql_expr_test {
        differences.extend(expression(expected, &source, at(expected.eval_time)).await?);
    }
    Ok(differences)
}

/// Labels and annotations of an alert.
type Shown = (BTreeMap<String, String>, BTreeMap<String, String>);
/// Alerts that fire, by name, at each moment that is asked for.
type Fired = BTreeMap<Timestamp, BTreeMap<String, BTreeSet<Shown>>>;

async fn fired(
    file: &UnitFile,
    test: &UnitTest,
    groups: &[Arc<Group>],
    source: &Source,
    times: &BTreeSet<Timestamp>,
) -> Result<Fired, Failure> {
    let mut fired = Fired::new();
    let Some(end) = times.last() else { return Ok(fired) };
    let around = Surroundings { outside: test.outside(), ..Surroundings::default() };
    for group in groups {
        let interval = group.raw.interval.or(file.evaluation_interval).map_or(group.interval, |span| span.0);
        let key = GroupKey { tenant: Tenant::default(), namespace: String::new(), group: group.name.clone() };
        let mut running = Running::new(key, None, Arc::clone(group), GroupState::default());
        let grid = Grid::between(test.begin(), *end, interval);
        let mut looked = running.look(source, grid).await;
        let mut left = times.iter().copied().peekable();
        for (point, time) in grid.times() {
            drop(running.step(&mut looked, (point, time), &around));
            let next = grid.time(point.saturating_add(1));
            while let Some(asked) = left.next_if(|asked| *asked < next || point + 1 == grid.points) {
                collect(&running, fired.entry(asked).or_default())?;
            }
        }
    }
    Ok(fired)
}

fn collect(running: &Running, fired: &mut BTreeMap<String, BTreeSet<Shown>>) -> Result<(), Failure> {
    for (rule, state, health) in running.rules() {
        if let Some(error) = &health.failure {
            return Err(Failure::Failed(format!("{}: {error}", rule.name)));
        }
        for alert in state.iter().flat_map(|state| state.active()).filter(|one| one.standing == Standing::Firing) {
            let mut labels = alert.labels.clone();
            labels.remove(ALERTNAME);
            fired.entry(rule.name.clone()).or_default().insert((labels, alert.annotations.clone()));
        }
    }
    Ok(())
}

async fn expression(expected: &ExprTest, source: &Source, time: Timestamp) -> Result<Option<String>, Failure> {
    let mut got: Vec<(String, f64)> = Vec::new();
    for series in source.values(&expected.expr, time).await? {
        got.push(series);
    }
    let mut want: Vec<(String, f64)> = Vec::new();
    for sample in &expected.exp_samples {
        let labels = logline::Labels::parse(&sample.labels)
            .map_err(|error| Failure::Failed(format!("`{}`: {error}", sample.labels)))?;
        want.push((labels.to_string(), sample.value));
    }
    got.sort_by(|a, b| a.0.cmp(&b.0));
    want.sort_by(|a, b| a.0.cmp(&b.0));
    let same = got.len() == want.len()
        && got.iter().zip(&want).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() <= 1e-9 * b.1.abs().max(1.0));
    let text = |all: &[(String, f64)]| {
        all.iter().map(|(labels, value)| format!("{labels} {value}")).collect::<Vec<_>>().join(", ")
    };
    Ok((!same).then(|| {
        format!("expr: {}, time: {}\n  exp: {}\n  got: {}", expected.expr, expected.eval_time, text(&want), text(&got))
    }))
}

fn shown(alerts: &BTreeSet<Shown>) -> String {
    let pairs = |pairs: &BTreeMap<String, String>| {
        pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ")
    };
    let alert = |(labels, annotations): &Shown| format!("{{{}}} saying {{{}}}", pairs(labels), pairs(annotations));
    let all: Vec<String> = alerts.iter().map(alert).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
}
