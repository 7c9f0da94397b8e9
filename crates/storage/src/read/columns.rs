//! Reads columns of a row group page by page, where pages begin at the blocks of the token index and are written as
//! ours are. Parquet's own reader takes what is different: it costs two to four times as much.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int16Array, Int32Array, StringArray, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef, Int32Type, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, Encoding as Coding, LogicalType, TimeUnit as Unit, Type};
use parquet::file::metadata::ColumnChunkMetaData;
use zstd::bulk::Decompressor;

use super::decode::{deltas, offsets, plain_number, plain_text, runs};
use super::page::{Encoding, Header};
use crate::Error;
use crate::index::{BLOCK_ROWS, Damaged, varint};
use crate::store::StoredFile;

/// Encodings that are understood; RLE is that of the levels.
const KNOWN: [Coding; 6] = [
    Coding::PLAIN,
    Coding::RLE,
    Coding::PLAIN_DICTIONARY,
    Coding::RLE_DICTIONARY,
    Coding::DELTA_BINARY_PACKED,
    Coding::DELTA_LENGTH_BYTE_ARRAY,
];

/// The columns of one file; of a row group and some of its pages at a time.
#[derive(Debug)]
pub(super) struct Columns {
    file: StoredFile,
    footer: ArrowReaderMetadata,
    row_group: usize,
    /// The pages that are read together.
    wanted: Vec<usize>,
    /// Columns of the row group by name; none for those that are left to Parquet's reader.
    leaves: HashMap<String, Option<Leaf>>,
    dictionaries: HashMap<usize, Dictionary>,
    /// Pages as they lie in the file, by column.
    packed: HashMap<usize, HashMap<usize, Bytes>>,
}

/// A decoded column.
pub(super) type Named = (FieldRef, ArrayRef);

/// A column whose pages are understood.
#[derive(Clone, Debug)]
struct Leaf {
    column: usize,
    field: FieldRef,
    kind: Kind,
    is_nullable: bool,
    is_packed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Micros,
    Small,
    Text,
    Words,
}

#[derive(Clone, Debug)]
enum Dictionary {
    Numbers(Arc<Vec<i64>>),
    Texts(Arc<StringArray>),
}

/// What pages are decompressed with and into.
pub(super) struct Unpacker {
    zstd: Decompressor<'static>,
    plain: Vec<u8>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self { zstd: Decompressor::new().map_err(Error::internal)?, plain: Vec::new() })
    }
}

impl Columns {
    pub(super) fn new(file: StoredFile, footer: ArrowReaderMetadata) -> Self {
        Self {
            file,
            footer,
            row_group: usize::MAX,
            wanted: Vec::new(),
            leaves: HashMap::new(),
            dictionaries: HashMap::new(),
            packed: HashMap::new(),
        }
    }

    /// Turns to these pages of a row group.
    pub(super) fn turn(&mut self, row_group: usize, pages: Vec<usize>) {
        if self.row_group != row_group {
            self.leaves.clear();
            self.dictionaries.clear();
        }
        self.packed.clear();
        (self.row_group, self.wanted) = (row_group, pages);
    }

