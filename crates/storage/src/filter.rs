//! A scan's conditions, compiled for the columns of its table.
//!
//! Two worlds meet here and must not mix: what the reader may see (`Visibility::rows`) looks at the rows as they are;
//! the query's own predicate looks at masked columns only. A masked column has one value, so the query's conditions on
//! it are decided when they are compiled, and the hidden text is never looked at on their behalf. Conditions on what a
//! veil may hide look at rows behind the veil; statistics and the token index, which know the rows as they are, are not
//! asked about them.

mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Int16Type, Int32Type, Schema, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use logline::Labels;

use self::text::{Matcher, by_key};
use crate::ids::Ids;
use crate::index::Need;
use crate::logs::{KEYS, LINE, METADATA, NANOS, STREAM, TIMESTAMP, is_indexed, key_column};
use crate::merge::is_text_dictionary;
use crate::pattern::Test;
use crate::veil::Veils;
use crate::{ColumnMask, Error, Predicate, TextMatch, TimeRange, Visibility};

/// Streams that are remembered, each with its labels and whether they pass.
const REMEMBERED_STREAMS: usize = 65_536;

/// Conditions that belong together because they look at the same kind of column; stages run cheapest first.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Columns it looks at.
    pub(crate) columns: BTreeSet<String>,
    node: Node,
    /// Whether it looks at rows behind the veils.
    is_veiled: bool,
    /// Whether it is all that is asked of streams, as they are: each is asked once.
    is_of_streams: bool,
    /// The same to be asked of patterns, made when it is first wanted.
    test: OnceLock<Option<Test>>,
}

/// All conditions of a scan.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The times that are wanted.
    pub(crate) range: TimeRange,
    /// Everything else.
    pub(crate) stages: Vec<Arc<Stage>>,
    /// Whether no row can be kept.
    pub(crate) nothing: bool,
    /// Columns of which every row that is kept has one of these texts: sorted, and none of them empty.
    pub(crate) texts: Vec<(String, Vec<String>)>,
    streams: Streams,
    veils: Option<Arc<Veils>>,
}

/// A condition on labels, to be asked about one stream after another.
#[derive(Debug)]
pub(crate) struct StreamTest(Node);

/// What is known of streams, by the canonical text of their labels.
#[derive(Debug, Default)]
struct Streams {
    /// What every row that is kept has of its stream.
    wanted: Vec<Node>,
    known: Mutex<HashMap<String, Arc<Stream>>>,
}

#[derive(Debug)]
struct Stream {
    labels: Labels,
    is_wanted: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Const(bool),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Label { name: String, matcher: Matcher },
    Column { name: String, matcher: Matcher },
    Metadata { name: String, matcher: Matcher },
    Within(TimeRange),
    Ids { name: String, ids: Arc<Ids> },
}

/// Rows that nobody may see, whatever the query: they wait to be deleted.
#[derive(Clone, Debug)]
pub(crate) enum Hidden {
    /// Rows of this time that satisfy the condition.
    Rows(TimeRange, Predicate),
    /// Rows whose text in this column is one of these.
    Ids(&'static str, Arc<Ids>),
}

impl Hidden {
    /// What the rows that may be seen satisfy.
    fn compile(&self, columns: &Columns<'_>) -> Result<Node, Error> {
        let hides = match self {
            Self::Rows(range, predicate) if *range == TimeRange::ALL => compile(predicate, columns)?,
            Self::Rows(range, predicate) => and(vec![Node::Within(*range), compile(predicate, columns)?]),
            Self::Ids(column, ids) => Node::Ids { name: (*column).to_owned(), ids: Arc::clone(ids) },
        };
        Ok(match hides {
            Node::Const(hides) => Node::Const(!hides),
            node => Node::Not(Box::new(node)),
        })
    }
}

/// How much a condition costs a row: the order of the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Dictionary,
    Text,
    Line,
}

