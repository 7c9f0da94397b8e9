//! Colours, padding, bars: how text is laid out on a grid of characters.

use std::iter::repeat_n;

/// A colour, or how strong a text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
    StrongBad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::StrongBad => "1;31",
        }
    }
}

/// One row being drawn; knows how many columns are taken, whatever the colours.
#[derive(Clone, Debug)]
pub(super) struct Row {
    text: String,
    columns: usize,
    color: bool,
}

impl Row {
    pub(super) const fn new(color: bool) -> Self {
        Self { text: String::new(), columns: 0, color }
    }

    /// Adds text.
    pub(super) fn add(&mut self, ink: Ink, text: &str) -> &mut Self {
        self.columns += text.chars().count();
        if self.color && ink != Ink::Plain && !text.trim().is_empty() {
            self.text.extend(["\u{1b}[", ink.code(), "m", text, "\u{1b}[0m"]);
        } else {
            self.text.push_str(text);
        }
        self
    }

    /// Adds text in a field of `width` columns, to the left; cut if it is longer.
    pub(super) fn left(&mut self, ink: Ink, text: &str, width: usize) -> &mut Self {
        let text = cut(text, width);
        let gap = width - text.chars().count();
        self.add(ink, &text).space(gap)
    }

    /// Adds text in a field of `width` columns, to the right; cut if it is longer.
    pub(super) fn right(&mut self, ink: Ink, text: &str, width: usize) -> &mut Self {
        let text = cut(text, width);
        let gap = width - text.chars().count();
        self.space(gap).add(ink, &text)
    }

    /// Adds blanks.
    pub(super) fn space(&mut self, columns: usize) -> &mut Self {
        self.columns += columns;
        self.text.extend(repeat_n(' ', columns));
        self
    }

    /// Adds blanks up to a column.
    pub(super) fn to(&mut self, column: usize) -> &mut Self {
        self.space(column.saturating_sub(self.columns))
    }

    /// Columns taken so far.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// Ends the row.
    pub(super) fn end(&self, out: &mut String) {
        out.push_str(self.text.trim_end());
        out.push('\n');
    }
}

/// Cuts a text at `width` columns and shows that it was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain((0 < width).then_some('…')).collect()
}

/// A remark below a row: what happened, why, and an end that is never cut; in two rows if one is too short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remark<'a> {
    pub(super) ink: Ink,
    pub(super) what: &'a str,
    pub(super) why: &'a str,
    pub(super) end: &'a str,
}

impl Remark<'_> {
    /// Draws it into rows of `width` columns, the first one behind `indent` blanks.
    pub(super) fn draw(&self, color: bool, indent: usize, width: usize, out: &mut String) {
        let columns = |text: &str| text.chars().count();
        let (why, end) = (columns(self.why) + usize::from(!self.why.is_empty()), columns(self.end));
        let mut row = Row::new(color);
        row.space(indent).add(Ink::Faint, "╰ ");
        let fits = row.columns() + columns(self.what) + why + end <= width;
        let room = width.saturating_sub(row.columns());
        row.add(self.ink, &cut(self.what, room));
        if !fits {
            row.end(out);
            row = Row::new(color);
            row.space(indent + 3);
        }
        if why != 0 {
            let room = width.saturating_sub(row.columns() + 1 + end);
            row.space(1).add(self.ink, &cut(self.why, room));
        }
        row.add(Ink::Faint, self.end).end(out);
    }
}

/// A bar that is `part` of `whole` long, in eighths of a column; at least the thinnest if there is anything.
pub(super) fn bar(part: u64, whole: u64, columns: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if part == 0 || whole == 0 {
        return String::new();
    }
    let room = u128::try_from(columns * 8).unwrap_or(u128::MAX);
    let eighths = (u128::from(part.min(whole)) * room).div_ceil(u128::from(whole));
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).max(1);
    let rest = EIGHTHS.get(eighths % 8).filter(|_| !eighths.is_multiple_of(8));
    repeat_n('█', eighths / 8).chain(rest.copied()).collect()
}

#[cfg(test)]
mod tests;