    /// The columns of `names` that are understood, of these pages; the names of the others.
    pub(super) fn read<'n>(
        &mut self,
        names: &BTreeSet<&'n str>,
        pages: &[usize],
        unpacker: &mut Unpacker,
    ) -> Result<(Vec<Named>, BTreeSet<&'n str>), Error> {
        let mut others = BTreeSet::new();
        let mut leaves = Vec::with_capacity(names.len());
        for name in names {
            match self.leaf(name) {
                Some(leaf) => leaves.push((*name, leaf)),
                None => drop(others.insert(*name)),
            }
        }
        self.fetch(&leaves.iter().map(|(_, leaf)| leaf.column).collect::<Vec<_>>())?;
        let mut columns = Vec::with_capacity(leaves.len());
        for (name, leaf) in leaves {
            let read = self.column(&leaf, pages, unpacker);
            match read.map_err(|damage| Error::corrupt(self.file.location(), damage))? {
                Some(column) => columns.push((leaf.field, column)),
                None => {
                    self.leaves.insert(name.to_owned(), None);
                    others.insert(name);
                }
            }
        }
        Ok((columns, others))
    }

    fn leaf(&mut self, name: &str) -> Option<Leaf> {
        if let Some(known) = self.leaves.get(name) {
            return known.clone();
        }
        let found = self.find(name);
        self.leaves.insert(name.to_owned(), found.clone());
        found
    }

    fn find(&self, name: &str) -> Option<Leaf> {
        let metadata = self.footer.metadata();
        let columns = metadata.file_metadata().schema_descr().columns();
        let column = columns.iter().position(|column| column.path().parts() == [name])?;
        let chunk = metadata.row_group(self.row_group).column(column);
        let field = self.footer.schema().fields().iter().find(|field| field.name() == name)?;
        let descriptor = chunk.column_descr();
        let is_flat = descriptor.max_rep_level() == 0 && descriptor.max_def_level() <= 1;
        let is_packed = match chunk.compression() {
            Compression::UNCOMPRESSED => false,
            Compression::ZSTD(_) => true,
            _ => return None,
        };
        let is_known = chunk.encodings().all(|encoding| KNOWN.contains(&encoding));
        let rows = usize::try_from(metadata.row_group(self.row_group).num_rows()).ok()?;
        if !is_flat || !is_known || !self.is_cut_in_blocks(column, rows) {
            return None;
        }
        let is_nullable = descriptor.max_def_level() == 1;
        Some(Leaf { column, field: Arc::clone(field), kind: kind(chunk, field.data_type())?, is_nullable, is_packed })
    }

    fn is_cut_in_blocks(&self, column: usize, rows: usize) -> bool {
        let Some(index) = self.footer.metadata().offset_index() else { return false };
        let Some(index) = index.get(self.row_group).and_then(|group| group.get(column)) else { return false };
        let starts = index.page_locations().iter().map(|page| usize::try_from(page.first_row_index).ok());
        starts.eq((0..rows).step_by(BLOCK_ROWS).map(Some))
    }

    /// Reads the pages of columns that are not there yet, all at once.
    fn fetch(&mut self, columns: &[usize]) -> Result<(), Error> {
        let missing: Vec<usize> = columns.iter().copied().filter(|column| !self.packed.contains_key(column)).collect();
        let mut places = Vec::new();
        let mut ranges = Vec::new();
        for column in missing {
            let metadata = self.footer.metadata();
            let chunk = metadata.row_group(self.row_group).column(column);
            let index = metadata.offset_index().and_then(|index| index.get(self.row_group)?.get(column));
            let locations = index.map(|index| index.page_locations().as_slice()).unwrap_or_default();
            if let Some(range) = dictionary_range(chunk, locations.first().map(|first| first.offset))
                && !self.dictionaries.contains_key(&column)
            {
                places.push((column, usize::MAX));
                ranges.push(range);
            }
            for page in &self.wanted {
                let Some(location) = locations.get(*page) else { continue };
                let start = u64::try_from(location.offset).unwrap_or(0);
                places.push((column, *page));
                ranges.push(start..start + u64::try_from(location.compressed_page_size).unwrap_or(0));
            }
        }
        for ((column, page), bytes) in places.into_iter().zip(self.file.read(&ranges)?) {
            self.packed.entry(column).or_default().insert(page, bytes);
        }
        Ok(())
    }

    /// `None` when a page is not understood after all.
    fn column(&mut self, leaf: &Leaf, pages: &[usize], unpacker: &mut Unpacker) -> Result<Option<ArrayRef>, Damaged> {
        let Some(packed) = self.packed.get(&leaf.column) else { return Ok(None) };
        if let Some(bytes) = packed.get(&usize::MAX)
            && !self.dictionaries.contains_key(&leaf.column)
        {
            let Some(dictionary) = dictionary(leaf, bytes, unpacker)? else { return Ok(None) };
            self.dictionaries.insert(leaf.column, dictionary);
        }
        let group = self.footer.metadata().row_group(self.row_group);
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let mut column = Column::new(leaf, self.dictionaries.get(&leaf.column));
        for page in pages {
            let mut bytes: &[u8] = packed.get(page).ok_or(Damaged("a page is missing"))?;
            let Some(header) = Header::read(&mut bytes)? else { return Ok(None) };
            if header.values != rows.saturating_sub(page * BLOCK_ROWS).min(BLOCK_ROWS) {
                return Err(Damaged("a page has another number of rows than it should"));
            }
            let zstd = leaf.is_packed.then_some(&mut unpacker.zstd);
            header.unpack(bytes, zstd, &mut unpacker.plain)?;
            if !column.add(&header, &mut unpacker.plain)? {
                return Ok(None);
            }
        }
        column.finish().map(Some)
    }
}