impl Filter {
    /// Fails with [`crate::Kind::Invalid`] when a condition cannot be asked of this table.
    pub(crate) fn new(
        schema: &Schema,
        range: TimeRange,
        predicate: &Predicate,
        visibility: &Visibility,
        hidden: &[Hidden],
    ) -> Result<Self, Error> {
        let plain = Columns { schema, masks: &[] };
        let seen = compile(visibility.rows(), &plain)?;
        let asked = compile(predicate, &Columns { schema, masks: visibility.masks() })?;
        let hidden = hidden.iter().map(|hidden| hidden.compile(&plain)).collect::<Result<Vec<_>, _>>()?;
        let veils = Veils::new(schema, visibility.veils())?.map(Arc::new);
        let is_veiled = |node: &Node| veils.as_ref().is_some_and(|veils| node.looks_behind(veils));
        let (veiled, asked): (Vec<_>, Vec<_>) = conjuncts([asked]).partition(is_veiled);
        let conditions: Vec<_> = conjuncts([seen, and(hidden)]).chain(asked).collect();
        let nothing = range.end <= range.start || conditions.iter().any(|node| matches!(node, Node::Const(false)));
        let texts = conditions.iter().filter_map(Node::texts).collect();
        let (wanted, conditions): (Vec<_>, Vec<_>) = conditions.into_iter().partition(Node::is_of_stream);
        let of_streams = (!wanted.is_empty()).then(Stage::of_streams);
        let others = stages(schema, conditions, false).into_iter().chain(stages(schema, veiled, true));
        let stages = of_streams.into_iter().chain(others).map(Arc::new).collect();
        Ok(Self { range, stages, nothing, texts, streams: Streams { wanted, known: Mutex::default() }, veils })
    }

    /// What is hidden of the rows that are kept.
    pub(crate) const fn veils(&self) -> Option<&Arc<Veils>> {
        self.veils.as_ref()
    }

    /// Rows of `rows` (which has the stage's columns that the file has) that the stage keeps. Rows that `within` leaves
    /// out may get any answer.
    pub(crate) fn keep(
        &self,
        stage: &Stage,
        rows: &RecordBatch,
        within: Option<&BooleanBuffer>,
    ) -> Result<BooleanBuffer, Error> {
        if stage.is_of_streams {
            return Ok(by_stream(rows, |stream| self.streams.get(stream).is_wanted));
        }
        let Some(veils) = self.veils.as_ref().filter(|_| stage.is_veiled) else {
            return Ok(self.eval(&stage.node, rows, within));
        };
        let schema = rows.schema();
        // A file of format 1 has its ids in the map.
        let is_wanted = |name: &String| stage.columns.contains(name) || name == METADATA;
        let looked_at = |at: &usize| is_wanted(schema.field(*at).name());
        let columns: Vec<usize> = (0..schema.fields().len()).filter(looked_at).collect();
        let behind = rows.project(&columns).and_then(|rows| veils.lay(&rows)).map_err(Error::internal)?;
        Ok(self.eval(&stage.node, &behind, within))
    }

    /// Rows within the range, by timestamp and, where the table has it, the nanoseconds.
    pub(crate) fn in_range(&self, rows: &RecordBatch) -> BooleanBuffer {
        in_time(self.range, rows)
    }

