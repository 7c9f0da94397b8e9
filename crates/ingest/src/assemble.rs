//! From decoded pieces to streams: merges equal streams, checks limits, masks, adds `service_name` and `detected_level`.
//!
//! All protocols end here, so the rules are the same whichever way a line comes in.

use std::borrow::Cow;
use std::collections::HashMap;

use logline::{Entry, InvalidLabels, Labels, Level, Stream, Timestamp};
use mask::Counts;

use crate::decoded::clip;
use crate::{DecodeError, Decoded, Hits, Limits, Masking, Named, Rejected, clean_name, cut, unique};

/// What decoding depends on beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The tenant's limits.
    pub limits: &'a Limits,
    /// What to do about personal data.
    pub masking: &'a Masking,
    /// When the push was received.
    pub now: Timestamp,
}

/// An entry as a decoder found it.
#[derive(Debug)]
pub(crate) struct RawEntry<'a> {
    /// `None`: outside of what 64 bits of nanoseconds can tell.
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) line: Cow<'a, str>,
    pub(crate) metadata: Vec<Pair<'a>>,
}

/// A name and its value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Collects one push.
#[derive(Debug)]
pub(crate) struct Assembler<'a> {
    context: Context<'a>,
    streams: Vec<Open>,
    by_labels: HashMap<Labels, usize>,
    rejected: Rejected,
    seen: bool,
    items: usize,
}

/// A stream under collection.
#[derive(Debug)]
struct Open {
    stream: Stream,
    /// The labels as they stand in messages, clipped: a message is made for each refused entry.
    text: String,
    service: String,
    /// What the labels say about the level of every line.
    level: Option<Level>,
    names: Names,
    counts: Counts,
    /// The last time that an entry came with and kept.
    told: Timestamp,
}

/// Names of structured metadata in which there is nothing to mask, with their clean forms where those are others: each is
/// looked at once a stream and not once a line.
#[derive(Debug, Default)]
struct Names(Vec<(String, Option<String>)>);

/// More names than this are looked at each time.
const MAX_NAMES: usize = 16;

/// The stream that entries go to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Open(usize),
    /// The stream was refused, and so is each of its entries.
    Refused(String),
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(context: Context<'a>) -> Self {
        Self {
            context,
            streams: Vec::new(),
            by_labels: HashMap::new(),
            rejected: Rejected::default(),
            seen: false,
            items: 0,
        }
    }

    /// Counts parts of the push, before memory is taken for them.
    pub(crate) fn take_items(&mut self, items: usize) -> Result<(), DecodeError> {
        self.items += items;
        let max = self.context.limits.max_items;
        if self.items <= max {
            return Ok(());
        }
        Err(DecodeError::TooLarge(format!("the push has more than {max} entries, metadata pairs and streams")))
    }

    /// How many parts there may still be.
    pub(crate) fn items_left(&self) -> usize {
        self.context.limits.max_items.saturating_sub(self.items)
    }

    /// Opens a stream, or finds the one with the same labels. `text` is what the sender wrote.
    pub(crate) fn stream(&mut self, labels: Result<Labels, InvalidLabels>, text: &str) -> Target {
        self.seen = true;
        match labels.map_err(|error| invalid_labels(&error, text)).and_then(|labels| self.accept(labels)) {
            Ok(index) => Target::Open(index),
            Err(reason) => Target::Refused(clip(&reason).to_owned()),
        }
    }

    fn accept(&mut self, mut labels: Labels) -> Result<usize, String> {
        let mut counts = Counts::default();
        self.mask_labels(&mut labels, &mut counts);
        let limits = self.context.limits;
        if !labels.is_empty() || !limits.discover_service_name.is_empty() {
            name_service(&mut labels, &limits.discover_service_name);
        }
        if let Some(index) = self.by_labels.get(&labels) {
            return Ok(*index);
        }
        check_labels(&labels, limits)?;
        let index = self.streams.len();
        self.by_labels.insert(labels.clone(), index);
        self.streams.push(Open {
            text: clip(&labels.to_string()).to_owned(),
            service: labels
                .get("service_name")
                .or_else(|| labels.get("service"))
                .unwrap_or("unknown_service")
                .to_owned(),
            level: level_of_labels(&labels),
            stream: Stream { labels, entries: Vec::new() },
            names: Names::default(),
            counts,
            told: Timestamp(i64::MIN),
        });
        Ok(index)
    }

    fn mask_labels(&self, labels: &mut Labels, counts: &mut Counts) {
        if matches!(self.context.masking, Masking::Off) {
            return;
        }
        let masked: Vec<_> = labels
            .iter()
            .filter_map(|(name, value)| {
                let masked = self.context.masking.value([name; 2], Cow::Borrowed(value), counts);
                (masked != value).then(|| (name.to_owned(), masked.into_owned()))
            })
            .collect();
        for (name, value) in masked {
            labels.set(&name, &value);
        }
    }

    /// Adds an entry to a stream, or notes why not.
    pub(crate) fn entry(&mut self, target: &Target, raw: RawEntry<'_>) {
        match target {
            Target::Refused(reason) => self.rejected.add(1, reason),
            Target::Open(index) => {
                let added = self.streams.get_mut(*index).map_or(Ok(()), |open| open.add(raw, &self.context));
                if let Err(reason) = added {
                    self.rejected.add(1, &reason);
                }
            }
        }
    }

    /// Notes the refusal of a stream that had no entry to tell it by.
    pub(crate) fn close(&mut self, target: &Target, entries: usize) {
        if let (Target::Refused(reason), 0) = (target, entries) {
            self.rejected.add(0, reason);
        }
    }

    /// What can be stored and what cannot.
    pub(crate) fn finish(self) -> Result<Decoded, DecodeError> {
        if !self.seen {
            return Err(DecodeError::NoStreams);
        }
        let mut hits = Hits::default();
        for open in &self.streams {
            hits.add(&open.service, &open.counts);
        }
        let streams = self.streams.into_iter().map(|open| open.stream).filter(|stream| !stream.entries.is_empty());
        Ok(Decoded { streams: streams.collect(), rejected: self.rejected, hits })
    }
}

