//! For the package `fuzz`: what the lines of an input become, with and without restarts on the way.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use logline::{Labels, Reader};
use regex::Regex;

use crate::charset::Charset;
use crate::intake::OwnedLine;
use crate::join::{By, Join, Language};
use crate::lines::{Lines, Raw, Source, Treating};
use crate::shape::{Captures, Event, Parser, Shape};

/// Events of `bytes`; `variant` chooses encoding, framing, join and parser. With `restarts` the input is left after each
/// line and read on from the place that was given out, as after a crash. `now` stands still.
pub fn events(variant: u8, bytes: &[u8], restarts: bool, now: Instant) -> Vec<String> {
    static TREATINGS: LazyLock<Vec<Arc<Treating>>> =
        LazyLock::new(|| (0..=u8::MAX).map(|variant| Arc::new(treating(variant))).collect());
    let Some(treating) = TREATINGS.get(usize::from(variant)) else { return Vec::new() };
    let source = Arc::new(Source { labels: Labels::default(), treating: Arc::clone(treating) });
    let charset = source.treating.charset;
    let mut lines = Lines::new(Arc::clone(&source), 0);
    let (mut at, mut place, mut out) = (0, 0, Vec::<OwnedLine>::new());
    while let Some(end) = charset.line_end(bytes, at) {
        let next = end + charset.width();
        push(&mut lines, bytes, at, end, now, &mut out);
        at = next;
        let to = usize::try_from(lines.take(at as u64, &mut out)).unwrap_or(at);
        if restarts && to > place {
            (place, at) = (to, to);
            lines = Lines::new(Arc::clone(&source), 0);
        }
    }
    lines.finish();
    lines.take(at as u64, &mut out);
    let reader = Reader::default();
    let text = |line: &OwnedLine| {
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        let event = Event { text: &text, labels: &source.labels, metadata: &line.metadata };
        let shaped = source.treating.shape.apply(event, &reader);
        format!("{shaped:?} {text}")
    };
    out.iter().map(text).collect()
}

fn push(lines: &mut Lines, bytes: &[u8], from: usize, end: usize, now: Instant, out: &mut Vec<OwnedLine>) {
    let to = (end + lines.charset().width()) as u64;
    let raw = Raw { bytes: bytes.get(from..end).unwrap_or_default(), total: None, from: from as u64, to };
    lines.push(raw, out, now);
}

fn treating(variant: u8) -> Treating {
    let regex = |text: &str| Regex::new(text).expect("a constant pattern");
    let by = match variant % 4 {
        0 => By::Traces(Language::ALL.map(|(_, language)| language).to_vec()),
        1 => By::Start(regex(r"^\S")),
        2 => By::Next(regex(r"^\s")),
        _ => By::Nothing,
    };
    let parser = match variant / 4 % 3 {
        0 => Parser::Auto,
        1 => Parser::Nothing,
        _ => Parser::Regexp(Captures::new(r"(?<time>\S+) (?<level>\w+) (?<rest>.*)").expect("a constant pattern")),
    };
    let charset = Charset::ALL.get(usize::from(variant / 12 % 6)).map_or(Charset::Utf8, |(_, charset)| *charset);
    let join = Some(Join { by, timeout: Duration::from_secs(1), max_bytes: 200 });
    let fields = vec![("level".to_owned(), "level".to_owned()), ("order_id".to_owned(), "order_id".to_owned())];
    let shape = Shape { parser, labels: fields.clone(), metadata: fields, ..Shape::default() };
    Treating { charset, container: variant >= 128, join, shape }
}