    /// The rows that are kept, of rows with all columns that are looked at.
    pub(crate) fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let keep = |rows: &RecordBatch, kept: BooleanBuffer| {
            filter_record_batch(rows, &BooleanArray::new(kept, None)).map_err(Error::internal)
        };
        if self.nothing {
            return Ok(rows.slice(0, 0));
        }
        let mut rows = keep(rows, self.in_range(rows))?;
        for stage in &self.stages {
            rows = keep(&rows, self.keep(stage, &rows, None)?)?;
        }
        Ok(rows)
    }

    /// Whether rows of this stream can be kept, as far as labels alone tell.
    pub(crate) fn may_keep_stream(&self, stream: &str) -> bool {
        let known = self.streams.get(stream);
        let may_keep = |stage: &Arc<Stage>| stage.is_veiled || stage.node.may_keep(stream, &known.labels);
        known.is_wanted && self.stages.iter().all(may_keep)
    }

    /// Whether all streams of a dictionary have labels of these names.
    pub(crate) fn all_have(&self, streams: &ArrayRef, names: &[String]) -> bool {
        let dictionary = streams.as_dictionary_opt::<Int32Type>();
        let texts = dictionary.and_then(|dictionary| dictionary.values().as_string_opt::<i32>());
        let has_all = |stream: &str| {
            let known = self.streams.get(stream);
            names.iter().all(|name| known.labels.get(name).is_some())
        };
        texts.is_some_and(|texts| texts.iter().all(|stream| stream.is_some_and(has_all)))
    }

    /// Whether a condition looks at this column.
    pub(crate) fn looks_at(&self, column: &str) -> bool {
        self.stages.iter().any(|stage| stage.columns.contains(column))
    }

    /// What every row that is kept has in its line or metadata, in a file whose streams have these `labels`.
    pub(crate) fn need(&self, labels: Option<&[String]>) -> Need {
        let open = self.stages.iter().filter(|stage| !stage.is_veiled);
        Need::all(open.map(|stage| stage.node.need(labels)))
    }

    fn eval(&self, node: &Node, rows: &RecordBatch, within: Option<&BooleanBuffer>) -> BooleanBuffer {
        match node {
            Node::Const(keep) => constant(*keep, rows.num_rows()),
            Node::Not(inner) => !&self.eval(inner, rows, within),
            Node::And(all) => {
                let mut kept = within.cloned().unwrap_or_else(|| constant(true, rows.num_rows()));
                for inner in all {
                    if kept.count_set_bits() == 0 {
                        break;
                    }
                    kept = &kept & &self.eval(inner, rows, Some(&kept));
                }
                kept
            }
            Node::Or(any) => {
                let none = constant(false, rows.num_rows());
                any.iter().fold(none, |kept, inner| &kept | &self.eval(inner, rows, within))
            }
            Node::Label { name, matcher } => self.eval_label(name, matcher, rows),
            Node::Metadata { name, matcher } => {
                let matched = matcher.on_column(&key_column(rows, name), within);
                let matched = matched.unwrap_or_else(|| constant(true, rows.num_rows()));
                let own = Matcher::Equals(String::new());
                &matched | &!&self.eval_label(name, &own, rows)
            }
            Node::Within(range) => in_time(*range, rows),
            Node::Ids { name, ids } => {
                let texts = rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
                texts.map_or_else(|| constant(false, rows.num_rows()), |texts| ids.find(texts))
            }
            Node::Column { name, matcher } => rows
                .column_by_name(name)
                .and_then(|column| matcher.on_column(column, within))
                .unwrap_or_else(|| constant(matcher.is_match(""), rows.num_rows())),
        }
    }

    fn eval_label(&self, name: &str, matcher: &Matcher, rows: &RecordBatch) -> BooleanBuffer {
        by_stream(rows, |stream| matcher.is_match(self.streams.get(stream).labels.get(name).unwrap_or_default()))
    }
}

impl Stage {
    /// All conditions on the stream of a row alone.
    fn of_streams() -> Self {
        let columns = BTreeSet::from([STREAM.to_owned()]);
        Self { columns, node: Node::Const(true), is_veiled: false, is_of_streams: true, test: OnceLock::new() }
    }

    /// The stage as a condition on the pattern of the line, if it looks at nothing but the line.
    pub(crate) fn test(&self) -> Option<&Test> {
        let is_of_lines = !self.is_veiled && self.columns.iter().eq([LINE]);
        self.test.get_or_init(|| is_of_lines.then(|| self.node.test()).flatten()).as_ref()
    }
}

impl StreamTest {
    pub(crate) fn new(schema: &Schema, predicate: &Predicate) -> Result<Self, Error> {
        Ok(Self(compile(predicate, &Columns { schema, masks: &[] })?))
    }

    /// The verdict on a stream; `None` when its labels do not decide it.
    pub(crate) fn decide(&self, stream: &str, labels: &Labels) -> Option<bool> {
        self.0.of_stream(stream, labels)
    }
}

