//! Streams in pieces, lines out.

use std::sync::Arc;

use stdx::{Clock, SystemClock};

use super::*;
use crate::charset::Charset;
use crate::intake::OwnedLine;
use crate::join::{By, Join};
use crate::lines::{Source, Treating};

fn cut(join: Option<Join>, pieces: &[&[u8]]) -> Vec<(String, Option<usize>)> {
    cut_as(Treating { join, ..Treating::default() }, pieces)
}

fn cut_as(treating: Treating, pieces: &[&[u8]]) -> Vec<(String, Option<usize>)> {
    let source = Source { labels: logline::Labels::default(), treating: Arc::new(treating) };
    let mut cutter = Cutter::new(Lines::new(Arc::new(source), 0), 0);
    let (now, mut out) = (SystemClock.instant(), Vec::<OwnedLine>::new());
    for piece in pieces {
        cutter.push(piece, now, &mut out);
    }
    cutter.finish(now, &mut out);
    cutter.take(&mut out);
    out.into_iter().map(|line| (String::from_utf8_lossy(&line.bytes).into_owned(), line.total)).collect()
}

#[test]
fn a_stream_is_cut_into_lines_and_the_last_needs_no_end() {
    let lines = cut(None, &[b"one\ntw", b"o\n\n", b"three"]);
    assert_eq!(lines, [("one".to_owned(), None), ("two".to_owned(), None), ("three".to_owned(), None)]);
}

#[test]
fn lines_of_a_stream_are_joined() {
    let by = By::Start(regex::Regex::new("^a").unwrap());
    let join = Join { by, timeout: std::time::Duration::from_secs(1), max_bytes: 1000 };
    let lines: Vec<_> = cut(Some(join), &[b"a1\n b\na", b"2\n c"]).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, ["a1\n b", "a2\n c"]);
}

#[test]
fn of_a_line_without_end_the_beginning_is_kept_and_its_length_told() {
    let piece = vec![b'x'; 400_000];
    let pieces = [piece.as_slice(), &piece, &piece, b"\nnext\n"];
    let lines = cut(None, &pieces);
    assert_eq!((lines[0].0.len(), lines[0].1), (MAX_LINE + MARGIN, Some(1_200_000)));
    assert_eq!(lines[1], ("next".to_owned(), None));
}

#[test]
fn characters_of_two_bytes_are_whole_wherever_the_stream_is_split() {
    let text = "\u{feff}один\nU+0A0A ਊ\u{a00}\nбез конца";
    for (charset, unit) in [(Charset::Utf16Le, u16::to_le_bytes as fn(u16) -> _), (Charset::Utf16Be, u16::to_be_bytes)]
    {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(unit).collect();
        for size in 1..=bytes.len() {
            let treating = Treating { charset, ..Treating::default() };
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let lines: Vec<_> = cut_as(treating, &pieces).into_iter().map(|(line, _)| line).collect();
            assert_eq!(lines, ["один", "U+0A0A ਊ\u{a00}", "без конца"], "{charset:?} in pieces of {size}");
        }
    }
}
