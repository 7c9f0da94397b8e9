//! How much there is: statistics of a selection, and volumes by labels, in all or over time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, StringArray, UInt64Array};
use auth::Scope;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use logline::{Labels, Timestamp};
use logql::Matcher;
use storage::{Predicate, TextMatch, TimeRange, logs};

use crate::answer::Answer;
use crate::engine::Engine;
use crate::error::Error;
use crate::exec::{Tally, UnaryExec, column, tally_fields};
use crate::matchers::predicate;
use crate::params::{Direction, MAX_POINTS};
use crate::run::Run;
use crate::slices::Slices;
use crate::view::{View, Want};

/// The mean length of a line is taken from this many lines.
const SAMPLED_LINES: u64 = 16_384;

/// How much a selector selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Streams with a line in the range.
    pub streams: u64,
    /// Files, and heads in memory, that may have such lines; streams for who does not see everything, since files hold
    /// lines of others too.
    pub chunks: u64,
    /// Bytes of text: lines times the mean length of the newest ones.
    pub bytes: u64,
    /// Lines.
    pub entries: u64,
}

/// Which volumes are wanted.
#[derive(Clone, Debug)]
pub struct VolumeParams {
    /// A selector; `{}` for everything.
    pub selector: String,
    /// When.
    pub range: TimeRange,
    /// From point to point; one sum over the range if not given.
    pub step: Option<Duration>,
    /// Labels to sum by; those of the selector when empty.
    pub labels: Vec<String>,
    /// Sums of single labels, by name, instead of series of labels.
    pub by_label: bool,
    /// Most series, the largest ones.
    pub limit: usize,
}

/// Bytes of text under some labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The labels by name; one name with an empty value where sums of single labels were asked for.
    pub labels: Vec<(String, String)>,
    /// Bytes, oldest first; stretches without any are left out.
    pub points: Vec<(Timestamp, u64)>,
}

impl Engine {
    /// How much a selector selects. Lines are counted; bytes are estimated from the newest lines.
    pub async fn stats(&self, scope: &Scope, range: TimeRange, selector: &str) -> Result<Answer<IndexStats>, Error> {
        let wanted = predicate(&matchers(selector)?);
        let range = self.clamp(scope, range)?;
        let (run, view) = self.begin_in_turn(scope).await?;
        let counted = async {
            let rows = tally(&run, &view, range, wanted.clone(), &Tally { step: None, bytes: false }).await?;
            let entries = rows.iter().map(|row| row.entries).sum();
            let (mut sampled, mut bytes) = (0, 0);
            for slice in Slices::new(view.parts(&range), range, Direction::Backward, SAMPLED_LINES, u64::MAX) {
                let rows = tally(&run, &view, slice, wanted.clone(), &Tally { step: None, bytes: true }).await?;
                sampled += rows.iter().map(|row| row.entries).sum::<u64>();
                bytes += rows.iter().map(|row| row.bytes).sum::<u64>();
                if SAMPLED_LINES <= sampled || sampled == entries {
                    break;
                }
            }
            let estimate = u128::from(bytes) * u128::from(entries) / u128::from(sampled.max(1));
            Ok(IndexStats {
                streams: rows.len() as u64,
                chunks: match entries {
                    0 => 0,
                    _ if run.sees_everything() => view.parts(&range).len() as u64,
                    _ => rows.len() as u64,
                },
                bytes: u64::try_from(estimate).unwrap_or(u64::MAX),
                entries,
            })
        };
        let found = run.within_limits(counted).await?;
        Ok(run.answer(found, 1))
    }

    /// Bytes of text by labels, largest first: a point at the end of the range, or with a step points at the ends of
    /// their stretches.
    pub async fn volume(&self, scope: &Scope, params: &VolumeParams) -> Result<Answer<Vec<Volume>>, Error> {
        let grouping = Grouping::new(params)?;
        let range = self.clamp(scope, params.range)?;
        let step = params.step.map(|step| i64::try_from(step.as_nanos()).unwrap_or(i64::MAX));
        if let Some(step) = step {
            check_step(step, &range)?;
        }
        let (run, view) = self.begin_in_turn(scope).await?;
        let wanted = Tally { step, bytes: true };
        let rows = run.within_limits(tally(&run, &view, range, grouping.predicate.clone(), &wanted)).await?;
        let end = range.end;
        let time = |bucket: i64| match step {
            Some(step) => Timestamp(bucket.saturating_add(1).saturating_mul(step)).min(end),
            None => end,
        };
        let mut volumes: Vec<_> = grouping
            .sums(&rows)?
            .into_iter()
            .map(|(labels, buckets)| Volume {
                labels,
                points: buckets.into_iter().map(|(bucket, bytes)| (time(bucket), bytes)).collect(),
            })
            .collect();
        volumes.sort_by_cached_key(|volume| (Reverse(volume.bytes()), volume.labels.clone()));
        volumes.truncate(params.limit);
        let found = volumes.len();
        Ok(run.answer(volumes, found))
    }
}

