//! What is right: counted while the lines are made, by looking at the lines alone.

use std::collections::{BTreeMap, VecDeque};

use memchr::memmem::Finder;

use crate::answer::{Answer, five_minutes, hash};
use crate::questions::{Question, Shape, Test};
use crate::world::{FIRST_ORDER, Line, SERVICES, START};

const FIVE_MINUTES: i64 = 300_000_000_000;

/// Counts for each question.
#[derive(Debug)]
pub struct Truth {
    tallies: Vec<Tally>,
}

#[derive(Debug)]
struct Tally {
    question: Question,
    finder: Option<Finder<'static>>,
    groups: BTreeMap<String, u64>,
    hashes: Vec<u64>,
    newest: VecDeque<i64>,
    /// By service and five minutes.
    buckets: BTreeMap<(usize, i64), u64>,
    /// By order, from the first.
    orders: Vec<u32>,
    /// By value.
    numbers: Vec<u64>,
}

impl Truth {
    /// Nothing seen yet.
    pub fn new(questions: &[Question]) -> Self {
        Self { tallies: questions.iter().cloned().map(Tally::new).collect() }
    }

    /// Looks at a line; lines must come by time.
    pub fn observe(&mut self, line: &Line) {
        for tally in &mut self.tallies {
            tally.observe(line);
        }
    }

    /// The right answer to each question, in their order.
    pub fn answers(&self) -> Vec<Answer> {
        self.tallies.iter().map(Tally::answer).collect()
    }
}

impl Tally {
    fn new(question: Question) -> Self {
        let finder = match &question.test {
            Test::Has(text) => Some(Finder::new(text).into_owned()),
            Test::Lacks(text) => Some(Finder::new(text).into_owned()),
            Test::All | Test::Trace(_) | Test::Order => None,
        };
        Self {
            question,
            finder,
            groups: BTreeMap::new(),
            hashes: Vec::new(),
            newest: VecDeque::new(),
            buckets: BTreeMap::new(),
            orders: Vec::new(),
            numbers: Vec::new(),
        }
    }

    fn observe(&mut self, line: &Line) {
        if !self.counts(line) {
            return;
        }
        match self.question.shape {
            Shape::Lines => self.hashes.push(hash(&line.text)),
            Shape::Last => {
                if 100 <= self.newest.len() {
                    self.newest.pop_front();
                }
                self.newest.push_back(line.timestamp);
            }
            Shape::Groups(label) => *self.groups.entry(group(label, &line.text)).or_default() += 1,
            Shape::FiveMinutes => {
                let bucket = (line.timestamp - START).div_euclid(FIVE_MINUTES);
                *self.buckets.entry((line.service, bucket)).or_default() += 1;
            }
            Shape::Top => {
                let place = line.order.and_then(|order| usize::try_from(order - FIRST_ORDER).ok());
                *at(&mut self.orders, place.unwrap_or(0)) += 1;
            }
            Shape::Quantile => {
                if let Some(value) = after(&line.text, "duration_ms=").and_then(|digits| digits.parse().ok()) {
                    *at(&mut self.numbers, value) += 1;
                }
            }
        }
    }

    fn counts(&self, line: &Line) -> bool {
        let found = || self.finder.as_ref().is_some_and(|finder| finder.find(line.text.as_bytes()).is_some());
        self.question.service.is_none_or(|service| service == line.service)
            && match &self.question.test {
                Test::All => true,
                Test::Has(_) => found(),
                Test::Lacks(_) => !found(),
                Test::Trace(trace) => line.metadata.iter().any(|(name, value)| name == "trace_id" && value == trace),
                Test::Order => line.order.is_some(),
            }
    }

    fn answer(&self) -> Answer {
        let count = |count: &u64| *count as f64;
        match self.question.shape {
            Shape::Lines => Answer::lines(self.hashes.iter().copied()),
            Shape::Last => Answer::lines(self.newest.iter().map(|time| hash(&time.to_string()))),
            Shape::Groups(_) => Answer::groups(self.groups.iter().map(|(group, n)| (group.clone(), count(n)))),
            Shape::FiveMinutes => Answer::groups(self.buckets.iter().map(|((service, bucket), n)| {
                let end = (START + (bucket + 1) * FIVE_MINUTES) / 1_000_000_000;
                (five_minutes(SERVICES[*service], end as f64), count(n))
            })),
            Shape::Top => Answer::top(self.orders.iter().map(|n| f64::from(*n)).collect()),
            Shape::Quantile => Answer::groups(std::iter::once((String::new(), quantile(&self.numbers, 0.95)))),
        }
    }
}

/// The value of a field of a JSON line; empty when no group is asked for.
fn group(label: &str, text: &str) -> String {
    if label.is_empty() {
        return String::new();
    }
    let value = text.split_once(&format!("\"{label}\":\"")).and_then(|(_, rest)| rest.split('"').next());
    value.unwrap_or_default().to_owned()
}

/// The digits behind a text.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = text.split_once(key)?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()
}

fn at<T: Default + Clone>(counts: &mut Vec<T>, place: usize) -> &mut T {
    if counts.len() <= place {
        counts.resize(place + 1, T::default());
    }
    &mut counts[place]
}

/// As Prometheus and Loki have it: between the two values next to the rank, in proportion.
fn quantile(counts: &[u64], q: f64) -> f64 {
    let total: u64 = counts.iter().sum();
    let rank = q * total.saturating_sub(1) as f64;
    let value_at = |rank: f64| {
        let mut seen = 0.0;
        let found = counts.iter().position(|count| {
            seen += *count as f64;
            rank < seen
        });
        found.unwrap_or(0) as f64
    };
    let (low, high) = (value_at(rank.floor()), value_at(rank.ceil()));
    low + (high - low) * rank.fract()
}
