//! `new_pattern`: bad lines of a form that was not there before. A form is what is left of a line without its ids,
//! numbers and times; alerts name it by a hash, since the words of a line are not theirs to tell.

use std::collections::{BTreeMap, BTreeSet};

use logline::{Context, Reader, Timestamp};

use super::super::found::{About, Findings, Found, Grid};
use super::super::history::counted;
use super::super::source::{Failure, Line, Source};
use crate::model::fingerprint;
use crate::rule::NewPattern;

/// Lines that are looked at to learn what is known.
const LEARNED: usize = 500_000;
/// Lines of one evaluation.
const LINES: usize = 50_000;
/// Forms that are remembered; beyond them the oldest are forgotten.
const FORMS: usize = 20_000;
/// Words of a form.
const WORDS: usize = 24;
/// The label that names a service.
const SERVICE: &str = "service_name";

/// Forms that are known.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// Everything up to here was looked at.
    until: Option<Timestamp>,
    /// When each form came first and last, at whatever endpoint of its service.
    known: BTreeMap<Form, (Timestamp, Timestamp)>,
    /// Forms that are new although all of the past was looked at again: lines that were stored late may have them.
    confirmed: BTreeSet<Form>,
}

/// The labels of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    service: String,
    level: String,
    endpoint: String,
    pattern: String,
}

pub(super) async fn find(
    with: &NewPattern,
    source: &Source,
    grid: Grid,
    forms: &mut Forms,
) -> Result<Findings, Failure> {
    let levels = with.levels.join("|");
    let lines = format!("{} | detected_level=~{levels:?}", with.selector);
    let first = grid.start.before(with.window.0);
    let known_from = match forms.until {
        Some(until) if until <= grid.end() && first.before(with.lookback.0) <= until => until,
        _ => {
            *forms = Forms::default();
            first.before(with.lookback.0)
        }
    };
    let reader = source.reader();
    let all = first.before(with.lookback.0);
    forms.learn_between((known_from, first), source, &lines).await?;
    let mut hits: Vec<(Timestamp, Form)> = Vec::new();
    source.each_line(&lines, (first, grid.end()), LINES, |line| hits.push((line.time, form(reader, &line)))).await?;
    hits.sort_by_key(|(time, _)| *time);
    for (time, form) in &hits {
        forms.learn(form, *time);
    }
    let is_new = |forms: &Forms, form: &Form| forms.first(form).is_some_and(|came| first <= came);
    if all < known_from && !source.is_past() {
        let unsure = |(_, form): &&(Timestamp, Form)| is_new(forms, form) && !forms.confirmed.contains(form);
        if hits.iter().any(|hit| unsure(&hit)) {
            forms.learn_between((all, first), source, &lines).await?;
        }
    }
    forms.confirmed = hits.iter().map(|(_, form)| form).filter(|form| is_new(forms, form)).cloned().collect();
    let young = young(with, source, grid).await?;
    forms.until = Some(grid.end());
    forms.forget(grid.end().before(with.lookback.0));
    let mut findings = Findings::default();
    for (point, time) in grid.times() {
        let begin = time.before(with.window.0);
        let within = hits.iter().filter(|(at, _)| begin < *at && *at <= time);
        let mut counts: BTreeMap<&Form, u64> = BTreeMap::new();
        within.for_each(|(_, form)| *counts.entry(form).or_default() += 1);
        for (form, count) in counts {
            let Some(first) = forms.first(form).filter(|first| begin < *first) else { continue };
            if with.min <= count && !young.contains(&(point, form.service.clone())) {
                let about = About { first_seen: Some(first), ..About::default() }.fact("Window", with.window);
                findings.add(point, Found { labels: form.labels(), value: count as f64, about });
            }
        }
    }
    Ok(findings)
}

/// Services that had no lines yet when learning would have begun, by moment.
async fn young(with: &NewPattern, source: &Source, grid: Grid) -> Result<BTreeSet<(u32, String)>, Failure> {
    if with.learning.0.is_zero() {
        return Ok(BTreeSet::new());
    }
    let by = [SERVICE.to_owned()];
    let day = std::time::Duration::from_secs(86_400);
    let now = counted(&with.selector, &by, with.window.0, std::time::Duration::ZERO);
    let mut young = BTreeSet::new();
    let services = |series: &query::Series| series.labels.get(SERVICE).unwrap_or_default().to_owned();
    for series in source.series(&now, grid).await? {
        young.extend(series.points.iter().map(|(time, _)| (grid.point(*time), services(&series))));
    }
    let before = counted(&with.selector, &by, day, with.learning.0);
    for series in source.series(&before, grid).await? {
        for (time, _) in &series.points {
            young.remove(&(grid.point(*time), services(&series)));
        }
    }
    Ok(young)
}

