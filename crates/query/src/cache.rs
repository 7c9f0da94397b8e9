//! Points of range aggregations that were computed before, kept while nothing they were computed from has changed.
//!
//! Points are kept in chunks of equal length in time, so that a dashboard that moves on finds all but the newest; of the
//! chunks at the ends those points that were asked for. A chunk counts as long as the files of its time are the same, the
//! head has no line of its time (a late line is in the head, and then in another file) and nothing else is hidden. What a
//! reader may see is part of the key.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logline::{Labels, Timestamp};
use storage::TimeRange;

use crate::eval::Curve;
use crate::metric::Leaf;
use crate::range::Windows;
use crate::view::View;

/// Points of a chunk.
const CHUNK: i64 = 16;
/// What a series of a chunk costs beside its points and the text of its labels, about.
const CURVE_BYTES: usize = 64;
/// What a label costs beside its text.
const LABEL_BYTES: usize = size_of::<(String, String)>();
/// What a chunk costs in the maps, about.
const CHUNK_BYTES: usize = 256;

/// Results of all queries, the least used of which go first.
#[derive(Debug)]
pub(crate) struct Cache {
    limit_bytes: usize,
    chunks: Mutex<Chunks>,
}

#[derive(Debug, Default)]
struct Chunks {
    known: HashMap<Key, Chunk>,
    /// Which chunk was used when.
    by_use: BTreeMap<u64, Key>,
    bytes: usize,
    uses: u64,
}

/// What was asked, of whose data, for whose eyes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    asked: Arc<Asked>,
    /// Number of the chunk since the epoch.
    chunk: i64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    leaf: Leaf,
    step: i64,
    /// What is left of the time of a point when whole steps since the epoch are taken away.
    phase: i64,
    sight: String,
}

#[derive(Debug)]
struct Chunk {
    /// What it was computed from.
    source: u64,
    /// Numbers of the points that are known; the others were never asked for.
    covers: Range<i64>,
    /// Numbers of the points count from the first of the chunk.
    curves: Arc<Vec<Curve>>,
    bytes: usize,
    last_use: u64,
}

/// The points of one range aggregation: those that are known, and runs of those that are not.
#[derive(Debug)]
pub(crate) struct Lookup {
    asked: Arc<Asked>,
    windows: Windows,
    /// The first points of the chunks that are known, as numbers of this query, and their series.
    known: Vec<(i64, Arc<Vec<Curve>>)>,
    /// What the chunks are computed from that can be kept.
    sources: Vec<(i64, u64)>,
    /// First and last of the points that are to be computed.
    missing: Option<(u32, u32)>,
}

