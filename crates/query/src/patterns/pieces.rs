//! Cuts a line into words and what stands between them.

/// Words of a line beyond this many are one.
const MAX_WORDS: usize = 128;
/// A longer word says nothing about the kind of its line.
const MAX_WORD_BYTES: usize = 64;

/// A word and what stands before it. Words are never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    pub(super) before: &'t str,
    pub(super) word: &'t str,
    pub(super) kind: Kind,
}

/// What a word says about the kind of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A name of a value: it is the same in all lines of a kind.
    Key,
    /// A word that may be the same in all lines of a kind.
    Word,
    /// Differs from line to line: it has digits, is very long, or is the rest of a long line.
    Varies,
}

/// Cuts a line; the last text is what stands behind the last word.
pub(super) fn cut<'t>(line: &'t str, pieces: &mut Vec<Piece<'t>>) -> &'t str {
    pieces.clear();
    let mut rest = line;
    loop {
        let (before, after) = split(rest, |byte| is_word_byte(byte) && byte != b':');
        if after.is_empty() {
            return rest;
        }
        if pieces.len() + 1 == MAX_WORDS {
            pieces.push(Piece { before, word: after, kind: Kind::Varies });
            return "";
        }
        let quoted = before.ends_with('"').then(|| quotation(after)).flatten();
        let (word, next) = quoted.unwrap_or_else(|| split(after, |byte| !is_word_byte(byte)));
        pieces.push(Piece { before, word, kind: kind(word, next) });
        rest = next;
    }
}

/// Splits before the first byte that `is_end` accepts.
fn split(text: &str, is_end: impl Fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(is_end).unwrap_or(text.len());
    // Every byte that may end anything is ASCII or starts a character.
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Bytes of characters beyond ASCII belong to words.
const fn is_word_byte(byte: u8) -> bool {
    let is_between = matches!(byte, b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' | b';' | b'=' | b'|');
    !(is_between || byte.is_ascii_whitespace() || byte.is_ascii_control())
}

/// What stands up to the closing quote, when there is one and something before it.
fn quotation(text: &str) -> Option<(&str, &str)> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return text.split_at_checked(at).filter(|(inside, _)| !inside.is_empty()),
            _ => {}
        }
    }
    None
}

fn kind(word: &str, next: &str) -> Kind {
    // A template may not have anything that looks like a capture.
    if MAX_WORD_BYTES < word.len() || word.contains(['<', '>']) {
        return Kind::Varies;
    }
    if next.starts_with('=') || next.starts_with("\":") || next.starts_with("\" :") {
        return Kind::Key;
    }
    if word.bytes().any(|byte| byte.is_ascii_digit()) { Kind::Varies } else { Kind::Word }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: &str) {
        let mut pieces = Vec::new();
        let behind = cut(line, &mut pieces);
        let shown = pieces.iter().map(|piece| {
            let mark = match piece.kind {
                Kind::Key => "k",
                Kind::Word => "w",
                Kind::Varies => "v",
            };
            format!("{}{mark}({})", piece.before, piece.word)
        });
        assert_eq!(shown.collect::<String>() + behind, want);
        let whole: String = pieces.iter().flat_map(|piece| [piece.before, piece.word]).chain([behind]).collect();
        assert_eq!(whole, line, "nothing gets lost");
    }

    #[test]
    fn a_line_is_cut_into_keys_words_and_what_varies() {
        check(
            "[2026-11-22T10:00:00Z][REQ][POST /orders] order_id=4711 status=CREATED",
            "[v(2026-11-22T10:00:00Z)][w(REQ)][w(POST) w(/orders)] k(order_id)=v(4711) k(status)=w(CREATED)",
        );
        check(
            r#"{"level":"info","text":"two words","n":5}"#,
            r#"{"k(level)":"w(info)","k(text)":"w(two words)","k(n)":v(5)}"#,
        );
        check(r#"msg="a \" b" x="" done"#, r#"k(msg)="w(a \" b)" k(x)="" w(done)"#);
        check("привет мир 5", "w(привет) w(мир) v(5)");
        check("<b>bold</b> text", "v(<b>bold</b>) w(text)");
        check("", "");
        check(" ;; ", " ;; ");
    }

    #[test]
    fn a_quote_that_never_ends_and_a_line_without_end_are_cut_too() {
        check(r#"a="b c"#, r#"k(a)="w(b) w(c)"#);
        let long = "a ".repeat(500);
        let mut pieces = Vec::new();
        assert_eq!(cut(&long, &mut pieces), "");
        assert_eq!(pieces.len(), MAX_WORDS);
    }
}