impl Forms {
    /// Learns from lines of a stretch of time.
    async fn learn_between(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        source: &Source,
        lines: &str,
    ) -> Result<(), Failure> {
        if to <= from {
            return Ok(());
        }
        let reader = source.reader();
        source.each_line(lines, (from, to), LEARNED, |line| self.learn(&form(reader, &line), line.time)).await
    }

    fn learn(&mut self, form: &Form, time: Timestamp) {
        match self.known.get_mut(&form.anywhere()) {
            Some((first, last)) => (*first, *last) = ((*first).min(time), (*last).max(time)),
            None => drop(self.known.insert(form.anywhere(), (time, time))),
        }
    }

    fn first(&self, form: &Form) -> Option<Timestamp> {
        self.known.get(&form.anywhere()).map(|(first, _)| *first)
    }

    fn forget(&mut self, before: Timestamp) {
        self.known.retain(|_, (_, last)| before <= *last);
        if FORMS < self.known.len() {
            let mut times: Vec<Timestamp> = self.known.values().map(|(_, last)| *last).collect();
            let surplus = times.len() - FORMS;
            let border = *times.select_nth_unstable(surplus).1;
            self.known.retain(|_, (_, last)| border <= *last);
        }
    }
}

impl Form {
    /// The form without its endpoint: what can go wrong anywhere is not news where it does so for the first time.
    fn anywhere(&self) -> Self {
        Self { endpoint: String::new(), ..self.clone() }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("service_name", &self.service),
            ("level", &self.level),
            ("endpoint", &self.endpoint),
            ("pattern", &self.pattern),
        ];
        pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
            .collect()
    }
}

fn form(reader: &Reader, line: &Line) -> Form {
    let record = reader.read_of(line.service(), &line.text, &Context::default());
    let endpoint = record.endpoint().to_owned();
    // What went wrong tells forms apart; without that, the words of the line.
    let said = record.get("error").or_else(|| record.message()).unwrap_or(&line.text);
    let words: Vec<String> = said.split_whitespace().take(WORDS).map(plain).collect();
    let code = record.http_status().map(|code| code.to_string()).unwrap_or_default();
    let named = BTreeMap::from([("words".to_owned(), words.join(" ")), ("code".to_owned(), code)]);
    let pattern = format!("{:08x}", fingerprint(&named) >> 32);
    let service = line.service().to_owned();
    Form { service, level: line.level.clone(), endpoint, pattern }
}

/// A word without what varies: one with a digit in it is an id, a number or a time.
fn plain(word: &str) -> String {
    let word = word.split_once('=').map_or(word, |(key, _)| key);
    if word.chars().any(|c| c.is_ascii_digit()) || 40 < word.len() { "_".to_owned() } else { word.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use logline::Labels;

    use super::*;

    fn pattern(text: &str) -> String {
        let labels = Labels::parse(r#"{service_name="mes-api"}"#).unwrap();
        let line = Line { time: Timestamp(0), labels, level: "error".to_owned(), text: text.to_owned() };
        form(&Reader::default(), &line).pattern
    }

    #[test]
    fn lines_that_differ_in_ids_and_numbers_have_one_form() {
        assert_eq!(pattern("order 4711 failed after 12 ms"), pattern("order 4712 failed after 9 ms"));
        assert_ne!(pattern("order 4711 failed after 12 ms"), pattern("order 4711 was lost after 12 ms"));
        let house = |id: &str, error: &str| {
            pattern(&format!(
                "[2026-03-01T12:00:00.253Z][RESP][POST /orders/{{id}}/submit] order_id={id} status=CREATED http_status=500 error=\"{error}\""
            ))
        };
        assert_eq!(house("1", "bench 7 is down"), house("2", "bench 9 is down"));
        assert_ne!(house("1", "bench 7 is down"), house("1", "queue is down"));
    }
}
