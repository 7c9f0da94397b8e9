//! For the package `fuzz`: what the lines of an input become, with and without restarts on the way; what a spool with
//! foreign bytes in it gives out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use logline::{Labels, Reader};
use regex::Regex;

use crate::charset::Charset;
use crate::disk::{Fs, Handle};
use crate::intake::OwnedLine;
use crate::join::{By, Join, Language};
use crate::lines::{Lines, Raw, Source, Treating};
use crate::shape::{Captures, Event, Parser, Shape};
use crate::spool::{Limits, Spool};

/// Opens a spool whose only segment holds `bytes`, reads it to its end, and gives the numbers of its records. They must
/// count up, and be the same when the spool is opened again.
pub fn spool(bytes: &[u8]) -> Vec<u64> {
    let disk = Memory(Arc::new(Mutex::new(bytes.to_vec())));
    let limits = Limits { max_bytes: 1 << 30, segment_bytes: 1 << 20, drop_oldest: false };
    let opened = Spool::open(Arc::new(disk), PathBuf::from("/"), limits, (0, 0));
    let Ok(spool) = opened.map(Arc::new) else { return Vec::new() };
    let mut reader = spool.reader(0, Some(0));
    let mut numbers = Vec::new();
    while let Ok(Some(record)) = reader.next() {
        assert!(numbers.last().is_none_or(|last| *last < record.head.sequence), "numbers go back");
        numbers.push(record.head.sequence);
    }
    numbers
}

/// A disk with one file.
#[derive(Clone, Debug)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn with<R>(&self, look: impl FnOnce(&mut Vec<u8>) -> R) -> std::io::Result<R> {
        Ok(look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Fs for Memory {
    fn create(&self, _: &Path) -> std::io::Result<Arc<dyn Handle>> {
        self.open(Path::new("/"))
    }

    fn open(&self, _: &Path) -> std::io::Result<Arc<dyn Handle>> {
        Ok(Arc::new(self.clone()))
    }

    fn names(&self, _: &Path) -> std::io::Result<Vec<String>> {
        Ok(vec![crate::spool::format::segment_name(1)])
    }

    fn rename(&self, _: &Path, _: &Path) -> std::io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
}

impl Handle for Memory {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
        self.with(|bytes| {
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            let got = buffer.len().min(rest.len());
            buffer[..got].copy_from_slice(&rest[..got]);
            got
        })
    }

    fn write_at(&self, _: &[u8], _: u64) -> std::io::Result<()> {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.with(|bytes| bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX)))
    }

    fn len(&self) -> std::io::Result<u64> {
        self.with(|bytes| bytes.len() as u64)
    }

    fn sync(&self) -> std::io::Result<()> {
        Ok(())
    }
}

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
        let event = Event { text: &text, metadata: &line.metadata };
        let shape = &source.treating.shape;
        let shaped = shape.look(event, &reader).map(|seen| (seen.time, shape.values(&seen, &text, &reader)));
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
