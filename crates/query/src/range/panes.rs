//! The panes of one series, and the windows that slide over them.

use smallvec::SmallVec;

use super::state::State;
use super::windows::Windows;

/// Panes that have samples, by time.
#[derive(Clone, Debug)]
pub(crate) struct Panes<S> {
    /// A query of one point has one, beside the series itself.
    panes: SmallVec<[(u64, S); 1]>,
}

/// Windows of more panes than this keep partial results while they slide.
const MANY: u64 = 4;

impl<S> Default for Panes<S> {
    fn default() -> Self {
        Self { panes: SmallVec::new() }
    }
}

impl<S: State> Panes<S> {
    /// The state of a pane. Cheap when it is the latest one, which it mostly is since files are sorted by time.
    pub(crate) fn entry(&mut self, index: u64) -> &mut S {
        let place = match self.panes.last() {
            Some((last, _)) if *last == index => self.panes.len() - 1,
            Some((last, _)) if *last > index => match self.panes.binary_search_by_key(&index, |(pane, _)| *pane) {
                Ok(place) => place,
                Err(place) => {
                    self.panes.insert(place, (index, S::default()));
                    place
                }
            },
            _ => {
                self.panes.push((index, S::default()));
                self.panes.len() - 1
            }
        };
        &mut self.panes[place].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u64, S)> {
        self.panes.iter()
    }

    pub(crate) fn bytes(&self) -> usize {
        let heap = if S::IS_SMALL { 0 } else { self.panes.iter().map(|(_, state)| state.heap_bytes()).sum() };
        let beside = if self.panes.spilled() { self.panes.capacity() * size_of::<(u64, S)>() } else { 0 };
        beside + heap
    }

    /// Calls `emit` with each point whose window has samples, and what they come to.
    pub(crate) fn slide(&self, windows: &Windows, mut emit: impl FnMut(u32, &S)) {
        let (first, last) = windows.panes(0);
        let mut window = Window::new(&self.panes, S::IS_SMALL && last - first >= MANY);
        let mut point = 0;
        while let Some((next, _)) = self.panes.get(window.start) {
            // Windows that end before the next pane are empty.
            let Ok(reached) = u32::try_from(windows.first_point(*next)) else { return };
            point = point.max(reached);
            if point >= windows.points {
                return;
            }
            let (first, last) = windows.panes(point);
            if let Some(state) = window.advance(first, last) {
                emit(point, &state);
            }
            point += 1;
            let (first, _) = windows.panes(point);
            window.leave(first);
        }
    }
}

/// A run of panes. When wide it is kept as two stacks: the older half as results from each pane to the half's end,
/// the younger half as one running result; so each pane is merged twice, however many windows it is in.
struct Window<'p, S> {
    panes: &'p [(u64, S)],
    is_wide: bool,
    /// First pane in the window.
    start: usize,
    /// First pane after the window.
    end: usize,
    /// For the panes from `start` to the end of the older half, the latest first.
    older: Vec<S>,
    younger: Option<S>,
}

impl<'p, S: State> Window<'p, S> {
    const fn new(panes: &'p [(u64, S)], is_wide: bool) -> Self {
        Self { panes, is_wide, start: 0, end: 0, older: Vec::new(), younger: None }
    }

    /// Moves to the panes from `first` to `last`; `None` when there are none.
    fn advance(&mut self, first: u64, last: u64) -> Option<S> {
        self.leave(first);
        while let Some((pane, state)) = self.panes.get(self.end)
            && *pane <= last
        {
            if self.is_wide {
                merge_into(&mut self.younger, state);
            }
            self.end += 1;
        }
        let mut all = None;
        if self.is_wide {
            self.older.last().into_iter().chain(&self.younger).for_each(|state| merge_into(&mut all, state));
        } else {
            let inside = self.panes.get(self.start..self.end).unwrap_or_default();
            inside.iter().for_each(|(_, state)| merge_into(&mut all, state));
        }
        all
    }

    /// Lets go of the panes before `first`.
    fn leave(&mut self, first: u64) {
        while let Some((pane, _)) = self.panes.get(self.start)
            && *pane < first
        {
            if self.is_wide {
                self.leave_one();
            }
            self.start += 1;
            self.end = self.end.max(self.start);
        }
    }

    fn leave_one(&mut self) {
        if self.older.is_empty() {
            self.younger = None;
            let inside = self.panes.get(self.start..self.end).unwrap_or_default();
            for (_, state) in inside.iter().rev() {
                let mut merged = state.clone();
                if let Some(later) = self.older.last() {
                    merged.merge(later);
                }
                self.older.push(merged);
            }
        }
        self.older.pop();
    }
}

fn merge_into<S: State>(all: &mut Option<S>, state: &S) {
    match all {
        Some(all) => all.merge(state),
        None => *all = Some(state.clone()),
    }
}

#[cfg(test)]
mod tests;