impl Streams {
    fn get(&self, stream: &str) -> Arc<Stream> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = known.get(stream) {
            return Arc::clone(stream);
        }
        if REMEMBERED_STREAMS <= known.len() {
            known.clear();
        }
        let labels = Labels::parse(stream).unwrap_or_default();
        let is_wanted = self.wanted.iter().all(|node| node.of_stream(stream, &labels) == Some(true));
        let new = Arc::new(Stream { labels, is_wanted });
        known.insert(stream.to_owned(), Arc::clone(&new));
        new
    }
}

impl Node {
    /// Whether it looks at what a veil may hide.
    fn looks_behind(&self, veils: &Veils) -> bool {
        match self {
            Self::Const(_) | Self::Within(_) | Self::Ids { .. } => false,
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().any(|node| node.looks_behind(veils)),
            Self::Not(node) => node.looks_behind(veils),
            Self::Label { name, .. } | Self::Metadata { name, .. } => veils.names(name),
            Self::Column { name, .. } => veils.covers(name),
        }
    }

    fn columns(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Const(_) => {}
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().for_each(|node| node.columns(into)),
            Self::Not(node) => node.columns(into),
            Self::Label { .. } => drop(into.insert(STREAM.to_owned())),
            Self::Column { name, .. } | Self::Ids { name, .. } => drop(into.insert(name.clone())),
            Self::Metadata { name, .. } => into.extend([name.clone(), STREAM.to_owned()]),
            Self::Within(_) => into.extend([TIMESTAMP, NANOS].map(str::to_owned)),
        }
    }

    /// The column that must have one of these texts, sorted. An empty text may be no text at all, so it tells nothing.
    fn texts(&self) -> Option<(String, Vec<String>)> {
        let Self::Column { name, matcher } = self else { return None };
        let texts = matcher.texts().filter(|texts| texts.iter().all(|text| !text.is_empty()))?;
        Some((name.clone(), texts))
    }

    fn need(&self, labels: Option<&[String]>) -> Need {
        let no_stream_has = |name: &String| labels.is_some_and(|labels| labels.binary_search(name).is_err());
        match self {
            Self::Const(true) => Need::Anything,
            Self::Const(false) => Need::Nothing,
            Self::And(all) => Need::all(all.iter().map(|node| node.need(labels))),
            Self::Or(any) => Need::any(any.iter().map(|node| node.need(labels))),
            Self::Column { name, matcher } if name == LINE => matcher.need(),
            Self::Metadata { name, matcher } if is_indexed(name) && no_stream_has(name) => matcher.need(),
            Self::Metadata { .. }
            | Self::Column { .. }
            | Self::Label { .. }
            | Self::Not(_)
            | Self::Within(_)
            | Self::Ids { .. } => Need::Anything,
        }
    }

    /// The condition on a line as one on its pattern; `None` when no pattern could decide it.
    fn test(&self) -> Option<Test> {
        let each = |nodes: &[Self]| {
            let tests: Vec<_> = nodes.iter().map(Self::test).collect();
            let is_any = tests.iter().any(Option::is_some);
            is_any.then(|| tests.into_iter().map(|test| test.unwrap_or(Test::Open)).collect())
        };
        match self {
            Self::Column { matcher, .. } => matcher.test(),
            Self::Not(node) => node.test().map(|test| Test::Not(Box::new(test))),
            Self::And(nodes) => each(nodes).map(Test::All),
            Self::Or(nodes) => each(nodes).map(Test::Any),
            _ => None,
        }
    }

    /// Whether the stream of a row decides it, whichever it is.
    fn is_of_stream(&self) -> bool {
        match self {
            Self::Const(_) | Self::Label { .. } => true,
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().all(Self::is_of_stream),
            Self::Not(node) => node.is_of_stream(),
            Self::Column { name, .. } => name == STREAM,
            Self::Metadata { .. } | Self::Within(_) | Self::Ids { .. } => false,
        }
    }

    /// False only when no row of the stream passes.
    fn may_keep(&self, stream: &str, labels: &Labels) -> bool {
        self.of_stream(stream, labels).unwrap_or(true)
    }

    /// The verdict on every row of the stream, when its labels alone decide it.
    fn of_stream(&self, stream: &str, labels: &Labels) -> Option<bool> {
        match self {
            Self::Const(keep) => Some(*keep),
            Self::Not(node) => node.of_stream(stream, labels).map(|keep| !keep),
            Self::And(all) => {
                let verdicts: Vec<_> = all.iter().map(|node| node.of_stream(stream, labels)).collect();
                if verdicts.contains(&Some(false)) {
                    return Some(false);
                }
                verdicts.iter().all(Option::is_some).then_some(true)
            }
            Self::Or(any) => {
                let verdicts: Vec<_> = any.iter().map(|node| node.of_stream(stream, labels)).collect();
                if verdicts.contains(&Some(true)) {
                    return Some(true);
                }
                verdicts.iter().all(Option::is_some).then_some(false)
            }
            Self::Label { name, matcher } => Some(matcher.is_match(labels.get(name).unwrap_or_default())),
            Self::Column { name, matcher } if name == STREAM => Some(matcher.is_match(stream)),
            Self::Metadata { name, .. } if labels.get(name).is_some() => Some(true),
            Self::Metadata { .. } | Self::Column { .. } | Self::Within(_) | Self::Ids { .. } => None,
        }
    }
}

