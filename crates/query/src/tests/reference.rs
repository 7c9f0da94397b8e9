//! An evaluator that is slow and obvious: every line, every point, by the definition. The engine must agree with it on
//! random lines and random queries.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stdx::Rng;

use super::world::{Line, START, World, by_minute, everything, line};

const SECOND: i64 = 1_000_000_000;

type Labels = BTreeMap<String, String>;

/// A metric query in pieces.
#[derive(Debug)]
struct Query {
    env: Option<&'static str>,
    has: Option<(bool, &'static str)>,
    parses: bool,
    level: Option<&'static str>,
    op: &'static str,
    range: i64,
    offset: i64,
    by: Option<(bool, Vec<&'static str>)>,
    outer: Option<(&'static str, bool, Vec<&'static str>)>,
}

fn pick<'a, T: ?Sized>(rng: &mut Rng, from: &[&'a T]) -> &'a T {
    from[usize::try_from(rng.below(from.len() as u64)).unwrap()]
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.below(2) == 0).then(|| make(rng))
}

fn names(rng: &mut Rng) -> Vec<&'static str> {
    ["app", "env", "level", "app_extracted"].into_iter().filter(|_| rng.below(3) == 0).collect()
}

const UNWRAPPED: [&str; 10] = [
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "first_over_time",
    "last_over_time",
    "quantile_over_time",
    "rate",
];
const PLAIN: [&str; 4] = ["count_over_time", "bytes_over_time", "bytes_rate", "rate"];

impl Query {
    fn random(rng: &mut Rng) -> Self {
        let parses = rng.below(3) > 0;
        let unwraps = parses && rng.below(2) == 0;
        let op = if unwraps { pick(rng, &UNWRAPPED) } else { pick(rng, &PLAIN) };
        let groups = unwraps && !matches!(op, "sum_over_time" | "rate");
        Self {
            env: maybe(rng, |rng| pick(rng, &["prod", "test"])),
            has: maybe(rng, |rng| (rng.below(2) == 0, pick(rng, &["error", "n=1", "level"]))),
            parses,
            level: parses.then(|| maybe(rng, |rng| pick(rng, &["info", "error"]))).flatten(),
            op,
            range: [7, 30, 60, 90, 120, 200][usize::try_from(rng.below(6)).unwrap()],
            offset: if rng.below(4) == 0 { 40 } else { 0 },
            by: groups.then(|| maybe(rng, |rng| (rng.below(2) == 0, names(rng)))).flatten(),
            outer: maybe(rng, |rng| (pick(rng, &["sum", "max", "min", "avg", "count"]), rng.below(2) == 0, names(rng))),
        }
    }

    fn unwraps(&self) -> bool {
        self.parses && UNWRAPPED.contains(&self.op) && (self.op != "rate" || self.range % 2 == 0)
    }

