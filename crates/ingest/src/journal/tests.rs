//! What journalctl writes, in pieces of any size.

use super::*;

const EXPORT: &[u8] = b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1767312000000001\nPRIORITY=3\n_HOSTNAME=web1\n\
_SYSTEMD_UNIT=shop.service\nSYSLOG_IDENTIFIER=shop\n_PID=12\nORDER_ID=4711\nMESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n\n\
__CURSOR=s=1;i=3\nMESSAGE=plain=text\n\n__CURSOR=s=1;i=4\n_HOSTNAME=none\n\n";

fn run(max: usize, size: usize) -> Vec<Record> {
    let mut parser = Parser::new(max);
    let mut out = Vec::new();
    for piece in EXPORT.chunks(size) {
        parser.push(piece);
        while let Some(record) = parser.next(Timestamp(7)) {
            out.push(record);
        }
    }
    out
}

#[test]
fn entries_are_read_whatever_pieces_they_come_in() {
    let whole = run(100, usize::MAX);
    let [first, second] = whole.as_slice() else { panic!("two entries, not {}", whole.len()) };
    assert_eq!(
        (first.entry.line.as_str(), first.entry.timestamp),
        ("two\nlines", Timestamp(1_767_312_000_000_001_000))
    );
    let pairs: Vec<_> = first.entry.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(pairs.join(" "), "app=shop host=web1 level=error order_id=4711 pid=12 unit=shop.service");
    assert_eq!(first.cursor.as_deref(), Some("s=1;i=2"));
    assert_eq!((second.entry.line.as_str(), second.entry.timestamp), ("plain=text", Timestamp(7)));
    for size in [1, 2, 7, 50] {
        assert_eq!(run(100, size), whole, "pieces of {size}");
    }
}

#[test]
fn a_field_over_the_limit_keeps_its_beginning() {
    for size in [1, 5, usize::MAX] {
        let lines: Vec<_> = run(4, size).into_iter().map(|record| record.entry.line).collect();
        assert_eq!(lines, ["two\n", "plai"], "pieces of {size}");
    }
    let mut parser = Parser::new(10);
    for _ in 0..1_000 {
        parser.push(b"MESSAGE=no end in sight");
        assert_eq!(parser.next(Timestamp(1)), None);
        assert!(parser.buffer.len() < 400);
    }
}