impl Cache {
    /// Keeps about as many bytes; none at all when it is zero.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, chunks: Mutex::default() }
    }

    /// What is known of the points of a range aggregation; `None` when none of them can ever be.
    pub(crate) fn look_up(&self, view: &View, leaf: &Leaf, windows: &Windows) -> Option<Lookup> {
        if self.limit_bytes == 0 || windows.points < 2 || !leaf.is_repeatable() {
            return None;
        }
        let phase = windows.start.rem_euclid(windows.step);
        let asked = Asked { leaf: leaf.clone(), step: windows.step, phase, sight: view.sight() };
        let (known, sources) = (Vec::new(), Vec::new());
        let mut lookup = Lookup { asked: Arc::new(asked), windows: *windows, known, sources, missing: None };
        let all = lookup.chunks();
        let span = lookup.span(*all.start()).zip(lookup.span(*all.end()));
        let parts = view.parts_of(&span.map(|(first, last)| TimeRange { start: first.start, end: last.end })?);
        let mut chunks = self.lock();
        for chunk in all {
            let first = lookup.first_point(chunk);
            let source = lookup.span(chunk).and_then(|span| parts.source(&span));
            let part = lookup.part(first);
            match source.and_then(|source| chunks.get(&lookup.key(chunk), source, &part)) {
                Some(curves) => lookup.known.push((first, curves)),
                None => lookup.miss(first, &part),
            }
            lookup.sources.extend(source.map(|source| (chunk, source)));
        }
        drop(chunks);
        Some(lookup)
    }

    /// Keeps the points of [`Lookup::windows`], which were computed now, as far as they will not change by themselves.
    pub(crate) fn keep(&self, lookup: &Lookup, computed: &[Curve]) {
        let Some((from, to)) = lookup.missing else { return };
        let (from, to) = (i64::from(from), i64::from(to));
        for (chunk, source) in &lookup.sources {
            let first = lookup.first_point(*chunk);
            let covers = (from - first).max(0)..(to - first + 1).min(CHUNK);
            if !covers.is_empty() {
                let curves = computed.iter().filter_map(|curve| cut(curve, from - first, 0..CHUNK)).collect();
                self.lock().insert(lookup.key(*chunk), *source, covers, curves, self.limit_bytes);
            }
        }
    }

    /// What is kept takes so many bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let chunks = self.lock();
        assert_eq!(chunks.bytes, chunks.known.values().map(|chunk| chunk.bytes).sum::<usize>());
        assert_eq!(chunks.known.len(), chunks.by_use.len());
        chunks.bytes
    }

    fn lock(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunks {
    fn get(&mut self, key: &Key, source: u64, part: &Range<i64>) -> Option<Arc<Vec<Curve>>> {
        let is_known = |chunk: &&mut Chunk| {
            chunk.source == source && chunk.covers.start <= part.start && part.end <= chunk.covers.end
        };
        let chunk = self.known.get_mut(key).filter(is_known)?;
        self.uses += 1;
        self.by_use.remove(&chunk.last_use);
        self.by_use.insert(self.uses, key.clone());
        chunk.last_use = self.uses;
        Some(Arc::clone(&chunk.curves))
    }

    fn insert(&mut self, key: Key, source: u64, covers: Range<i64>, curves: Vec<Curve>, limit_bytes: usize) {
        let (mut curves, mut covers) = (curves, covers);
        if let Some(known) = self.known.get(&key).filter(|known| known.source == source)
            && known.covers.start <= covers.end
            && covers.start <= known.covers.end
        {
            let is_new = |point: u32| covers.contains(&i64::from(point));
            let known_curves = known.curves.iter().cloned();
            curves = joined(curves, known_curves, is_new);
            covers = known.covers.start.min(covers.start)..known.covers.end.max(covers.end);
        }
        // Each chunk may be the only one that holds what was asked.
        let bytes = curves.iter().map(curve_bytes).sum::<usize>() + key.asked.bytes() + CHUNK_BYTES;
        // One answer must not drive out all others.
        if limit_bytes / 8 < bytes {
            return;
        }
        self.remove(&key);
        while limit_bytes < self.bytes + bytes {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, key.clone());
        self.known.insert(key, Chunk { source, covers, curves: Arc::new(curves), bytes, last_use: self.uses });
    }

    fn remove(&mut self, key: &Key) {
        let Some(chunk) = self.known.remove(key) else { return };
        self.by_use.remove(&chunk.last_use);
        self.bytes -= chunk.bytes;
    }
}

impl Asked {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.leaf.text_bytes() + self.sight.len()
    }
}

fn curve_bytes(curve: &Curve) -> usize {
    let labels = curve.labels.iter().map(|(name, value)| LABEL_BYTES + name.len() + value.len()).sum::<usize>();
    CURVE_BYTES + labels + curve.points.len() * size_of::<(u32, f64)>()
}

impl Lookup {
    /// The windows of the points that are to be computed.
    pub(crate) fn windows(&self) -> Option<Windows> {
        let (first, last) = self.missing?;
        Some(Windows { start: self.windows.point(first), points: last - first + 1, ..self.windows })
    }

