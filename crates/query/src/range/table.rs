//! The panes of every series of one partition: filled with samples or with the states of other partitions.

use datafusion::common::HashMap;

use super::panes::Panes;
use super::state::{Aggregate, Count, Ends, Extremes, Finish, Mean, Moments, Samples, State, Sum};
use super::windows::{Pane, Windows};

/// Series by key, each with its panes.
pub(crate) trait Table: Send + std::fmt::Debug {
    /// The number of a series, which is new if its key is.
    fn series(&mut self, key: &str) -> usize;
    /// Adds a column of samples, but for those that no window covers: `keys` index into `numbers`, which are those of
    /// the series.
    fn add(&mut self, numbers: &[usize], keys: &[i32], times: &[i64], values: Values<'_>);
    /// Words that each row of [`Table::encode`] takes.
    fn words(&self) -> usize;
    /// Writes every pane of every series as rows that [`Table::absorb`] reads back.
    fn encode(&self, row: &mut dyn FnMut(&str, u64, &[u64]));
    /// Adds a row that another table wrote.
    fn absorb(&mut self, series: usize, pane: u64, row: &[u64]);
    /// The results: key, point and value of every window that has samples, series by series.
    fn finish(&self, result: &mut dyn FnMut(&str, u32, f64));
    /// Bytes it takes, more or less.
    fn bytes(&self) -> usize;
}

/// What samples are worth.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'v> {
    /// 1.
    Ones,
    /// A value each.
    Each(&'v [f64]),
    /// Each stands for so many samples worth 1, all of them in its pane.
    Counts(&'v [u64]),
}

/// An empty table for an aggregation.
pub(crate) fn table(aggregate: Aggregate, windows: Windows) -> Box<dyn Table> {
    match aggregate {
        Aggregate::Count | Aggregate::CountRate => Box::new(Typed::<Count>::new(aggregate, windows)),
        Aggregate::Sum | Aggregate::SumRate => Box::new(Typed::<Sum>::new(aggregate, windows)),
        Aggregate::Mean => Box::new(Typed::<Mean>::new(aggregate, windows)),
        Aggregate::Min | Aggregate::Max => Box::new(Typed::<Extremes>::new(aggregate, windows)),
        Aggregate::Variance | Aggregate::Deviation => Box::new(Typed::<Moments>::new(aggregate, windows)),
        Aggregate::First | Aggregate::Last => Box::new(Typed::<Ends>::new(aggregate, windows)),
        Aggregate::Quantile(_) | Aggregate::CounterRate => Box::new(Typed::<Samples>::new(aggregate, windows)),
    }
}

#[derive(Debug)]
struct Typed<S> {
    aggregate: Aggregate,
    windows: Windows,
    numbers: HashMap<String, usize>,
    series: Vec<Panes<S>>,
    /// The pane of the last sample: most samples share it.
    pane: Pane,
    key_bytes: usize,
}

impl<S: State> Typed<S> {
    fn new(aggregate: Aggregate, windows: Windows) -> Self {
        Self { aggregate, windows, numbers: HashMap::new(), series: Vec::new(), pane: Pane::EMPTY, key_bytes: 0 }
    }

    /// The state of the pane that a time lies in; `None` when no window covers it.
    fn state(&mut self, series: usize, time: i64) -> Option<&mut S> {
        if !self.pane.contains(time) {
            self.pane = self.windows.pane(time)?;
        }
        let panes = self.series.get_mut(series)?;
        Some(panes.entry(self.pane.index))
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys = vec![""; self.series.len()];
        for (key, number) in &self.numbers {
            if let Some(slot) = keys.get_mut(*number) {
                *slot = key;
            }
        }
        keys
    }
}

impl<S: State> Table for Typed<S> {
    fn series(&mut self, key: &str) -> usize {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.series.len();
        self.numbers.insert(key.to_owned(), number);
        self.series.push(Panes::default());
        self.key_bytes += key.len();
        number
    }

    fn add(&mut self, numbers: &[usize], keys: &[i32], times: &[i64], values: Values<'_>) {
        for (index, (key, time)) in keys.iter().zip(times).enumerate() {
            let number = usize::try_from(*key).ok().and_then(|key| numbers.get(key)).copied();
            let Some(state) = number.and_then(|number| self.state(number, *time)) else { continue };
            match values {
                Values::Ones => state.add(*time, 1.0),
                Values::Each(values) => state.add(*time, values.get(index).copied().unwrap_or(1.0)),
                Values::Counts(counts) => state.add_times(*time, counts.get(index).copied().unwrap_or(1)),
            }
        }
    }

    fn words(&self) -> usize {
        S::WORDS
    }

    fn encode(&self, row: &mut dyn FnMut(&str, u64, &[u64])) {
        for (key, panes) in self.keys().into_iter().zip(&self.series) {
            for (pane, state) in panes.iter() {
                state.encode(&mut |words| row(key, *pane, words));
            }
        }
    }

    fn absorb(&mut self, series: usize, pane: u64, row: &[u64]) {
        if let Some(panes) = self.series.get_mut(series) {
            panes.entry(pane).absorb(row);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds as a float")]
    fn finish(&self, result: &mut dyn FnMut(&str, u32, f64)) {
        let finish = Finish { aggregate: self.aggregate, seconds: self.windows.range as f64 / 1e9 };
        for (key, panes) in self.keys().into_iter().zip(&self.series) {
            panes.slide(&self.windows, |point, state| result(key, point, state.finish(&finish)));
        }
    }

    fn bytes(&self) -> usize {
        let per_series = size_of::<(String, usize)>() + size_of::<Panes<S>>();
        let panes: usize = self.series.iter().map(Panes::bytes).sum();
        panes + self.series.len() * per_series + self.key_bytes
    }
}
