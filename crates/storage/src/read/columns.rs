//! Reads columns of a row group page by page, where pages begin at the blocks of the token index and are written as
//! ours are. Parquet's own reader takes what is different: it costs two to four times as much.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, Int16Array, Int32Array, StringArray,
    TimestampMicrosecondArray,
};
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
use super::prune::starts_in_blocks;
use crate::Error;
use crate::index::{BLOCK_ROWS, Damaged, varint};
use crate::logs::LINE;
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
    /// Whether lines may stay unchecked bytes: nobody but filters looks at them.
    raw_lines: bool,
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
    /// Whether texts are not checked to be text.
    is_raw: bool,
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

    /// Takes the memory of a column that nobody needs any more: fresh memory for each page costs more than to
    /// decompress it.
    pub(super) fn reclaim(&mut self, column: ArrayRef) {
        let Some(lines) = column.as_binary_opt::<i32>().cloned() else { return };
        drop(column);
        let (_, bytes, _) = lines.into_parts();
        if let Ok(bytes) = bytes.into_vec::<u8>()
            && self.plain.capacity() < bytes.capacity()
        {
            self.plain = bytes;
        }
    }
}

/// Lines as text, which they may have been decoded without being looked at as such.
pub(super) fn checked((field, column): Named) -> Result<Named, Damaged> {
    let Some(lines) = column.as_binary_opt::<i32>() else { return Ok((field, column)) };
    let first = lines.value_offsets().first().copied().unwrap_or(0);
    let offsets = lines.value_offsets().iter().map(|offset| offset - first).collect();
    let start = usize::try_from(first).unwrap_or(0);
    let bytes = lines.values().slice(start.min(lines.values().len()));
    let lines = texts(offsets, bytes, lines.nulls().cloned())?;
    Ok((Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)), Arc::new(lines)))
}