    /// All points: those that were known, and those of [`Lookup::windows`], whose numbers become those of the query.
    pub(crate) fn joined(&self, mut computed: Vec<Curve>) -> Vec<Curve> {
        if self.known.is_empty() {
            return computed;
        }
        let (shift, points) = (self.missing.map_or(0, |(first, _)| i64::from(first)), i64::from(self.windows.points));
        let is_missing = |point: i64| {
            self.missing.is_some_and(|(first, last)| (i64::from(first)..=i64::from(last)).contains(&point))
        };
        for (point, _) in computed.iter_mut().flat_map(|curve| &mut curve.points) {
            *point = moved(*point, shift).unwrap_or(u32::MAX);
        }
        let known = self
            .known
            .iter()
            .flat_map(|(first, curves)| curves.iter().filter_map(move |curve| cut(curve, *first, 0..points)));
        joined(computed, known, |point| is_missing(i64::from(point)))
    }

    fn key(&self, chunk: i64) -> Key {
        Key { asked: Arc::clone(&self.asked), chunk }
    }

    /// The number of the first point since the epoch.
    const fn first_number(&self) -> i64 {
        self.windows.start.div_euclid(self.windows.step)
    }

    /// The chunks that have points of this query.
    fn chunks(&self) -> RangeInclusive<i64> {
        let first = self.first_number();
        let last = first.saturating_add(i64::from(self.windows.points) - 1);
        first.div_euclid(CHUNK)..=last.div_euclid(CHUNK)
    }

    /// The first point of a chunk, as a number of this query; negative when the query begins later.
    const fn first_point(&self, chunk: i64) -> i64 {
        chunk.saturating_mul(CHUNK).saturating_sub(self.first_number())
    }

    /// All time that the points of a chunk are computed from; `None` at the ends of time.
    fn span(&self, chunk: i64) -> Option<TimeRange> {
        let Windows { start, step, range, offset, .. } = self.windows;
        let first = start.checked_add(self.first_point(chunk).checked_mul(step)?)?.checked_sub(offset)?;
        let last = first.checked_add(step.checked_mul(CHUNK - 1)?)?;
        Some(TimeRange { start: Timestamp(first.checked_sub(range)?), end: Timestamp(last.checked_add(1)?) })
    }

    /// The points of a chunk that this query asks for, counted from the first of the chunk.
    fn part(&self, first: i64) -> Range<i64> {
        (-first).max(0)..(i64::from(self.windows.points) - first).min(CHUNK)
    }

    /// Notes that points of a chunk are not known.
    fn miss(&mut self, first: i64, part: &Range<i64>) {
        let number = |point: i64| u32::try_from(first + point).unwrap_or(0);
        let (first, last) = (number(part.start), number(part.end - 1));
        self.missing = Some(match self.missing {
            Some((from, to)) => (from.min(first), to.max(last)),
            None => (first, last),
        });
    }
}

/// Series whose points come from two places: of the second only those that are not in the first.
fn joined(first: Vec<Curve>, second: impl Iterator<Item = Curve>, is_in_first: impl Fn(u32) -> bool) -> Vec<Curve> {
    let mut all: BTreeMap<Labels, Vec<(u32, f64)>> =
        first.into_iter().map(|curve| (curve.labels, curve.points)).collect();
    for mut curve in second {
        curve.points.retain(|(point, _)| !is_in_first(*point));
        if !curve.points.is_empty() {
            all.entry(curve.labels).or_default().append(&mut curve.points);
        }
    }
    all.values_mut().for_each(|points| points.sort_unstable_by_key(|(point, _)| *point));
    all.into_iter().map(|(labels, points)| Curve { labels, points }).collect()
}

/// The points of a series with other numbers, as far as these are in a range; `None` when there are none.
fn cut(curve: &Curve, shift: i64, range: Range<i64>) -> Option<Curve> {
    let at = |end: i64| curve.points.partition_point(|(point, _)| i64::from(*point).saturating_add(shift) < end);
    let inside = curve.points.get(at(range.start)..at(range.end)).unwrap_or_default();
    let points: Vec<_> = inside.iter().filter_map(|(point, value)| Some((moved(*point, shift)?, *value))).collect();
    (!points.is_empty()).then(|| Curve { labels: curve.labels.clone(), points })
}

fn moved(point: u32, shift: i64) -> Option<u32> {
    u32::try_from(i64::from(point).saturating_add(shift)).ok()
}