/// Asks each stream once and spreads the answers to its rows. No stream is one without labels.
fn by_stream(rows: &RecordBatch, verdict: impl Fn(&str) -> bool) -> BooleanBuffer {
    let dictionary = rows.column_by_name(STREAM).and_then(|column| column.as_dictionary_opt::<Int32Type>());
    let texts = dictionary.and_then(|dictionary| dictionary.values().as_string_opt::<i32>());
    let Some((dictionary, texts)) = dictionary.zip(texts) else { return constant(verdict(""), rows.num_rows()) };
    let verdicts: Vec<bool> = texts.iter().map(|stream| verdict(stream.unwrap_or_default())).collect();
    by_key(dictionary, &verdicts, verdict(""))
}

fn in_time(range: TimeRange, rows: &RecordBatch) -> BooleanBuffer {
    let times = rows.column_by_name(TIMESTAMP).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
    let Some(times) = times else { return BooleanBuffer::new_set(rows.num_rows()) };
    let nanos = rows.column_by_name(NANOS).and_then(|column| column.as_primitive_opt::<Int16Type>());
    let nanos = nanos.map(|nanos| nanos.values());
    let (start, end) = (range.start.0, range.end.0);
    let micros = times.values();
    BooleanBuffer::collect_bool(micros.len(), |row| {
        let rest = nanos.map_or(0, |nanos| i64::from(nanos[row]));
        let time = micros[row].saturating_mul(1_000).saturating_add(rest);
        start <= time && time < end
    })
}

fn constant(keep: bool, rows: usize) -> BooleanBuffer {
    if keep { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) }
}

/// The conditions that must all hold.
fn conjuncts(nodes: impl IntoIterator<Item = Node>) -> impl Iterator<Item = Node> {
    let each = nodes.into_iter().flat_map(|node| match node {
        Node::And(all) => all,
        node => vec![node],
    });
    each.filter(|node| !matches!(node, Node::Const(true)))
}

/// Puts conditions of one cost together. Behind veils they need the streams, too.
fn stages(schema: &Schema, conditions: Vec<Node>, is_veiled: bool) -> Vec<Stage> {
    let mut by_cost: BTreeMap<Cost, (BTreeSet<String>, Vec<Node>)> = BTreeMap::new();
    for node in conditions {
        let mut columns = BTreeSet::new();
        node.columns(&mut columns);
        if is_veiled {
            columns.insert(STREAM.to_owned());
        }
        let cost = columns.iter().map(|column| cost(schema, column)).max().unwrap_or(Cost::Dictionary);
        let (all, nodes) = by_cost.entry(cost).or_default();
        all.extend(columns);
        nodes.push(node);
    }
    let stage =
        |(columns, nodes)| Stage { columns, node: and(nodes), is_veiled, is_of_streams: false, test: OnceLock::new() };
    by_cost.into_values().map(stage).collect()
}

fn cost(schema: &Schema, column: &str) -> Cost {
    match schema.field_with_name(column) {
        _ if column == LINE => Cost::Line,
        Ok(field) if is_text_dictionary(field.data_type()) => Cost::Dictionary,
        _ => Cost::Text,
    }
}