fn kind(chunk: &ColumnChunkMetaData, data_type: &DataType) -> Option<Kind> {
    let is_micros = || matches!(chunk.column_descr().logical_type_ref(), Some(LogicalType::Timestamp(time)) if time.unit == Unit::MICROS);
    match (chunk.column_type(), data_type) {
        (Type::INT64, DataType::Timestamp(TimeUnit::Microsecond, _)) if is_micros() => Some(Kind::Micros),
        (Type::INT32, DataType::Int16) => Some(Kind::Small),
        (Type::BYTE_ARRAY, DataType::Utf8) => Some(Kind::Text),
        (Type::BYTE_ARRAY, kind) if crate::merge::is_text_dictionary(kind) => Some(Kind::Words),
        _ => None,
    }
}

/// Where the dictionary of a column lies: in front of its first page.
fn dictionary_range(chunk: &ColumnChunkMetaData, first_page: Option<i64>) -> Option<Range<u64>> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let range = u64::try_from(start).ok()?..u64::try_from(first_page?).ok()?;
    (range.start < range.end).then_some(range)
}

fn dictionary(leaf: &Leaf, mut bytes: &[u8], unpacker: &mut Unpacker) -> Result<Option<Dictionary>, Damaged> {
    let Some(header) = Header::read(&mut bytes)? else { return Ok(None) };
    header.unpack(bytes, leaf.is_packed.then_some(&mut unpacker.zstd), &mut unpacker.plain)?;
    let mut rest = unpacker.plain.as_slice();
    Ok(Some(match leaf.kind {
        Kind::Text | Kind::Words => {
            let mut texts = Texts::default();
            (0..header.values).try_for_each(|_| texts.push(plain_text(&mut rest)?))?;
            Dictionary::Texts(Arc::new(texts.finish()?))
        }
        Kind::Micros | Kind::Small => {
            let numbers = (0..header.values).map(|_| plain_number(&mut rest, leaf.kind == Kind::Micros));
            Dictionary::Numbers(Arc::new(numbers.collect::<Result<_, _>>()?))
        }
    }))
}

/// Texts one behind the other.
#[derive(Default)]
struct Texts {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Texts {
    fn push(&mut self, text: &[u8]) -> Result<(), Damaged> {
        self.bytes.extend_from_slice(text);
        self.ends.push(i32::try_from(self.bytes.len()).map_err(|_| Damaged("texts are too long"))?);
        Ok(())
    }

