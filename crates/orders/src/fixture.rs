//! Lines for tests: what three services write about some orders.

use logline::{Batch, Context, Entry, Labels, Reader, Record, Stream, Tenant, Timestamp};

use crate::event::{self, Event, LineHash, Source};

/// Order 4711: priced at the second try, reworked once, stuck in manufacturing.
pub(crate) const ORDER_4711: &str = include_str!("fixture/order-4711.log");

/// A time written as RFC 3339.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// `service line` in each row.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|row| !row.trim().is_empty()).map(|row| row.trim().split_once(' ').unwrap())
}

/// The labels of a service's stream.
pub(crate) fn labels(service: &str) -> Labels {
    Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap()
}

/// Hands the events of rows to a test, in the order of the rows.
pub(crate) fn with_events<T>(text: &str, test: impl FnOnce(&[Event<'_>]) -> T) -> T {
    let reader = Reader::default();
    let read = |(service, line)| (service, labels(service).to_string(), line, reader.read(line, &Context::default()));
    let records: Vec<(&str, String, &str, Record<'_>)> = rows(text).map(read).collect();
    let related: Vec<String> = records
        .iter()
        .map(|(.., record)| {
            let mut out = String::new();
            event::related(record, &mut out);
            out
        })
        .collect();
    let mut events = Vec::new();
    for ((service, stream, line, record), related) in records.iter().zip(&related) {
        let time = record.time().unwrap().at;
        let mut event = Event::of(record, Source { stream, service, time }, related).unwrap();
        event.id = LineHash::new(stream).of(time, line);
        events.push(event);
    }
    test(&events)
}

/// The rows as a batch, one stream a service.
pub(crate) fn batch(text: &str) -> Batch {
    let mut streams: Vec<Stream> = Vec::new();
    for (service, line) in rows(text) {
        let timestamp = Reader::default().read(line, &Context::default()).time().map_or(Timestamp(0), |time| time.at);
        let entry = Entry { timestamp, line: line.to_owned(), metadata: Vec::new() };
        match streams.iter_mut().find(|stream| stream.labels == labels(service)) {
            Some(stream) => stream.entries.push(entry),
            None => streams.push(Stream { labels: labels(service), entries: vec![entry] }),
        }
    }
    Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) }
}
