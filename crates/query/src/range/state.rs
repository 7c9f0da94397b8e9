//! What a pane remembers of its samples, for each kind of aggregation.

use serde::{Deserialize, Serialize};

/// How the samples of a window become one number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Aggregate {
    /// How many there are.
    Count,
    /// How many there are per second.
    CountRate,
    /// Their sum.
    Sum,
    /// Their sum per second.
    SumRate,
    /// Their mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Population variance.
    Variance,
    /// Population deviation.
    Deviation,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// The value below which this share of them lies, interpolated.
    Quantile(#[serde(with = "bits")] f64),
    /// Growth of a counter per second, resets counted.
    CounterRate,
}

impl Aggregate {
    /// Whether it matters when a sample of a window was taken.
    pub(crate) const fn looks_at_times(self) -> bool {
        matches!(self, Self::First | Self::Last | Self::CounterRate)
    }
}

/// A float by its bits: as text it might come back as its neighbour.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// What is known when a window is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    pub(crate) aggregate: Aggregate,
    /// Length of the window in seconds.
    pub(crate) seconds: f64,
}

/// What a pane remembers. Merging knows no order, so that partitions may be read in any.
pub(crate) trait State: Clone + Default + Send + std::fmt::Debug + 'static {
    /// Words that one row of its encoding takes.
    const WORDS: usize;
    /// Whether merging costs the same however much was added.
    const IS_SMALL: bool = true;

    /// Adds a sample.
    fn add(&mut self, time: i64, value: f64);
    /// Adds so many samples worth 1.
    fn add_times(&mut self, time: i64, times: u64) {
        (0..times).for_each(|_| self.add(time, 1.0));
    }
    /// Adds all samples of another.
    fn merge(&mut self, other: &Self);
    /// Writes rows that [`State::absorb`] reads back.
    fn encode(&self, row: &mut dyn FnMut(&[u64]));
    /// Adds what a row of an encoding holds; `row` has [`State::WORDS`] words.
    fn absorb(&mut self, row: &[u64]);
    /// The number of a window.
    fn finish(&self, finish: &Finish) -> f64;
    /// Bytes it takes beyond its own size.
    fn heap_bytes(&self) -> usize {
        0
    }
}

fn word(row: &[u64], index: usize) -> u64 {
    row.get(index).copied().unwrap_or_default()
}

fn float(row: &[u64], index: usize) -> f64 {
    f64::from_bits(word(row, index))
}

/// Number of samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(pub(crate) u64);

impl State for Count {
    const WORDS: usize = 1;

    fn add(&mut self, _: i64, _: f64) {
        self.0 += 1;
    }

    fn add_times(&mut self, _: i64, times: u64) {
        self.0 += times;
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        row(&[self.0]);
    }

    fn absorb(&mut self, row: &[u64]) {
        self.0 += word(row, 0);
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 lines")]
    fn finish(&self, finish: &Finish) -> f64 {
        let count = self.0 as f64;
        if finish.aggregate == Aggregate::CountRate { count / finish.seconds } else { count }
    }
}

/// A sum with the part that rounding lost, so that the order of adding does not show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn push(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_finite() {
            let lost = if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
            self.lost += lost;
        }
        self.sum = sum;
    }

    fn total(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

impl State for Sum {
    const WORDS: usize = 2;

    fn add(&mut self, _: i64, value: f64) {
        self.push(value);
    }

    fn merge(&mut self, other: &Self) {
        self.push(other.sum);
        self.lost += other.lost;
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        row(&[self.sum.to_bits(), self.lost.to_bits()]);
    }

    fn absorb(&mut self, row: &[u64]) {
        self.merge(&Self { sum: float(row, 0), lost: float(row, 1) });
    }

    fn finish(&self, finish: &Finish) -> f64 {
        let total = self.total();
        if finish.aggregate == Aggregate::SumRate { total / finish.seconds } else { total }
    }
}

/// Sum and number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mean {
    sum: Sum,
    count: Count,
}

impl State for Mean {
    const WORDS: usize = 3;

    fn add(&mut self, time: i64, value: f64) {
        self.sum.push(value);
        self.count.add(time, value);
    }

    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.count.merge(&other.count);
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        row(&[self.sum.sum.to_bits(), self.sum.lost.to_bits(), self.count.0]);
    }

    fn absorb(&mut self, row: &[u64]) {
        self.sum.absorb(row);
        self.count.0 += word(row, 2);
    }

    fn finish(&self, finish: &Finish) -> f64 {
        self.sum.total() / self.count.finish(finish)
    }
}

/// The smallest and the largest; what is not a number counts only while there is nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Extremes {
    min: f64,
    max: f64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self { min: f64::NAN, max: f64::NAN }
    }
}

impl State for Extremes {
    const WORDS: usize = 2;

    fn add(&mut self, _: i64, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        row(&[self.min.to_bits(), self.max.to_bits()]);
    }

    fn absorb(&mut self, row: &[u64]) {
        self.merge(&Self { min: float(row, 0), max: float(row, 1) });
    }

    fn finish(&self, finish: &Finish) -> f64 {
        if finish.aggregate == Aggregate::Min { self.min } else { self.max }
    }
}