    fn finish(self) -> Result<StringArray, Damaged> {
        let offsets = std::iter::once(0).chain(self.ends).collect();
        texts(offsets, Buffer::from_vec(self.bytes), None)
    }
}

fn texts(offsets: Vec<i32>, bytes: Buffer, nulls: Option<NullBuffer>) -> Result<StringArray, Damaged> {
    let offsets = OffsetBuffer::new(offsets.into());
    StringArray::try_new(offsets, bytes, nulls).map_err(|_| Damaged("a text is not UTF-8"))
}

/// A column that grows page by page.
struct Column<'c> {
    leaf: &'c Leaf,
    dictionary: Option<&'c Dictionary>,
    /// Numbers, or keys of the dictionary and beyond it of `more`; zero where there is null.
    numbers: Vec<i64>,
    more: Texts,
    texts: Vec<ArrayRef>,
    /// Which rows have a value; empty while all of them do.
    present: Vec<bool>,
    rows: usize,
}

impl<'c> Column<'c> {
    fn new(leaf: &'c Leaf, dictionary: Option<&'c Dictionary>) -> Self {
        let (numbers, texts, present) = (Vec::new(), Vec::new(), Vec::new());
        Self { leaf, dictionary, numbers, more: Texts::default(), texts, present, rows: 0 }
    }

    /// Adds a page; false when it is not understood.
    fn add(&mut self, header: &Header, plain: &mut Vec<u8>) -> Result<bool, Damaged> {
        let mut rest = plain.as_slice();
        let present = if self.leaf.is_nullable { levels(&mut rest, header.values)? } else { None };
        let count = present.as_ref().map_or(header.values, |present| present.iter().filter(|some| **some).count());
        if self.leaf.kind == Kind::Text && header.encoding == Encoding::DeltaLengths {
            let start = plain.len() - rest.len();
            let column = delta_texts(std::mem::take(plain), start, count, present)?;
            self.texts.push(Arc::new(column));
            return Ok(true);
        }
        let mut found = Vec::with_capacity(count);
        if !self.values(header.encoding, rest, count, &mut found)? {
            return Ok(false);
        }
        if found.len() != count {
            return Err(Damaged("a page has another number of values than it says"));
        }
        self.append(found, present, header.values);
        Ok(true)
    }

    /// The numbers of a page, or the keys of its texts.
    fn values(&mut self, how: Encoding, mut rest: &[u8], count: usize, out: &mut Vec<i64>) -> Result<bool, Damaged> {
        let is_text = matches!(self.leaf.kind, Kind::Text | Kind::Words);
        match how {
            Encoding::Deltas if !is_text => deltas(&mut rest, count, out)?,
            Encoding::Plain if is_text => {
                let known = self.dictionary.map_or(0, Dictionary::len);
                for _ in 0..count {
                    out.push((known + self.more.ends.len()).cast_signed() as i64);
                    self.more.push(plain_text(&mut rest)?)?;
                }
            }
            Encoding::Plain => {
                for _ in 0..count {
                    out.push(plain_number(&mut rest, self.leaf.kind == Kind::Micros)?);
                }
            }
            Encoding::Dictionary => {
                let width = varint::take(&mut rest, 1)?.first().map_or(0, |width| usize::from(*width));
                match self.dictionary {
                    Some(Dictionary::Numbers(numbers)) => runs(rest, width, count, |key, times| {
                        let number = usize::try_from(key).ok().and_then(|key| numbers.get(key));
                        out.extend(number.into_iter().flat_map(|number| std::iter::repeat_n(*number, times)));
                    })?,
                    Some(Dictionary::Texts(_)) => runs(rest, width, count, |key, times| {
                        out.extend(std::iter::repeat_n(key.cast_signed(), times));
                    })?,
                    None => return Err(Damaged("a dictionary is missing")),
                }
            }
            Encoding::Deltas | Encoding::DeltaLengths => return Ok(false),
        }
        Ok(true)
    }

    fn append(&mut self, found: Vec<i64>, present: Option<Vec<bool>>, rows: usize) {
        if present.is_some() && self.present.is_empty() {
            self.present = vec![true; self.rows];
        }
        self.rows += rows;
        match present {
            Some(present) => {
                let mut found = found.into_iter();
                self.numbers.extend(present.iter().map(|some| if *some { found.next().unwrap_or(0) } else { 0 }));
                self.present.extend(present);
            }
            None => {
                if !self.present.is_empty() {
                    self.present.resize(self.rows, true);
                }
                if self.numbers.is_empty() { self.numbers = found } else { self.numbers.extend(found) }
            }
        }
    }

