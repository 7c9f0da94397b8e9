//! Other programs: they read our tables, and we read files they add.

use std::fs::File;

use arrow::array::{ArrayRef, AsArray, Int16Array, StringArray, TimestampMicrosecondArray};
use logline::Tenant;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;

use super::super::*;
use super::support::*;
use crate::{LOGS, Predicate, TextMatch, logs};

#[tokio::test]
async fn other_programs_read_a_plain_delta_table_of_plain_parquet_files() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    for service in ["shop", "crm"] {
        let rows: Vec<_> = (0..).zip(&lines).map(|(time, line)| (MIDNIGHT - time * SECOND, line.as_str())).collect();
        storage.append(batch(service, &rows)).await.unwrap();
    }
    storage.flush().await.unwrap();
    let folder = storage.table(LOGS).unwrap().delta().store().location("");
    let url = deltalake_core::ensure_table_uri(folder.to_string_lossy()).unwrap();
    let table = deltalake_core::open_table(url).await.unwrap();
    let state = table.snapshot().unwrap();
    let names: Vec<String> = state.schema().fields().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        [
            "stream",
            "service_name",
            "timestamp",
            "nanos",
            "line",
            "metadata",
            "received",
            "customer_id",
            "detected_level",
            "model_id",
            "order_id",
            "request_id",
            "span_id",
            "trace_id",
            "line_pattern",
            "tenant",
            "day"
        ]
    );
    assert_eq!(state.metadata().partition_columns(), &["tenant", "day"]);
    assert_eq!(state.log_data().num_files(), 2);

    let path = folder.join(&files(&storage, &Tenant::default())[0].path);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path).unwrap(), options).unwrap();
    let footer = Arc::clone(reader.metadata());
    let format = footer.file_metadata().key_value_metadata().unwrap().iter().find(|pair| pair.key == "lapidary.format");
    assert_eq!(format.unwrap().value.as_deref(), Some("6"));
    let encodings = |name: &str| {
        let columns = footer.row_group(0).columns().iter();
        columns
            .filter(|column| column.column_path().string() == name)
            .flat_map(|column| column.encodings())
            .collect::<Vec<_>>()
    };
    assert!(encodings("line").contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY));
    assert!(encodings("timestamp").contains(&Encoding::DELTA_BINARY_PACKED));
    assert!(encodings("stream").contains(&Encoding::RLE_DICTIONARY));
    let names =
        footer.row_group(0).columns().iter().find(|column| column.column_path().string() == "metadata.key_value.key");
    let bytes = names.unwrap().unencoded_byte_array_data_bytes();
    assert!(bytes.is_some(), "tells row groups without metadata, whose map need not be read");
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let streams = batch.column_by_name("stream").unwrap().as_string::<i32>();
        let times = batch.column_by_name("timestamp").unwrap();
        let times = times.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
        rows.extend((0..batch.num_rows()).map(|row| (streams.value(row).to_owned(), times.value(row))));
    }
    assert_eq!(rows.len(), 2 * 19_999);
    assert!(rows.is_sorted(), "rows of a file stand by stream and time");
}

#[tokio::test]
async fn a_file_of_another_program_is_read_with_its_own_types_and_without_statistics() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "ours")])).await.unwrap();
    storage.flush().await.unwrap();
    let folder = storage.table(LOGS).unwrap().delta().store().location("");
    let name = "tenant=fake/day=2026-11-22/part-0-other.parquet";
    let times =
        || Arc::new(TimestampMicrosecondArray::from(vec![MIDNIGHT / 1_000 + 1]).with_timezone("UTC")) as ArrayRef;
    let stream = labels("crm").to_string();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (logs::STREAM, Arc::new(StringArray::from(vec![stream]))),
        (logs::TIMESTAMP, times()),
        (logs::NANOS, Arc::new(Int16Array::from(vec![5]))),
        (logs::LINE, Arc::new(StringArray::from(vec!["theirs"]))),
        (logs::RECEIVED, times()),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let plain = WriterProperties::builder().set_offset_index_disabled(true).build();
    let mut writer =
        ArrowWriter::try_new(File::create(folder.join(name)).unwrap(), rows.schema(), Some(plain)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let size = std::fs::metadata(folder.join(name)).unwrap().len();
    let add = format!(
        "{{\"add\":{{\"path\":\"{name}\",\"partitionValues\":{{\"tenant\":\"fake\",\"day\":\"2026-11-22\"}},\
         \"size\":{size},\"modificationTime\":0,\"dataChange\":true}}}}\n"
    );
    std::fs::write(folder.join(paths::commit_entry(2)), add).unwrap();
    // The next commit finds the version taken and learns of the file.
    storage.append(batch("mes", &[(MIDNIGHT, "more")])).await.unwrap();
    storage.flush().await.unwrap();
    for reopened in [false, true] {
        let storage = if reopened {
            storage.close().await.unwrap();
            bench.open().await
        } else {
            Arc::clone(&storage)
        };
        let all = counts(&storage).await;
        assert_eq!(all.keys().collect::<Vec<_>>(), ["more", "ours", "theirs"]);
        let text = TextMatch::Equals("crm".to_owned());
        let crm = Predicate::Label { name: "service_name".to_owned(), text };
        let theirs = read_where(&storage, &Tenant::default(), |scan| scan.predicate = crm.clone()).await;
        assert_eq!(theirs, [(MIDNIGHT + 1_005, labels("crm").to_string(), "theirs".to_owned())]);
    }
}