impl Columns {
    pub(super) fn new(file: StoredFile, footer: ArrowReaderMetadata, raw_lines: bool) -> Self {
        Self {
            file,
            footer,
            row_group: usize::MAX,
            wanted: Vec::new(),
            leaves: HashMap::new(),
            dictionaries: HashMap::new(),
            raw_lines,
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
                Some(column) if column.data_type() == &DataType::Binary => {
                    let field = leaf.field.as_ref().clone().with_data_type(DataType::Binary);
                    columns.push((Arc::new(field), column));
                }
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
        let (kind, is_raw) = (kind(chunk, field.data_type())?, self.raw_lines && name == LINE);
        Some(Leaf { column, field: Arc::clone(field), kind, is_nullable, is_packed, is_raw })
    }

    fn is_cut_in_blocks(&self, column: usize, rows: usize) -> bool {
        let index = self.footer.metadata().offset_index().and_then(|index| index.get(self.row_group)?.get(column));
        index.is_some_and(|index| starts_in_blocks(index, rows))
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
    /// Zero where there is null.
    numbers: Vec<i64>,
    /// Of the dictionary and, beyond it, of `more`; zero where there is null.
    keys: Vec<i32>,
    more: Texts,
    texts: Vec<ArrayRef>,
    /// Which rows have a value; empty while all of them do.
    present: Vec<bool>,
    rows: usize,
}

impl<'c> Column<'c> {
    fn new(leaf: &'c Leaf, dictionary: Option<&'c Dictionary>) -> Self {
        let (numbers, keys, texts, present) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { leaf, dictionary, numbers, keys, more: Texts::default(), texts, present, rows: 0 }
    }

    /// Adds a page; false when it is not understood.
    fn add(&mut self, header: &Header, plain: &mut Vec<u8>) -> Result<bool, Damaged> {
        let mut rest = plain.as_slice();
        let present = if self.leaf.is_nullable { levels(&mut rest, header.values)? } else { None };
        let count = present.as_ref().map_or(header.values, |present| present.iter().filter(|some| **some).count());
        if self.leaf.kind == Kind::Text && header.encoding == Encoding::DeltaLengths {
            let start = plain.len() - rest.len();
            let texts = delta_texts(std::mem::take(plain), start, count, present)?;
            self.texts.push(if self.leaf.is_raw { Arc::new(texts.bytes()?) } else { texts.checked()? });
            return Ok(true);
        }
        if matches!(self.leaf.kind, Kind::Text | Kind::Words) {
            let Some(found) = self.keys_of(header.encoding, rest, count)? else { return Ok(false) };
            append(&mut self.keys, exactly(count, found)?, present.as_deref());
        } else {
            let Some(found) = self.numbers_of(header.encoding, rest, count)? else { return Ok(false) };
            append(&mut self.numbers, exactly(count, found)?, present.as_deref());
        }
        self.note(present, header.values);
        Ok(true)
    }

    /// The numbers of a page.
    fn numbers_of(&self, how: Encoding, mut rest: &[u8], count: usize) -> Result<Option<Vec<i64>>, Damaged> {
        let mut out = Vec::with_capacity(count);
        match how {
            Encoding::Deltas => deltas(&mut rest, count, &mut out)?,
            Encoding::Plain => {
                for _ in 0..count {
                    out.push(plain_number(&mut rest, self.leaf.kind == Kind::Micros)?);
                }
            }
            Encoding::Dictionary => {
                let Some(Dictionary::Numbers(numbers)) = self.dictionary else { return Err(MISSING) };
                let width = width(&mut rest)?;
                runs(rest, width, count, |key, times| {
                    let number = usize::try_from(key).ok().and_then(|key| numbers.get(key));
                    out.extend(number.into_iter().flat_map(|number| std::iter::repeat_n(*number, times)));
                })?;
            }
            Encoding::DeltaLengths => return Ok(None),
        }
        Ok(Some(out))
    }

    /// The keys of the texts of a page.
    fn keys_of(&mut self, how: Encoding, mut rest: &[u8], count: usize) -> Result<Option<Vec<i32>>, Damaged> {
        let mut out = Vec::with_capacity(count);
        match how {
            Encoding::Plain => {
                let known = self.dictionary.map_or(0, Dictionary::len);
                for _ in 0..count {
                    let key = i32::try_from(known + self.more.ends.len()).map_err(|_| Damaged("texts are too many"))?;
                    out.push(key);
                    self.more.push(plain_text(&mut rest)?)?;
                }
            }
            Encoding::Dictionary => {
                let Some(Dictionary::Texts(_)) = self.dictionary else { return Err(MISSING) };
                let width = width(&mut rest)?;
                // A key that is too large is in no dictionary either.
                let key = |key: u64| i32::try_from(key).unwrap_or(-1);
                runs(rest, width, count, |number, times| match times {
                    1 => out.push(key(number)),
                    _ => out.resize(out.len() + times, key(number)),
                })?;
            }
            Encoding::Deltas | Encoding::DeltaLengths => return Ok(None),
        }
        Ok(Some(out))
    }

    /// Remembers which rows of a page have a value.
    fn note(&mut self, present: Option<Vec<bool>>, rows: usize) {
        if present.is_some() && self.present.is_empty() {
            self.present = vec![true; self.rows];
        }
        self.rows += rows;
        match present {
            Some(present) => self.present.extend(present),
            None if !self.present.is_empty() => self.present.resize(self.rows, true),
            None => {}
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
                let keys = Int32Array::new(self.keys.into(), nulls);
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

const MISSING: Damaged = Damaged("a dictionary is missing");

/// Takes the number of bits of a key off the front.
fn width(rest: &mut &[u8]) -> Result<usize, Damaged> {
    Ok(varint::take(rest, 1)?.first().map_or(0, |width| usize::from(*width)))
}

/// Values, if they are as many as there should be.
fn exactly<T>(count: usize, values: Vec<T>) -> Result<Vec<T>, Damaged> {
    if values.len() == count { Ok(values) } else { Err(Damaged("a page has another number of values than it says")) }
}

/// Appends the values of a page, with something in the place of those that are null.
fn append<T: Copy + Default>(values: &mut Vec<T>, found: Vec<T>, present: Option<&[bool]>) {
    match present {
        Some(present) => {
            let mut found = found.into_iter();
            let value = |some: &bool| if *some { found.next().unwrap_or_default() } else { T::default() };
            values.extend(present.iter().map(value));
        }
        None if values.is_empty() => *values = found,
        None => values.extend(found),
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

/// The texts of a page, in the bytes that it was decompressed into, from `start` on.
struct Unchecked {
    /// Counted from `start`.
    offsets: Vec<i32>,
    plain: Vec<u8>,
    start: usize,
    nulls: Option<NullBuffer>,
}

impl Unchecked {
    fn checked(self) -> Result<ArrayRef, Damaged> {
        Ok(Arc::new(texts(self.offsets, Buffer::from_vec(self.plain).slice(self.start), self.nulls)?))
    }

    /// As they are, in memory that can be had back.
    fn bytes(mut self) -> Result<BinaryArray, Damaged> {
        let wrong = Damaged("texts are too long");
        let start = i32::try_from(self.start).map_err(|_| wrong)?;
        i32::try_from(self.plain.len()).map_err(|_| wrong)?;
        self.offsets.iter_mut().for_each(|offset| *offset += start);
        let offsets = OffsetBuffer::new(self.offsets.into());
        BinaryArray::try_new(offsets, Buffer::from_vec(self.plain), self.nulls).map_err(|_| wrong)
    }
}

fn delta_texts(plain: Vec<u8>, start: usize, count: usize, present: Option<Vec<bool>>) -> Result<Unchecked, Damaged> {
    let mut rest = plain.get(start..).unwrap_or_default();
    let mut lengths = Vec::with_capacity(count);
    deltas(&mut rest, count, &mut lengths)?;
    let mut lengths = exactly(count, lengths)?;
    let start = plain.len() - rest.len();
    let nulls = present.map(|present| {
        let mut found = std::mem::take(&mut lengths).into_iter();
        lengths = present.iter().map(|some| if *some { found.next().unwrap_or(0) } else { 0 }).collect();
        NullBuffer::new(BooleanBuffer::from(present))
    });
    Ok(Unchecked { offsets: offsets(&lengths, rest)?, plain, start, nulls })
}

#[cfg(test)]
mod tests;