/// What a condition may look at.
struct Columns<'a> {
    schema: &'a Schema,
    masks: &'a [ColumnMask],
}

impl Columns<'_> {
    fn mask(&self, column: &str) -> Option<&str> {
        self.masks.iter().find(|mask| mask.column == column).map(|mask| mask.replacement.as_str())
    }

    fn column(&self, name: &str, text: &TextMatch) -> Result<Node, Error> {
        let matcher = Matcher::new(text)?;
        if let Some(replacement) = self.mask(name) {
            return Ok(Node::Const(matcher.is_match(replacement)));
        }
        match self.schema.field_with_name(name).map(|field| field.data_type()) {
            Ok(kind) if *kind == DataType::Utf8 || is_text_dictionary(kind) => {
                Ok(Node::Column { name: name.to_owned(), matcher })
            }
            Ok(kind) => Err(Error::invalid(format!("column `{name}` is no text but {kind}"))),
            // A column that no file has is empty in every row.
            Err(_) => Ok(Node::Const(matcher.is_match(""))),
        }
    }

    fn id(&self, name: &str, text: &TextMatch) -> Result<Node, Error> {
        let matcher = Matcher::new(text)?;
        if !KEYS.contains(&name) || self.schema.field_with_name(METADATA).is_err() {
            return Err(Error::invalid(format!("`{name}` is no key of metadata with a column of its own")));
        }
        // A filter may not probe what is hidden; what it would say of the label cannot be told either.
        if [name, METADATA, STREAM].into_iter().any(|column| self.mask(column).is_some()) {
            return Ok(Node::Const(true));
        }
        Ok(Node::Metadata { name: name.to_owned(), matcher })
    }

    fn label(&self, name: &str, text: &TextMatch) -> Result<Node, Error> {
        let matcher = Matcher::new(text)?;
        if let Some(replacement) = self.mask(STREAM) {
            let labels = Labels::parse(replacement).unwrap_or_default();
            return Ok(Node::Const(matcher.is_match(labels.get(name).unwrap_or_default())));
        }
        if self.schema.field_with_name(STREAM).is_err() {
            return Err(Error::invalid(format!("the table has no streams and so no label `{name}`")));
        }
        Ok(Node::Label { name: name.to_owned(), matcher })
    }
}

fn compile(predicate: &Predicate, columns: &Columns<'_>) -> Result<Node, Error> {
    let each = |nodes: &[Predicate]| nodes.iter().map(|node| compile(node, columns)).collect::<Result<Vec<_>, _>>();
    Ok(match predicate {
        Predicate::True => Node::Const(true),
        Predicate::False => Node::Const(false),
        Predicate::And(all) => and(each(all)?),
        Predicate::Or(any) => or(each(any)?),
        Predicate::Not(inner) => match compile(inner, columns)? {
            Node::Const(keep) => Node::Const(!keep),
            node => Node::Not(Box::new(node)),
        },
        Predicate::Label { name, text } => columns.label(name, text)?,
        Predicate::Metadata { name, text } => columns.id(name, text)?,
        Predicate::Within(range) => Node::Within(*range),
        Predicate::Column { name, text } => columns.column(name, text)?,
    })
}

fn and(nodes: Vec<Node>) -> Node {
    let mut kept = Vec::new();
    for node in nodes {
        match node {
            Node::Const(true) => {}
            Node::Const(false) => return Node::Const(false),
            Node::And(all) => kept.extend(all),
            node => kept.push(node),
        }
    }
    match kept.len() {
        0 => Node::Const(true),
        1 => kept.swap_remove(0),
        _ => Node::And(kept),
    }
}

fn or(nodes: Vec<Node>) -> Node {
    let mut kept = Vec::new();
    for node in nodes {
        match node {
            Node::Const(false) => {}
            Node::Const(true) => return Node::Const(true),
            node => kept.push(node),
        }
    }
    match kept.len() {
        0 => Node::Const(false),
        1 => kept.swap_remove(0),
        _ => Node::Or(kept),
    }
}
