//! Values in lines of their own behind their key, further in: one word, a string, or a block of YAML.

use std::ops::Range;

use super::Scan;
use super::key::{Key, MAX_BLANKS, is_blank, is_quote};

impl Scan<'_> {
    /// Where a value begins that stands in a line of its own behind its key, further in, as one word or a string.
    pub(super) fn next_line(&self, start: usize) -> Option<usize> {
        let mark = self.skip_while(start, |byte| byte == b'-');
        let first = self.line_break(mark)?;
        let at = self.skip_while(first, is_blank);
        if at == first || MAX_BLANKS < at - first || self.starts_field(at) {
            return None;
        }
        let is_string = self.byte(at).is_some_and(is_quote);
        let is_word = || matches!(self.byte(self.word_end(at)), None | Some(b'\n' | b'\r' | b','));
        (is_string || is_word()).then_some(at)
    }

    /// The lines of a block of YAML whose mark, `|` or `>`, stands at `start`: all that stand as far in as its first one,
    /// which stands further in than the line of the key.
    pub(super) fn block(&self, start: usize, key: &Key) -> Option<Range<usize>> {
        if !matches!(self.byte(start), Some(b'|' | b'>')) {
            return None;
        }
        let mark = self.skip_while(start + 1, |byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'));
        let mut line = self.line_break(self.skip_while(mark, is_indent))?;
        let outer = self.indent(self.line_start(key.span.start));
        let mut block: Option<(Range<usize>, usize)> = None;
        while line < self.bytes.len() {
            let indent = self.indent(line);
            let end = self.skip_while(line + indent, |byte| byte != b'\n');
            let last = line + self.slice(line..end).trim_end().len();
            if line + indent < last {
                let (span, depth) = block.get_or_insert((line + indent..last, indent));
                if indent < *depth || indent <= outer {
                    break;
                }
                span.end = last;
            }
            line = end + 1;
        }
        block.map(|(span, _)| span).filter(|span| outer < span.start - self.line_start(span.start))
    }

    /// Where the line behind the one begins that ends at `at`.
    fn line_break(&self, at: usize) -> Option<usize> {
        let end = self.skip_while(at, |byte| byte == b'\r');
        (self.byte(end) == Some(b'\n')).then_some(end + 1)
    }

    fn line_start(&self, at: usize) -> usize {
        self.bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1)
    }

    /// How far in the line that begins at `line` stands.
    fn indent(&self, line: usize) -> usize {
        self.skip_while(line, is_indent) - line
    }
}

/// A plus is a blank of a query string.
fn is_indent(byte: u8) -> bool {
    is_blank(byte) || byte == b'+'
}