/// Number, mean and the sum of squared distances from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl State for Moments {
    const WORDS: usize = 3;

    fn add(&mut self, _: i64, value: f64) {
        self.merge(&Self { count: 1.0, mean: value, squares: 0.0 });
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        self.mean += delta * other.count / count;
        self.squares += other.squares + delta * delta * self.count * other.count / count;
        self.count = count;
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        row(&[self.count.to_bits(), self.mean.to_bits(), self.squares.to_bits()]);
    }

    fn absorb(&mut self, row: &[u64]) {
        self.merge(&Self { count: float(row, 0), mean: float(row, 1), squares: float(row, 2) });
    }

    fn finish(&self, finish: &Finish) -> f64 {
        let variance = self.squares / self.count;
        if finish.aggregate == Aggregate::Variance { variance } else { variance.sqrt() }
    }
}

/// The earliest and the latest sample; among equal times the smaller is first and the larger last.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    first: (i64, f64),
    last: (i64, f64),
}

impl Default for Ends {
    fn default() -> Self {
        Self { first: (i64::MAX, f64::INFINITY), last: (i64::MIN, f64::NEG_INFINITY) }
    }
}

impl State for Ends {
    const WORDS: usize = 4;

    fn add(&mut self, time: i64, value: f64) {
        self.merge(&Self { first: (time, value), last: (time, value) });
    }

    fn merge(&mut self, other: &Self) {
        let is_before = |a: (i64, f64), b: (i64, f64)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).is_lt();
        if is_before(other.first, self.first) {
            self.first = other.first;
        }
        if is_before(self.last, other.last) {
            self.last = other.last;
        }
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        let (first, last) = (self.first, self.last);
        row(&[first.0.cast_unsigned(), first.1.to_bits(), last.0.cast_unsigned(), last.1.to_bits()]);
    }

    fn absorb(&mut self, row: &[u64]) {
        let end = |index| (word(row, index).cast_signed(), float(row, index + 1));
        self.merge(&Self { first: end(0), last: end(2) });
    }

    fn finish(&self, finish: &Finish) -> f64 {
        if finish.aggregate == Aggregate::First { self.first.1 } else { self.last.1 }
    }
}

/// Every sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<(i64, f64)>);

impl State for Samples {
    const WORDS: usize = 2;
    const IS_SMALL: bool = false;

    fn add(&mut self, time: i64, value: f64) {
        self.0.push((time, value));
    }

    fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        for (time, value) in &self.0 {
            row(&[time.cast_unsigned(), value.to_bits()]);
        }
    }

    fn absorb(&mut self, row: &[u64]) {
        self.add(word(row, 0).cast_signed(), float(row, 1));
    }

    fn finish(&self, finish: &Finish) -> f64 {
        counter_rate(self.0.clone(), finish.seconds)
    }

    fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(i64, f64)>()
    }
}

/// The value of every sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Vec<f64>);

impl State for Numbers {
    const WORDS: usize = 1;
    const IS_SMALL: bool = false;

    fn add(&mut self, _: i64, value: f64) {
        self.0.push(value);
    }

    fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    fn encode(&self, row: &mut dyn FnMut(&[u64])) {
        self.0.iter().for_each(|value| row(&[value.to_bits()]));
    }

    fn absorb(&mut self, row: &[u64]) {
        self.0.push(float(row, 0));
    }

    fn finish(&self, finish: &Finish) -> f64 {
        match finish.aggregate {
            Aggregate::Quantile(share) => quantile(&mut self.0.clone(), share),
            _ => f64::NAN,
        }
    }

    fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<f64>()
    }
}

/// The quantile as Prometheus defines it: linear between neighbours, infinite outside of 0 to 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index within the values"
)]
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() || share.is_nan() {
        return f64::NAN;
    }
    if share < 0.0 {
        return f64::NEG_INFINITY;
    }
    if share > 1.0 {
        return f64::INFINITY;
    }
    let last = values.len() - 1;
    let rank = share * last as f64;
    let weight = rank - rank.floor();
    let (_, lower, above) = values.select_nth_unstable_by((rank.floor() as usize).min(last), f64::total_cmp);
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(upper) => *lower * (1.0 - weight) + upper * weight,
        None => *lower,
    }
}

/// Growth of a counter per second; a fall is a reset. Loki extrapolates to the window with mixed units (microseconds
/// between samples, seconds before the first), so that hardly anything is added; so do we.
#[expect(clippy::cast_precision_loss, reason = "times and counts as floats")]
fn counter_rate(mut samples: Vec<(i64, f64)>, seconds: f64) -> f64 {
    samples.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return 0.0 };
    if samples.len() < 2 {
        return 0.0;
    }
    let resets: f64 = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let growth = last.1 - first.1 + resets;
    let sampled = (last.0 - first.0) as f64 / 1e3;
    let between = sampled / (samples.len() - 1) as f64;
    let mut before = seconds;
    if growth > 0.0 && first.1 >= 0.0 {
        before = before.min(sampled * (first.1 / growth));
    }
    let covered = sampled + if before < between * 1.1 { before } else { between / 2.0 };
    growth * (covered / sampled) / seconds
}

#[cfg(test)]
mod tests;