    fn finish(self) -> Result<ArrayRef, Damaged> {
        let nulls = (!self.present.is_empty()).then(|| NullBuffer::from(self.present));
        let wrong = Damaged("a number is too large");
        match self.leaf.kind {
            Kind::Micros => {
                let times = TimestampMicrosecondArray::new(self.numbers.into(), nulls);
                Ok(Arc::new(times.with_data_type(self.leaf.field.data_type().clone())))
            }
            Kind::Small => {
                let numbers = self.numbers.into_iter().map(i16::try_from).collect::<Result<Vec<_>, _>>();
                Ok(Arc::new(Int16Array::new(numbers.map_err(|_| wrong)?.into(), nulls)))
            }
            Kind::Text if !self.texts.is_empty() => joined(&self.texts),
            Kind::Text | Kind::Words => {
                let known = match self.dictionary {
                    Some(Dictionary::Texts(texts)) => Arc::clone(texts),
                    _ => Arc::new(Texts::default().finish()?),
                };
                let values = if self.more.ends.is_empty() {
                    known as ArrayRef
                } else {
                    joined(&[known, Arc::new(self.more.finish()?)])?
                };
                let keys = self.numbers.into_iter().map(i32::try_from).collect::<Result<Vec<_>, _>>();
                let keys = Int32Array::new(keys.map_err(|_| wrong)?.into(), nulls);
                let column = DictionaryArray::<Int32Type>::try_new(keys, values);
                let column = column.map_err(|_| Damaged("a value is not in the dictionary"))?;
                if self.leaf.kind == Kind::Words {
                    return Ok(Arc::new(column));
                }
                arrow::compute::cast(&column, &DataType::Utf8).map_err(|_| wrong)
            }
        }
    }
}

impl Dictionary {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }
}

/// One column of several pages.
fn joined(parts: &[ArrayRef]) -> Result<ArrayRef, Damaged> {
    if let [only] = parts {
        return Ok(Arc::clone(only));
    }
    let parts: Vec<_> = parts.iter().map(|part| &**part).collect();
    concat(&parts).map_err(|_| Damaged("texts are too long"))
}

/// Which values are there; `None` when all of them are.
fn levels(rest: &mut &[u8], values: usize) -> Result<Option<Vec<bool>>, Damaged> {
    let len = varint::take(rest, 4)?.try_into().map_err(|_| Damaged("a length is cut off"))?;
    let levels = varint::take(rest, u32::from_le_bytes(len) as usize)?;
    let mut present = Vec::with_capacity(values);
    runs(levels, 1, values, |level, times| present.extend(std::iter::repeat_n(level == 1, times)))?;
    Ok(present.contains(&false).then_some(present))
}

/// The texts of a page, in the bytes that it was decompressed into.
fn delta_texts(plain: Vec<u8>, start: usize, count: usize, present: Option<Vec<bool>>) -> Result<StringArray, Damaged> {
    let mut rest = plain.get(start..).unwrap_or_default();
    let mut lengths = Vec::with_capacity(count);
    deltas(&mut rest, count, &mut lengths)?;
    if lengths.len() != count {
        return Err(Damaged("a page has another number of values than it says"));
    }
    let start = plain.len() - rest.len();
    let nulls = present.map(|present| {
        let mut found = std::mem::take(&mut lengths).into_iter();
        lengths = present.iter().map(|some| if *some { found.next().unwrap_or(0) } else { 0 }).collect();
        NullBuffer::new(BooleanBuffer::from(present))
    });
    let offsets = offsets(&lengths, rest)?;
    texts(offsets, Buffer::from_vec(plain).slice(start), nulls)
}

#[cfg(test)]
mod tests;
