//! A set of ids, of each the first 16 bytes: the rows of derived tables whose lines wait to be deleted.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::array::{Array, StringArray};
use arrow::buffer::BooleanBuffer;

/// Grows while lines come in; shared by all scans that look at it.
#[derive(Debug, Default)]
pub(crate) struct Ids(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    all: HashSet<u128>,
    /// Those that are on no disk yet.
    fresh: Vec<u128>,
}

impl Ids {
    /// Takes in what [`Self::take_fresh`] gave; what is cut off at the end is left out.
    pub(crate) fn load(&self, bytes: &[u8]) {
        self.write().all.extend(bytes.as_chunks::<16>().0.iter().map(|id| u128::from_le_bytes(*id)));
    }

    /// What was added since the last time, to be written down: 16 bytes each.
    pub(crate) fn take_fresh(&self) -> Vec<u8> {
        std::mem::take(&mut self.write().fresh).into_iter().flat_map(u128::to_le_bytes).collect()
    }

    /// What was taken could not be written down.
    pub(crate) fn put_back(&self, bytes: &[u8]) {
        self.write().fresh.extend(bytes.as_chunks::<16>().0.iter().map(|id| u128::from_le_bytes(*id)));
    }

    pub(crate) fn add(&self, texts: &StringArray) {
        let mut known = self.write();
        let Known { all, fresh } = &mut *known;
        fresh.extend(texts.iter().flatten().map(id).filter(|id| all.insert(*id)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read().all.is_empty()
    }

    /// Which rows are in it.
    pub(crate) fn find(&self, texts: &StringArray) -> BooleanBuffer {
        let known = self.read();
        BooleanBuffer::collect_bool(texts.len(), |row| texts.is_valid(row) && known.all.contains(&id(texts.value(row))))
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(text: &str) -> u128 {
    let mut first = [0; 16];
    first.iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
    u128::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_finds_the_same_rows_and_is_written_once() {
        let ids = Ids::default();
        ids.add(&StringArray::from(vec![Some("a"), None, Some("b"), Some("a")]));
        let mut bytes = ids.take_fresh();
        assert_eq!((bytes.len(), ids.take_fresh().len()), (32, 0));
        bytes.extend([1, 2, 3]);
        let read = Ids::default();
        read.load(&bytes);
        let found = read.find(&StringArray::from(vec![Some("b"), Some("c"), None, Some("a")]));
        assert_eq!(found.iter().collect::<Vec<_>>(), [true, false, false, true]);
        assert!(read.take_fresh().is_empty());
    }

    #[test]
    fn the_first_sixteen_bytes_tell_ids_apart() {
        let ids = Ids::default();
        ids.add(&StringArray::from(vec!["0123456789abcdef", "short"]));
        let rows = StringArray::from(vec!["0123456789abcdefffff", "0123456789abcdee", "short", "shorter", ""]);
        assert_eq!(ids.find(&rows).iter().collect::<Vec<_>>(), [true, false, true, false, false]);
    }
}
