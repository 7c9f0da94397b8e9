//! A table whose columns are as wide as what stands in them; the first one gives way when there is too little room.

use super::ink::{Ink, Row, cut};

/// The least width to which the first column gives way.
const LEAST: usize = 16;

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A table being filled.
#[derive(Debug)]
pub(super) struct Grid {
    heads: Vec<(String, Side)>,
    rows: Vec<Vec<(Ink, String)>>,
}

impl Grid {
    /// The first head is to the left, the others as told.
    pub(super) fn new(heads: impl IntoIterator<Item = (&'static str, Side)>) -> Self {
        Self { heads: heads.into_iter().map(|(text, side)| (text.to_owned(), side)).collect(), rows: Vec::new() }
    }

    pub(super) fn add(&mut self, cells: impl IntoIterator<Item = (Ink, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn draw(&self, color: bool, width: usize, out: &mut String) {
        let letters = |text: &str| text.chars().count();
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| letters(head)).collect();
        for row in &self.rows {
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = (*width).max(letters(text));
            }
        }
        let whole: usize = 1 + widths.iter().map(|width| width + 2).sum::<usize>();
        if let Some(first) = widths.first_mut() {
            *first = first.saturating_sub(whole.saturating_sub(width)).max(LEAST.min(*first));
        }
        let heads: Vec<(Ink, String)> = self.heads.iter().map(|(head, _)| (Ink::Faint, head.clone())).collect();
        for cells in std::iter::once(&heads).chain(&self.rows) {
            let mut row = Row::new(color);
            row.space(1);
            for ((width, (_, side)), (ink, text)) in widths.iter().zip(&self.heads).zip(cells) {
                match side {
                    Side::Left => row.left(*ink, &cut(text, *width), *width),
                    Side::Right => row.right(*ink, &cut(text, *width), *width),
                };
                row.space(2);
            }
            row.end(out);
        }
    }
}
