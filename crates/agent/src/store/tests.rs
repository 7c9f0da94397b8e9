//! The state on disk.

use super::*;
use crate::disk::RealFs;
use crate::state::Covered;

fn open(dir: &Path) -> Result<Store, Error> {
    Store::open(Arc::new(RealFs), dir)
}

#[test]
fn a_state_survives_a_restart_and_keeps_its_agent() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/state");
    let store = open(&dir).unwrap();
    store.with(|state| state.apply(1, &Covered::default()));
    assert_eq!(store.save().unwrap(), 1);
    let saved = store.with(|state| state.clone());
    store.with(|state| state.apply(2, &Covered::default()));
    drop(store);
    let again = open(&dir).unwrap();
    assert_eq!(again.with(|state| state.clone()), saved);
    assert_eq!(State::load(&dir).unwrap(), Some(saved));
}

#[test]
fn two_agents_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(Error::Locked(_))));
    drop(first);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_damaged_state_is_an_error_and_not_a_new_beginning() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(State::load(folder.path()).unwrap(), None);
    fs::write(folder.path().join(STATE), "{").unwrap();
    assert!(matches!(open(folder.path()), Err(Error::Damaged(_))));
}