    fn text(&self) -> String {
        let mut text = String::from(r#"{app=~".+""#);
        if let Some(env) = self.env {
            write!(text, r#", env="{env}""#).unwrap();
        }
        text.push('}');
        if let Some((wanted, needle)) = self.has {
            write!(text, r#" {} "{needle}""#, if wanted { "|=" } else { "!=" }).unwrap();
        }
        if self.parses {
            text.push_str(" | logfmt");
        }
        if let Some(level) = self.level {
            write!(text, r#" | level="{level}""#).unwrap();
        }
        if self.unwraps() {
            text.push_str(" | unwrap n");
        }
        write!(text, " [{}s]", self.range).unwrap();
        if self.offset != 0 {
            write!(text, " offset {}s", self.offset).unwrap();
        }
        let quantile = if self.op == "quantile_over_time" { "0.9, " } else { "" };
        let mut text = format!("{}({quantile}{text})", self.op);
        let grouping = |without: bool, labels: &[&str]| {
            format!("{} ({})", if without { "without" } else { "by" }, labels.join(", "))
        };
        if let Some((without, labels)) = &self.by {
            write!(text, " {}", grouping(*without, labels)).unwrap();
        }
        match &self.outer {
            Some((op, without, labels)) => format!("{op} {} ({text})", grouping(*without, labels)),
            None => text,
        }
    }

    /// The sample of a line: its time, the labels of its series, its value.
    fn sample(&self, line: &Line) -> Option<(i64, Labels, f64)> {
        let stream = logline::Labels::parse(&line.labels).unwrap();
        let mut labels: Labels = stream.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if self.env.is_some_and(|env| labels["env"] != env) {
            return None;
        }
        if self.has.is_some_and(|(wanted, needle)| line.text.contains(needle) != wanted) {
            return None;
        }
        if self.parses {
            for word in line.text.split(' ') {
                let Some((name, value)) = word.split_once('=') else { continue };
                let name = if stream.get(name).is_some() { format!("{name}_extracted") } else { name.to_owned() };
                labels.insert(name, value.to_owned());
            }
        }
        if self.level.is_some_and(|level| labels.get("level").is_none_or(|found| found != level)) {
            return None;
        }
        let mut value = if self.op.starts_with("bytes") { line.text.len() as f64 } else { 1.0 };
        if self.unwraps() {
            value = labels.get("n")?.parse().unwrap();
            if self.by.as_ref().is_none_or(|(without, _)| *without) {
                labels.remove("n");
            }
        }
        if let Some((without, names)) = &self.by {
            labels.retain(|name, _| names.contains(&name.as_str()) != *without);
        }
        Some((line.nanos(), labels, value))
    }

    /// What the samples of a window come to, in order of time.
    fn over_time(&self, values: &[f64]) -> f64 {
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        let variance = values.iter().map(|value| (value - sum / count).powi(2)).sum::<f64>() / count;
        match self.op {
            "count_over_time" => count,
            "rate" if !self.unwraps() => count / self.range as f64,
            "rate" | "bytes_rate" => sum / self.range as f64,
            "bytes_over_time" | "sum_over_time" => sum,
            "avg_over_time" => sum / count,
            "min_over_time" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "max_over_time" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "stdvar_over_time" => variance,
            "stddev_over_time" => variance.sqrt(),
            "first_over_time" => values[0],
            "last_over_time" => values[values.len() - 1],
            "quantile_over_time" => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                let rank = 0.9 * (count - 1.0);
                let below = (0..values.len()).rfind(|index| *index as f64 <= rank).unwrap();
                let above = (below + 1).min(values.len() - 1);
                sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
            }
            other => panic!("{other}"),
        }
    }

    fn outer(&self, series: BTreeMap<Labels, f64>) -> BTreeMap<Labels, f64> {
        let Some((op, without, names)) = &self.outer else { return series };
        let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        for (mut labels, value) in series {
            labels.retain(|name, _| names.contains(&name.as_str()) != *without);
            groups.entry(labels).or_default().push(value);
        }
        let fold = |values: Vec<f64>| match *op {
            "sum" => values.iter().sum(),
            "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "avg" => values.iter().sum::<f64>() / values.len() as f64,
            _ => values.len() as f64,
        };
        groups.into_iter().map(|(labels, values)| (labels, fold(values))).collect()
    }

    fn evaluate(&self, lines: &[Line]) -> String {
        let mut samples: Vec<_> = lines.iter().filter_map(|line| self.sample(line)).collect();
        samples.sort_by_key(|(time, ..)| *time);
        let mut result: BTreeMap<Labels, Vec<String>> = BTreeMap::new();
        for minute in 1..=5 {
            let end = (START + minute * 60 - self.offset) * SECOND;
            let mut windows: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
            for (time, labels, value) in &samples {
                if end - self.range * SECOND < *time && *time <= end {
                    windows.entry(labels.clone()).or_default().push(*value);
                }
            }
            let series = windows.into_iter().map(|(labels, values)| (labels, self.over_time(&values))).collect();
            for (labels, value) in self.outer(series) {
                let value = format!("{value:.6}");
                result.entry(labels).or_default().push(format!("{}:{}", minute * 60, value));
            }
        }
        result.into_iter().map(|(labels, points)| format!("{labels:?} {}\n", points.join(" "))).collect()
    }
}

fn random_lines(rng: &mut Rng) -> Vec<Line> {
    let count = 20 + rng.below(120);
    (0..count)
        .map(|n| {
            // No two lines at the same time, so that first and last are certain; some exactly at the end of a window.
            let second = if rng.below(5) == 0 { 60.0 * rng.below(6) as f64 } else { rng.below(300) as f64 };
            let second = second + n as f64 / 1e6;
            let app = pick(rng, &["a", "b", "c"]);
            let env = pick(rng, &["prod", "test"]);
            let mut text = format!("level={} n={}", pick(rng, &["info", "error"]), rng.below(100));
            if rng.below(4) == 0 {
                write!(text, " app={}", pick(rng, &["x", "y"])).unwrap();
            }
            if rng.below(6) == 0 {
                text = "just words".to_owned();
            }
            line(second, &format!(r#"{{app="{app}", env="{env}"}}"#), &text)
        })
        .collect()
}

/// The engine's answer in the words of the reference.
async fn engine(world: &World, text: &str) -> String {
    let mut answers = Vec::new();
    for engine in world.engines() {
        let answer = engine.query_range(&everything(), &by_minute(text)).await.unwrap();
        let crate::Data::Matrix(series) = answer.data else { panic!("no matrix") };
        let mut shown: Vec<_> = series
            .into_iter()
            .map(|series| {
                let labels: Labels = series.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                let points: Vec<_> = series
                    .points
                    .iter()
                    .map(|(time, value)| format!("{}:{value:.6}", time.0 / SECOND - START))
                    .collect();
                (labels, points.join(" "))
            })
            .collect();
        shown.sort();
        answers.push(shown.into_iter().map(|(labels, points)| format!("{labels:?} {points}\n")).collect::<String>());
    }
    assert_eq!(answers[0], answers[1], "files answer differently: {text}");
    assert_eq!(answers[0], answers[2], "files and memory together answer differently: {text}");
    answers.swap_remove(0)
}

#[tokio::test]
async fn the_engine_agrees_with_the_reference_on_random_lines_and_queries() {
    for seed in 0..6 {
        let mut rng = Rng::seeded(seed);
        let lines = random_lines(&mut rng);
        let world = World::new(&lines).await;
        for _ in 0..60 {
            let query = Query::random(&mut rng);
            let text = query.text();
            assert_eq!(engine(&world, &text).await, query.evaluate(&lines), "seed {seed}: {text}");
        }
    }
}
