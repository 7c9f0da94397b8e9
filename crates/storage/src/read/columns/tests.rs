//! Pages decoded here have what Parquet's own reader and writer say; damaged ones end with an error.

use std::sync::Mutex;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::basic::ZstdLevel;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;
use stdx::Rng;

use super::*;
use crate::logs::{micros_utc, text_dictionary};
use crate::store::ReadRanges;

const ROWS: usize = 2 * BLOCK_ROWS + 700;
const NAMES: [&str; 6] = ["time", "small", "text", "id", "words", "many"];

/// A file in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<u8>>);

impl ReadRanges for Memory {
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let bytes = self.0.lock().unwrap();
        let at = |at: u64| usize::try_from(at).unwrap();
        Ok(ranges.iter().map(|range| Bytes::copy_from_slice(&bytes[at(range.start)..at(range.end)])).collect())
    }
}

fn rows(rng: &mut Rng, null_in: u64) -> RecordBatch {
    let mut some = |text: String| (null_in == 0 || rng.below(null_in) > 0).then_some(text);
    let ids: Vec<Option<String>> = (0..ROWS).map(|row| some(format!("id-{}", row % 977))).collect();
    let many: Vec<Option<String>> = (0..ROWS).map(|row| some(format!("a rather long text {row}"))).collect();
    let words: Vec<Option<String>> = (0..ROWS).map(|row| some(format!("word {}", row / 700 % 9))).collect();
    let smalls: Vec<Option<i16>> = (0..ROWS).map(|_| some(String::new()).map(|_| -7)).collect();
    let times: Vec<i64> = (0..ROWS).map(|row| row as i64 * 1_000 - rng.below(1 << (row % 50)).cast_signed()).collect();
    let lines: Vec<String> =
        (0..ROWS).map(|row| "ö".repeat(usize::try_from(rng.below(9)).unwrap()) + &row.to_string()).collect();
    let dictionary = |texts: Vec<Option<String>>| {
        Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>()) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        Arc::new(Int16Array::from(smalls)),
        Arc::new(StringArray::from(lines)),
        Arc::new(StringArray::from(ids)),
        dictionary(words),
        dictionary(many),
    ];
    let kinds = [micros_utc(), DataType::Int16, DataType::Utf8, DataType::Utf8, text_dictionary(), text_dictionary()];
    let nullable = [false, true, false, true, true, true];
    let fields = NAMES.into_iter().zip(kinds).zip(nullable);
    let fields: Vec<Field> = fields.map(|((name, kind), nullable)| Field::new(name, kind, nullable)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// As `crate::files` writes, and with a dictionary that does not hold all of `many`.
fn written(rows: &RecordBatch) -> Vec<u8> {
    let column = |name: &str| ColumnPath::from(name);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_data_page_row_count_limit(BLOCK_ROWS)
        .set_write_batch_size(BLOCK_ROWS)
        .set_dictionary_page_size_limit(64 << 10)
        .set_column_dictionary_enabled(column("time"), false)
        .set_column_encoding(column("time"), Coding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(column("text"), false)
        .set_column_encoding(column("text"), Coding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_dictionary_enabled(column("id"), false)
        .set_column_encoding(column("id"), Coding::DELTA_LENGTH_BYTE_ARRAY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    for start in (0..ROWS).step_by(BLOCK_ROWS) {
        writer.write(&rows.slice(start, BLOCK_ROWS.min(ROWS - start))).unwrap();
    }
    writer.into_inner().unwrap()
}

fn columns(bytes: Vec<u8>) -> (Columns, Arc<Memory>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let footer = ArrowReaderMetadata::load(&Bytes::from(bytes.clone()), options).unwrap();
    let memory = Arc::new(Memory(Mutex::new(bytes)));
    let len = memory.0.lock().unwrap().len() as u64;
    let file = StoredFile::new("memory.parquet".into(), len, Arc::clone(&memory) as Arc<dyn ReadRanges>);
    (Columns::new(file, footer, true), memory)
}

fn check(rows: &RecordBatch, pages: &[usize]) {
    let (mut columns, _) = columns(written(rows));
    columns.turn(0, vec![0, 1, 2]);
    let (found, others) = columns.read(&BTreeSet::from(NAMES), pages, &mut Unpacker::new().unwrap()).unwrap();
    assert_eq!(others, BTreeSet::new());
    let start = pages[0] * BLOCK_ROWS;
    let want = rows.slice(start, (pages.len() * BLOCK_ROWS).min(ROWS - start));
    for (field, column) in found {
        let want = want.column_by_name(field.name()).unwrap();
        assert_eq!(column.data_type(), want.data_type());
        let plain = |column: &ArrayRef| cast(column, &DataType::Utf8).unwrap();
        assert_eq!(&plain(&column), &plain(want), "{}", field.name());
    }
}

#[test]
fn pages_have_the_rows_that_were_written() {
    for null_in in [0, 3, 1] {
        let rows = rows(&mut Rng::seeded(null_in), null_in);
        check(&rows, &[0]);
        check(&rows, &[1, 2]);
        check(&rows, &[0, 1, 2]);
    }
}

#[test]
fn a_column_that_is_written_otherwise_is_left_to_others() {
    let rows = rows(&mut Rng::seeded(1), 0);
    let properties = WriterProperties::builder().set_data_page_row_count_limit(1_000).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    let (mut columns, _) = columns(writer.into_inner().unwrap());
    columns.turn(0, vec![0]);
    let (found, others) = columns.read(&BTreeSet::from(NAMES), &[0], &mut Unpacker::new().unwrap()).unwrap();
    assert!(found.is_empty());
    assert_eq!(others, BTreeSet::from(NAMES));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_pages_are_an_error_or_other_rows(seed: u64, flips in 1_usize..20) {
        static WRITTEN: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| written(&rows(&mut Rng::seeded(5), 4)));
        let (mut columns, memory) = columns(WRITTEN.clone());
        let mut rng = Rng::seeded(seed);
        for _ in 0..flips {
            let mut bytes = memory.0.lock().unwrap();
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
            bytes[at] ^= 1 << rng.below(8);
        }
        columns.turn(0, vec![0, 1, 2]);
        for name in NAMES {
            if let Ok((found, _)) = columns.read(&BTreeSet::from([name]), &[0, 1, 2], &mut Unpacker::new().unwrap()) {
                prop_assert!(found.iter().all(|(_, column)| column.len() <= 3 * BLOCK_ROWS));
            }
        }
    }
}
