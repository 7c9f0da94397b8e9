//! Parts and how they merge.

use logline::{Batch, Entry, Labels, Stream};

use super::*;
use crate::logs;
use crate::merge::merge;

fn rows(service: &str, times: &[i64]) -> RecordBatch {
    let labels = Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap();
    let entry = |time: &i64| Entry { timestamp: Timestamp(*time), line: format!("{service} {time}"), metadata: vec![] };
    let streams = vec![Stream { labels, entries: times.iter().map(entry).collect() }];
    logs::rows(&Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) }).unwrap()
}

fn merged(head: &mut Head) {
    while let Some(parts) = head.mergeable(&Tenant::default()) {
        let batches: Vec<_> = parts.iter().map(|part| &part.rows).collect();
        let new = Part::new(merge(&logs::schema(), &batches).unwrap()).unwrap();
        head.replace(&Tenant::default(), &parts, new).unwrap();
    }
}

#[test]
fn thousands_of_small_pushes_make_few_parts_in_order_of_arrival() {
    let mut head = Head::default();
    let mut most = 0;
    for time in 0..5_000_i64 {
        let service = if time % 3 == 0 { "shop" } else { "crm" };
        head.insert(&Tenant::default(), Part::new(rows(service, &[time * 1_000])).unwrap());
        merged(&mut head);
        most = most.max(head.parts(&Tenant::default()).len());
    }
    assert!(most <= 40, "{most} parts");
    let parts = head.parts(&Tenant::default());
    let times: Vec<i64> = parts.iter().flat_map(|part| times(&part.rows)).collect();
    assert_eq!(times, (0..5_000).collect::<Vec<_>>());
    let largest = parts.iter().max_by_key(|part| part.rows.num_rows()).unwrap();
    let streams = largest.rows.column(0).as_dictionary::<arrow::datatypes::Int32Type>();
    assert_eq!(streams.values().len(), 2, "labels must not pile up");
    let lines = largest.rows.column_by_name(logs::LINE).unwrap().as_string::<i32>();
    assert_eq!((lines.value(0), lines.value(1)), ("shop 0", "crm 1000"));
    assert_eq!(head.rows(), 5_000);
    assert_eq!(head.active_bytes(), parts.iter().map(|part| part.bytes).sum::<u64>());
}

fn times(rows: &RecordBatch) -> Vec<i64> {
    rows.column_by_name(TIMESTAMP).unwrap().as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

#[test]
fn sealed_rows_stay_until_they_are_released() {
    let mut head = Head::default();
    let tenant = Tenant::default();
    assert!(!head.seal(1, Vec::new), "nothing to seal");
    head.insert(&tenant, Part::new(rows("shop", &[1_000, 2_999])).unwrap());
    assert!(head.seal(7, Vec::new));
    head.insert(&tenant, Part::new(rows("shop", &[3_000])).unwrap());
    assert!(!head.seal(8, Vec::new), "one at a time");
    let parts = head.parts(&tenant);
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].first, parts[0].last), (Timestamp(1_000), Timestamp(2_999)));
    let sealed = head.sealed().unwrap();
    assert_eq!(sealed.position, 7);
    assert_eq!(head.release(), parts[0].bytes);
    assert_eq!(head.parts(&tenant).len(), 1);
    assert_eq!(parts[0].rows.num_rows(), 2, "a pinned part outlives the release");
}

#[test]
fn a_merge_that_lost_against_a_seal_changes_nothing() {
    let mut head = Head::default();
    let tenant = Tenant::default();
    for time in 0..8 {
        head.insert(&tenant, Part::new(rows("shop", &[time])).unwrap());
    }
    let parts = head.mergeable(&tenant).unwrap();
    head.seal(1, Vec::new);
    assert_eq!(head.replace(&tenant, &parts, Part::new(rows("shop", &[0])).unwrap()), None);
    assert_eq!(head.parts(&tenant).len(), 8);
}
