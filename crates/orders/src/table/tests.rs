//! Events to rows and back.

use storage::Derive;

use super::*;
use crate::OrderEvents;
use crate::fixture::{ORDER_4711, batch, with_events};

#[test]
fn events_come_out_of_rows_as_they_went_in() {
    with_events(ORDER_4711, |events| {
        let mut rows = Rows::new();
        events.iter().for_each(|event| rows.push(event));
        let rows = rows.finish().unwrap();
        let read: Vec<Event<'_>> = Events::of(&rows).unwrap().iter().collect();
        assert_eq!(read, events);
    });
}

#[test]
fn rows_have_exactly_the_columns_of_the_table() {
    let rows = OrderEvents::default().derive(&batch(ORDER_4711)).unwrap();
    assert_eq!(rows.schema(), spec().schema);
    assert!(spec().sort.iter().all(|column| columns().contains(column)));
    assert!(Events::of(&rows.project(&[0, 1, 2]).unwrap()).is_none());
}

#[test]
fn ids_of_rows_of_before_were_twice_as_long() {
    let rows = OrderEvents::default().derive(&batch(ORDER_4711)).unwrap();
    let ids = |rows: &RecordBatch| Events::of(rows).unwrap().iter().map(|event| event.id).collect::<Vec<_>>();
    let (schema, mut columns, _) = rows.clone().into_parts();
    let at = schema.index_of("event_id").unwrap();
    let long: StringArray =
        columns[at].as_string::<i32>().iter().map(|id| id.map(|id| format!("{id}0123456789abcdef"))).collect();
    columns[at] = Arc::new(long);
    let before = RecordBatch::try_new(schema, columns).unwrap();
    assert_eq!(ids(&before), ids(&rows));
    assert_eq!(ids(&rows).len(), rows.num_rows());
}
