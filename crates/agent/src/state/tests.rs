//! The state on disk.

use super::*;

fn part(ino: u64, from: u64, to: u64) -> Part {
    let labels = Labels::parse(r#"{service="shop"}"#).unwrap();
    let file = FileId { dev: 1, ino, born: 0 };
    Part { path: format!("/log/{ino}").into(), file, labels, from, to, marker: Marker::of(b"end\n") }
}

#[test]
fn a_batch_moves_the_positions_only_once_it_is_settled() {
    let mut state = State::new();
    state.begin(None, &[part(7, 0, 10), part(8, 0, 20)]);
    assert!(state.files.is_empty());
    assert_eq!(state.starts()[&FileId { dev: 1, ino: 8, born: 0 }].offset, 20);
    state.commit();
    assert_eq!(state.begin(None, &[part(7, 10, 30), part(7, 0, 5)]), 2);
    state.commit();
    let offsets: Vec<_> = state.files.iter().map(|position| (position.file.ino, position.offset)).collect();
    assert_eq!(offsets, [(7, 5), (8, 20)]);
    assert_eq!(state.begin(Some(2), &[]), 2);
    assert_eq!(state.begin(None, &[]), 3);
}

#[test]
fn a_marker_tells_only_the_last_bytes() {
    let long = vec![b'x'; 1000];
    assert_eq!(Marker::of(&long), Marker::of(&long[..300]));
    assert_ne!(Marker::of(&long), Marker::of(&long[..100]));
    assert_ne!(Marker::of(b"a"), Marker::of(b"b"));
    assert_eq!(Marker::of(b""), Marker { len: 0, ..Marker::of(b"") });
}