impl Open {
    fn add(&mut self, raw: RawEntry<'_>, context: &Context<'_>) -> Result<(), String> {
        let timestamp = check_time(raw.timestamp, &self.text, context)?;
        let limits = context.limits;
        let timestamp =
            if limits.increment_duplicate_timestamp { self.told_apart(timestamp, &raw.line) } else { timestamp };
        if raw.line.len() > limits.max_line_size && !limits.max_line_size_truncate {
            return Err(format!(
                "max entry size '{}' bytes exceeded for stream '{}' while adding an entry with length '{}' bytes",
                limits.max_line_size,
                self.text,
                raw.line.len()
            ));
        }
        check_metadata(&raw.metadata, &self.text, limits)?;
        let Some(line) = context.masking.line(raw.line, &mut self.counts) else { return Ok(()) };
        let line = cut(line, limits.max_line_size, None).into_owned();
        let mut metadata = metadata(raw.metadata, context.masking, &mut self.names, &mut self.counts);
        if limits.discover_log_levels {
            add_level(&mut metadata, self.level, &line);
        }
        self.stream.entries.push(Entry { timestamp, line, metadata });
        Ok(())
    }
}

impl Open {
    /// A nanosecond behind the entry before, if both have one time but not one text.
    fn told_apart(&mut self, timestamp: Timestamp, line: &str) -> Timestamp {
        let last = self.stream.entries.last();
        let is_same = last.is_some_and(|last| timestamp == last.timestamp || timestamp == self.told);
        match last {
            Some(last) if is_same && last.line != line => Timestamp(last.timestamp.0.saturating_add(1)),
            _ => {
                self.told = timestamp;
                timestamp
            }
        }
    }
}

fn check_time(timestamp: Option<Timestamp>, stream: &str, context: &Context<'_>) -> Result<Timestamp, String> {
    let Some(timestamp) = timestamp else {
        return Err(format!(
            "entry for stream '{stream}' has a timestamp that does not fit into 64 bits of nanoseconds"
        ));
    };
    if timestamp > context.now.after(context.limits.creation_grace_period) {
        return Err(format!("entry for stream '{stream}' has timestamp too new: {}", seconds(timestamp)));
    }
    match context.limits.reject_old_samples.map(|age| context.now.before(age)) {
        Some(oldest) if timestamp < oldest => Err(format!(
            "entry for stream '{stream}' has timestamp too old: {}, oldest acceptable timestamp is: {}",
            seconds(timestamp),
            seconds(oldest)
        )),
        _ => Ok(timestamp),
    }
}

/// RFC 3339 without a fraction, UTC.
fn seconds(timestamp: Timestamp) -> String {
    jiff::Timestamp::from_second(timestamp.0.div_euclid(1_000_000_000)).unwrap_or_default().to_string()
}

