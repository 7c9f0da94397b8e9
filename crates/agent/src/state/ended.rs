//! How far files were read that are gone, or that were cut since: copies of what they held may still come.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Position;

/// Places in what one file held: one that is cut all the time leaves room for others.
const MAX_OF_A_FILE: usize = 8;

/// The latest of such places, in the order in which they came to be known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ended(VecDeque<Position>);

impl Ended {
    /// Adds a place; of more than `max`, the oldest goes.
    pub(crate) fn add(&mut self, position: Position, max: usize) {
        if self.0.contains(&position) {
            return;
        }
        let is_same = |known: &Position| known.file == position.file;
        if self.0.iter().filter(|known| is_same(known)).count() >= MAX_OF_A_FILE
            && let Some(oldest) = self.0.iter().position(is_same)
        {
            self.0.remove(oldest);
        }
        self.0.push_back(position);
        if self.0.len() > max {
            self.0.pop_front();
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Position> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
