//! The state on disk.

use super::*;

#[test]
fn a_state_survives_a_restart_and_keeps_its_agent() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/state");
    let store = Store::open(&dir).unwrap();
    assert_eq!(store.with(|state| state.begin(None, &[])), 1);
    store.save().unwrap();
    let saved = store.with(|state| state.clone());
    store.with(State::commit);
    drop(store);
    let again = Store::open(&dir).unwrap();
    assert_eq!(again.with(|state| state.clone()), saved);
    assert_eq!(State::load(&dir).unwrap(), Some(saved));
}

#[test]
fn two_agents_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path()).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(Error::Locked(_))));
    drop(first);
    assert!(Store::open(folder.path()).is_ok());
}

#[test]
fn a_damaged_state_is_an_error_and_not_a_new_beginning() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(State::load(folder.path()).unwrap(), None);
    fs::write(folder.path().join(STATE), "{").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(Error::Damaged(_))));
}
