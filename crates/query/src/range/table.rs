//! The panes of every series of one partition: filled with samples or with the states of other partitions.

use super::keys::Keys;
use super::panes::Panes;
use super::state::{Aggregate, Count, Ends, Extremes, Finish, Mean, Moments, Numbers, Samples, State, Sum};
use super::windows::{Pane, Windows};

/// Series by key, each with its panes.
pub(crate) trait Table: Send + std::fmt::Debug {
    /// The number of a series, which is new if its key is.
    fn series(&mut self, key: &str) -> usize;
    /// The keys of all series, by number.
    fn keys(&self) -> &Keys;
    /// Adds a sample, if a window covers it.
    fn add(&mut self, series: usize, time: i64, value: f64);
    /// Adds so many samples worth 1, all of them in the pane of a time.
    fn add_times(&mut self, series: usize, time: i64, times: u64);
    /// Words that each row of [`Table::encode`] takes.
    fn words(&self) -> usize;
    /// Writes every pane of every series as rows that [`Table::absorb`] reads back.
    fn encode(&self, row: &mut dyn FnMut(usize, u64, &[u64]));
    /// Adds a row that another table wrote.
    fn absorb(&mut self, series: usize, pane: u64, row: &[u64]);
    /// The results: series, point and value of every window that has samples, series by series.
    fn finish(&self, result: &mut dyn FnMut(usize, u32, f64));
    /// Bytes it takes, more or less.
    fn bytes(&self) -> usize;
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
        Aggregate::Quantile(_) => Box::new(Typed::<Numbers>::new(aggregate, windows)),
        Aggregate::CounterRate => Box::new(Typed::<Samples>::new(aggregate, windows)),
    }
}

#[derive(Debug)]
struct Typed<S> {
    aggregate: Aggregate,
    windows: Windows,
    keys: Keys,
    series: Vec<Panes<S>>,
    /// The pane of the last sample: most samples share it.
    pane: Pane,
}

impl<S: State> Typed<S> {
    fn new(aggregate: Aggregate, windows: Windows) -> Self {
        Self { aggregate, windows, keys: Keys::default(), series: Vec::new(), pane: Pane::EMPTY }
    }

    /// The state of the pane that a time lies in; `None` when no window covers it.
    fn state(&mut self, series: usize, time: i64) -> Option<&mut S> {
        if !self.pane.contains(time) {
            self.pane = self.windows.pane(time)?;
        }
        let panes = self.series.get_mut(series)?;
        Some(panes.entry(self.pane.index))
    }
}

impl<S: State> Table for Typed<S> {
    fn series(&mut self, key: &str) -> usize {
        let (number, is_new) = self.keys.number(key);
        if is_new {
            self.series.push(Panes::default());
        }
        number
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn add(&mut self, series: usize, time: i64, value: f64) {
        if let Some(state) = self.state(series, time) {
            state.add(time, value);
        }
    }

    fn add_times(&mut self, series: usize, time: i64, times: u64) {
        if let Some(state) = self.state(series, time) {
            state.add_times(time, times);
        }
    }

    fn words(&self) -> usize {
        S::WORDS
    }

    fn encode(&self, row: &mut dyn FnMut(usize, u64, &[u64])) {
        for (series, panes) in self.series.iter().enumerate() {
            for (pane, state) in panes.iter() {
                state.encode(&mut |words| row(series, *pane, words));
            }
        }
    }

    fn absorb(&mut self, series: usize, pane: u64, row: &[u64]) {
        if let Some(panes) = self.series.get_mut(series) {
            panes.entry(pane).absorb(row);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds as a float")]
    fn finish(&self, result: &mut dyn FnMut(usize, u32, f64)) {
        let finish = Finish { aggregate: self.aggregate, seconds: self.windows.range as f64 / 1e9 };
        for (series, panes) in self.series.iter().enumerate() {
            panes.slide(&self.windows, |point, state| result(series, point, state.finish(&finish)));
        }
    }

    fn bytes(&self) -> usize {
        let panes: usize = self.series.iter().map(Panes::bytes).sum();
        panes + self.series.len() * size_of::<Panes<S>>() + self.keys.bytes()
    }
}