fn check_labels(labels: &Labels, limits: &Limits) -> Result<(), String> {
    if labels.is_empty() {
        return Err("error at least one label pair is required per stream".to_owned());
    }
    let names = labels.len() - usize::from(labels.get("service_name").is_some());
    if names > limits.max_label_names_per_series {
        let limit = limits.max_label_names_per_series;
        return Err(format!("entry for stream '{labels}' has {names} label names; limit {limit}"));
    }
    for (name, value) in labels.iter() {
        if name.len() > limits.max_label_name_length {
            return Err(format!("stream '{labels}' has label name too long: '{name}'"));
        }
        if value.len() > limits.max_label_value_length {
            return Err(format!("stream '{labels}' has label value too long: '{value}'"));
        }
    }
    Ok(())
}

fn invalid_labels(error: &InvalidLabels, text: &str) -> String {
    match error {
        InvalidLabels::Duplicate(name) => format!("stream '{text}' has duplicate label name: '{name}'"),
        InvalidLabels::Syntax { .. } => format!("error parsing labels '{text}' with error: {error}"),
    }
}

fn name_service(labels: &mut Labels, names: &[String]) {
    if names.is_empty() || labels.get("service_name").is_some() {
        return;
    }
    let service = names.iter().find_map(|name| labels.get(name)).unwrap_or("unknown_service").to_owned();
    labels.set("service_name", &service);
}

fn check_metadata(pairs: &[Pair<'_>], stream: &str, limits: &Limits) -> Result<(), String> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    let (max_bytes, max_pairs) = (limits.max_structured_metadata_size, limits.max_structured_metadata_entries_count);
    if bytes > max_bytes {
        let text =
            format!("stream '{stream}' has structured metadata too large: '{bytes}' bytes, limit: '{max_bytes}' bytes");
        return Err(format!("{text}. Please see `limits_config.max_structured_metadata_size`"));
    }
    if pairs.len() > max_pairs {
        let text = format!(
            "stream '{stream}' has too many structured metadata labels: '{}', limit: '{max_pairs}'",
            pairs.len()
        );
        return Err(format!("{text}. Please see `limits_config.max_structured_metadata_entries_count`"));
    }
    Ok(())
}

/// Masks values by the names they came with, drops pairs that say nothing, and cleans names; of equal ones the last one
/// stays.
fn metadata(pairs: Vec<Pair<'_>>, masking: &Masking, names: &mut Names, counts: &mut Counts) -> Vec<(String, String)> {
    let mut kept = Vec::with_capacity(pairs.len());
    for (came, value) in pairs.into_iter().rev() {
        let (raw, clean) = names.kept(came.clone(), masking, counts);
        let value = masking.value([&came, clean.as_deref().unwrap_or(&raw)], value, counts);
        let value = if value.contains('\u{fffd}') { Cow::Owned(value.replace('\u{fffd}', " ")) } else { value };
        if !raw.is_empty() && !value.is_empty() {
            kept.push(Named::known(raw, clean, value.into_owned()));
        }
    }
    unique(kept)
}

impl Names {
    /// A name as it may be kept, and its clean form if that is another.
    fn kept<'a>(
        &mut self,
        name: Cow<'a, str>,
        masking: &Masking,
        counts: &mut Counts,
    ) -> (Cow<'a, str>, Option<String>) {
        if let Some((_, clean)) = self.0.iter().find(|(known, _)| *known == name) {
            return (name, clean.clone());
        }
        let found = |counts: &Counts| counts.total() + counts.errors();
        let (before, came) = (found(counts), name.clone());
        let name = masking.name(name, counts);
        let clean = match clean_name(&name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(clean),
        };
        if name == came && found(counts) == before && self.0.len() < MAX_NAMES {
            self.0.push((came.into_owned(), clean.clone()));
        }
        (name, clean)
    }
}

const LEVEL: &str = "detected_level";

/// What the labels say about the level of each line.
fn level_of_labels(labels: &Labels) -> Option<Level> {
    let pairs: Vec<_> = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(logline::level_of("", &pairs)).filter(|level| *level != Level::Unknown)
}

fn add_level(metadata: &mut Vec<(String, String)>, of_labels: Option<Level>, line: &str) {
    let Err(place) = metadata.binary_search_by(|pair| pair.0.as_str().cmp(LEVEL)) else { return };
    let level = of_labels.unwrap_or_else(|| logline::level_of(line, metadata));
    metadata.insert(place, (LEVEL.to_owned(), level.as_str().to_owned()));
}
