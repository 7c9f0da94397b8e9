//! The state on disk.

use super::*;

fn part(ino: u64, from: u64, to: u64) -> Part {
    let labels = Labels::parse(r#"{service="shop"}"#).unwrap();
    let file = FileId { dev: 1, ino };
    Part { path: format!("/log/{ino}").into(), file, labels, from, to, marker: Marker::of(b"end\n") }
}

#[test]
fn a_state_survives_a_restart_and_keeps_its_agent() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/state");
    let (opened, mut state) = StateDir::open(&dir).unwrap();
    assert_eq!(state.begin(None, &[part(7, 0, 10)]), 1);
    opened.save(&state).unwrap();
    drop(opened);
    let (_opened, again) = StateDir::open(&dir).unwrap();
    assert_eq!(again, state);
    assert_eq!(State::load(&dir).unwrap().unwrap().agent, state.agent);
}

#[test]
fn a_batch_moves_the_positions_only_once_it_is_settled() {
    let mut state = State::new();
    state.begin(None, &[part(7, 0, 10), part(8, 0, 20)]);
    assert!(state.files.is_empty());
    assert_eq!(state.starts()[&FileId { dev: 1, ino: 8 }].offset, 20);
    state.commit();
    assert_eq!(state.begin(None, &[part(7, 10, 30), part(7, 0, 5)]), 2);
    state.commit();
    let offsets: Vec<_> = state.files.iter().map(|position| (position.file.ino, position.offset)).collect();
    assert_eq!(offsets, [(7, 5), (8, 20)]);
    assert_eq!(state.begin(Some(2), &[]), 2);
    assert_eq!(state.begin(None, &[]), 3);
}

#[test]
fn two_agents_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = StateDir::open(folder.path()).unwrap();
    assert!(matches!(StateDir::open(folder.path()), Err(Error::Locked(_))));
    drop(first);
    assert!(StateDir::open(folder.path()).is_ok());
}

#[test]
fn a_damaged_state_is_an_error_and_not_a_new_beginning() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(State::load(folder.path()).unwrap(), None);
    fs::write(folder.path().join(STATE), "{").unwrap();
    assert!(matches!(StateDir::open(folder.path()), Err(Error::Damaged(_))));
}

#[test]
fn a_marker_tells_only_the_last_bytes() {
    let long = vec![b'x'; 1000];
    assert_eq!(Marker::of(&long), Marker::of(&long[..300]));
    assert_ne!(Marker::of(&long), Marker::of(&long[..100]));
    assert_ne!(Marker::of(b"a"), Marker::of(b"b"));
    assert_eq!(Marker::of(b""), Marker { len: 0, ..Marker::of(b"") });
}
