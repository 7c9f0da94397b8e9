//! The state on disk.

use super::*;

fn covered(positions: &[(u64, u64)]) -> Covered {
    let labels = Labels::parse(r#"{service="shop"}"#).unwrap();
    let position = |(ino, offset): &(u64, u64)| Position {
        path: format!("/log/{ino}").into(),
        file: FileId { dev: 1, ino: *ino, born: 0 },
        labels: labels.clone(),
        offset: *offset,
        marker: Marker::of(b"end\n"),
    };
    let counts =
        Totals { batches: 1, lines: 3, masked: BTreeMap::from([("email".to_owned(), 2)]), ..Totals::default() };
    Covered { files: positions.iter().map(position).collect(), counts, ..Covered::default() }
}

#[test]
fn a_record_is_added_once_and_moves_places_forward_or_back() {
    let mut state = State::new();
    state.apply(1, &covered(&[(7, 10), (8, 20)]));
    state.apply(1, &covered(&[(7, 999)]));
    // The file was cut.
    state.apply(2, &covered(&[(7, 5)]));
    let offsets: Vec<_> = state.files.values().map(|position| (position.file.ino, position.offset)).collect();
    assert_eq!(offsets, [(7, 5), (8, 20)]);
    assert_eq!((state.sequence, state.totals.lines, state.totals.masked["email"]), (2, 6, 4));
    let forget = vec![FileId { dev: 1, ino: 7, born: 0 }];
    state.apply(
        3,
        &Covered { forget, cursors: [("journal".to_owned(), "s=1".to_owned())].into(), ..Covered::default() },
    );
    assert_eq!((state.files.len(), state.cursors["journal"].as_str()), (1, "s=1"));
    let json = serde_json::to_vec(&state).unwrap();
    assert_eq!(serde_json::from_slice::<State>(&json).unwrap(), state);
}

#[test]
fn a_file_whose_name_is_no_text_does_not_keep_the_rest_from_being_saved() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut state = State::new();
    let mut covered = covered(&[(7, 10), (8, 20)]);
    covered.files[0].path = PathBuf::from(std::ffi::OsStr::from_bytes(b"/log/\xff.log"));
    state.apply(1, &covered);
    let json = serde_json::to_vec(&state).unwrap();
    let again: State = serde_json::from_slice(&json).unwrap();
    assert_eq!(again.files[&covered.files[0].file].path, Path::new("/log/\u{fffd}.log"));
    assert_eq!(again.files.len(), 2);
    serde_json::to_vec(&covered).unwrap();
}

#[test]
fn a_marker_tells_only_the_last_bytes() {
    let long = vec![b'x'; 1000];
    assert_eq!(Marker::of(&long), Marker::of(&long[..300]));
    assert_ne!(Marker::of(&long), Marker::of(&long[..100]));
    assert_ne!(Marker::of(b"a"), Marker::of(b"b"));
    assert_eq!(Marker::of(b""), Marker { len: 0, ..Marker::of(b"") });
}
