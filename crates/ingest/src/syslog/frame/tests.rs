//! Streams in pieces of any size against the messages they hold.

use proptest::prelude::*;

use super::*;

fn run(max: usize, pieces: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(max);
    let mut out = Vec::new();
    let show = |frame: Frame| {
        let total = frame.total.map_or_else(String::new, |total| format!(" of {total}"));
        format!("{}{total}", String::from_utf8_lossy(&frame.bytes))
    };
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.next() {
            out.push(show(frame));
        }
    }
    out.extend(framer.finish().map(show));
    out
}

#[test]
fn both_framings_are_told_apart_for_each_message() {
    let want = ["<13>one", "<13>two words", "<13>three", "<13>four\nlines", "<13>last"];
    let stream = b"<13>one\n13 <13>two words10 <13>three\n\r\n14 <13>four\nlines\n<13>last";
    assert_eq!(run(100, &[stream]), want);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(run(100, &bytes), want);
    assert_eq!(run(100, &[b"<13>nul\0<13>crlf\r\n"]), ["<13>nul", "<13>crlf"]);
}

#[test]
fn a_message_over_the_limit_is_cut_and_the_stream_goes_on() {
    assert_eq!(run(5, &[b"<13>much too long\n<1>a\n"]), ["<13>m of 17", "<1>a"]);
    assert_eq!(run(5, &[b"17 <13>much too long", b"4 <1>a"]), ["<13>m of 17", "<1>a"]);
    assert_eq!(run(5, &[b"17 <13>mu", b"ch too long4 <1>a"]), ["<13>m of 17", "<1>a"]);
    assert_eq!(run(5, &[b"<13>mu", b"ch too ", b"long\n"]), ["<13>m of 17"]);
}

#[test]
fn what_only_looks_like_a_length_is_text() {
    assert_eq!(
        run(100, &[b"2026-01-01 text\n0 zero\n1234567890 ten digits\n"]),
        ["2026-01-01 text", "0 zero", "1234567890 ten digits"]
    );
}

proptest! {
    #[test]
    fn any_cutting_of_any_stream_gives_the_same_messages(
        stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'4'), Just(b' '), any::<u8>()], 0..200),
        cuts in proptest::collection::vec(0_usize..200, 0..10),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).chain([0, stream.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(run(8, &pieces), run(8, &[&stream]));
    }
}