impl Volume {
    fn bytes(&self) -> u64 {
        self.points.iter().map(|(_, bytes)| bytes).sum()
    }
}

fn check_step(step: i64, range: &TimeRange) -> Result<(), Error> {
    if step <= 0 {
        return Err(Error::no_step());
    }
    let points = range.end.0.saturating_sub(range.start.0) / step;
    if u64::try_from(points).unwrap_or(0) > MAX_POINTS {
        return Err(Error::too_many_points());
    }
    Ok(())
}

fn matchers(selector: &str) -> Result<Vec<Matcher>, Error> {
    Ok(logql::parse_selector(selector)?)
}

/// What is summed up under which labels.
#[derive(Debug)]
struct Grouping {
    predicate: Predicate,
    /// All labels if there are none.
    names: BTreeSet<String>,
    by_label: bool,
}

impl Grouping {
    fn new(params: &VolumeParams) -> Result<Self, Error> {
        let matchers = matchers(&params.selector)?;
        let mut wanted = predicate(&matchers);
        // A stream without a label to sum by has no part in its sums.
        for name in params.labels.iter().filter(|name| matchers.iter().all(|matcher| matcher.name != **name)) {
            let missing = Predicate::Label { name: name.clone(), text: TextMatch::Equals(String::new()) };
            wanted = wanted.and(Predicate::Not(Box::new(missing)));
        }
        let of_selector = || matchers.iter().map(|matcher| matcher.name.clone());
        let names = match (params.labels.as_slice(), params.by_label) {
            ([], true) => BTreeSet::new(),
            ([], false) => of_selector().collect(),
            (names, _) => names.iter().cloned().collect(),
        };
        Ok(Self { predicate: wanted, names, by_label: params.by_label })
    }

    fn sums(&self, rows: &[Row]) -> Result<Sums, Error> {
        let mut sums = Sums::new();
        for row in rows {
            let labels = Labels::parse(&row.stream).map_err(Error::internal)?;
            let kept = labels.iter().filter(|(name, _)| self.names.is_empty() || self.names.contains(*name));
            let kept: Vec<_> = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let groups: Vec<Vec<_>> = if self.by_label {
                kept.into_iter().map(|(name, _)| vec![(name, String::new())]).collect()
            } else {
                vec![kept]
            };
            for group in groups {
                *sums.entry(group).or_default().entry(row.bucket).or_default() += row.bytes;
            }
        }
        Ok(sums)
    }
}

/// Bytes by labels and stretch of time.
type Sums = BTreeMap<Vec<(String, String)>, BTreeMap<i64, u64>>;

/// A count of one stream in one stretch of time.
#[derive(Debug)]
struct Row {
    stream: String,
    bucket: i64,
    entries: u64,
    bytes: u64,
}

async fn tally(run: &Run, view: &View, range: TimeRange, wanted: Predicate, tally: &Tally) -> Result<Vec<Row>, Error> {
    let want = Want {
        range,
        predicate: wanted,
        columns: tally.columns(),
        pairs: None,
        stretches: tally.stretches(),
        json: None,
    };
    let plan = UnaryExec::new(tally.clone(), view.scan(&want)?);
    let mut rows: BTreeMap<(String, i64), (u64, u64)> = BTreeMap::new();
    for batch in run.collect(Arc::new(CoalescePartitionsExec::new(Arc::new(plan)))).await? {
        let streams: &StringArray = column(&batch, logs::STREAM)?;
        let buckets: &Int64Array = column(&batch, tally_fields::BUCKET)?;
        let entries: &UInt64Array = column(&batch, tally_fields::ENTRIES)?;
        let bytes: &UInt64Array = column(&batch, tally_fields::BYTES)?;
        for (row, stream) in streams.iter().enumerate() {
            let sum = rows.entry((stream.unwrap_or_default().to_owned(), buckets.value(row))).or_default();
            sum.0 += entries.value(row);
            sum.1 += bytes.value(row);
        }
    }
    let row = |((stream, bucket), (entries, bytes))| Row { stream, bucket, entries, bytes };
    Ok(rows.into_iter().map(row).collect())
}
