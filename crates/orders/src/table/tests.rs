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
