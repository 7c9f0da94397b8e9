//! Go syntax to the syntax of the `regex` crates, with Go's complaints.
//!
//! The two differ where Go reads plain text (`{`, `[` in a class, `\<`), where it is ASCII only (`\d`, `\w`, `\s`, `\b`),
//! in `\Q…\E` and octal escapes, and in what Go refuses (stacked repetitions, more than 1,000 of them, unknown flags).

use std::fmt;

use super::class;

/// The expression for the `regex` crates.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<String>,
}

/// What Go says about an expression.
#[derive(Debug, PartialEq)]
pub(super) struct Error {
    what: &'static str,
    text: String,
}

impl Error {
    pub(super) fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.to_owned() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.what, self.text)
    }
}

pub(super) const INVALID_ESCAPE: &str = "invalid escape sequence";
pub(super) const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
const INVALID_NAME: &str = "invalid named capture";
const INVALID_PERL: &str = "invalid or unsupported Perl syntax";
const MISSING_PAREN: &str = "missing closing )";
const MAX_REPEAT: u32 = 1000;

pub(super) fn translate(source: &str) -> Result<Translated, Error> {
    let mut translator = Translator {
        whole: source,
        rest: source,
        out: String::with_capacity(source.len() + 16),
        names: Vec::new(),
        last: Last::Nothing,
    };
    translator.run()?;
    Ok(Translated { pattern: translator.out, names: translator.names })
}

/// What a repetition would apply to.
#[derive(Clone, Copy)]
enum Last<'a> {
    Nothing,
    Item,
    /// A repetition, with the text from its operator on.
    Repetition(&'a str),
}

struct Translator<'a> {
    whole: &'a str,
    rest: &'a str,
    out: String,
    names: Vec<String>,
    last: Last<'a>,
}

impl<'a> Translator<'a> {
    fn run(&mut self) -> Result<(), Error> {
        let mut depth = 0_usize;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '(' => {
                    if self.open()? {
                        depth += 1;
                    }
                    self.last = Last::Nothing;
                }
                ')' => {
                    depth = depth.checked_sub(1).ok_or_else(|| Error::new("unexpected )", self.whole))?;
                    self.copy(c, Last::Item);
                }
                '|' => self.copy(c, Last::Nothing),
                '^' | '$' | '.' => self.copy(c, Last::Item),
                '*' | '+' | '?' => self.repeat(1)?,
                '{' => match self.counted()? {
                    Some(length) => self.repeat(length)?,
                    None => self.literal(c),
                },
                '[' => {
                    self.rest = class::translate(self.rest, &mut self.out)?;
                    self.last = Last::Item;
                }
                '\\' => self.escape()?,
                _ => self.literal(c),
            }
        }
        if depth == 0 { Ok(()) } else { Err(Error::new(MISSING_PAREN, self.whole)) }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.split_at(bytes).1;
    }

    fn copy(&mut self, c: char, last: Last<'a>) {
        self.out.push(c);
        self.skip(c.len_utf8());
        self.last = last;
    }

    fn literal(&mut self, c: char) {
        push_literal(&mut self.out, c);
        self.skip(c.len_utf8());
        self.last = Last::Item;
    }

    /// Takes `(…`: a group of any kind, or flags alone, for which it returns false.
    fn open(&mut self) -> Result<bool, Error> {
        let group = self.rest;
        let Some(inner) = group.strip_prefix("(?") else {
            self.copy('(', Last::Nothing);
            return Ok(true);
        };
        if let Some(name) = inner.strip_prefix("P<").or_else(|| inner.strip_prefix('<')) {
            self.named(group, name)?;
            return Ok(true);
        }
        let end = inner.find([':', ')']).ok_or_else(|| {
            let bad = inner.find(|c| !"imsU-".contains(c));
            match bad {
                Some(at) => Error::new(INVALID_PERL, prefix(group, at + 3)),
                None => Error::new(MISSING_PAREN, group),
            }
        })?;
        let (flags, tail) = inner.split_at(end);
        if let Some(at) = bad_flag(flags) {
            return Err(Error::new(INVALID_PERL, prefix(group, at + 3)));
        }
        let opens = tail.starts_with(':');
        if opens || !flags.is_empty() {
            self.out.push_str(prefix(group, end + 3));
        }
        self.skip(end + 3);
        Ok(opens)
    }

    /// Takes `(?P<name>`; `after` follows the `<`.
    fn named(&mut self, group: &str, after: &str) -> Result<(), Error> {
        let Some((name, tail)) = after.split_once('>') else {
            return Err(Error::new(INVALID_NAME, group));
        };
        let whole = prefix(group, group.len() - tail.len());
        let legal = !name.is_empty()
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !legal {
            return Err(Error::new(INVALID_NAME, whole));
        }
        if self.names.iter().any(|other| other == name) {
            return Err(Error::new(INVALID_NAME, name));
        }
        self.names.push(name.to_owned());
        self.out.push_str(whole);
        self.skip(whole.len());
        Ok(())
    }

    /// Length of the `{n}`, `{n,}` or `{n,m}` ahead; `None` when the brace is plain text.
    fn counted(&self) -> Result<Option<usize>, Error> {
        let Some((inner, _)) = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Ok(None);
        };
        let (min, max) = match inner.split_once(',') {
            Some((min, "")) => (min, None),
            Some((min, max)) => (min, Some(max)),
            None => (inner, None),
        };
        if !is_count(min) || !max.is_none_or(is_count) {
            return Ok(None);
        }
        let length = inner.len() + 2;
        let fits = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= MAX_REPEAT);
        let bounds = (fits(min), max.map(fits));
        match bounds {
            (Some(_), None) => Ok(Some(length)),
            (Some(min), Some(Some(max))) if min <= max => Ok(Some(length)),
            _ => Err(Error::new("invalid repeat count", prefix(self.rest, length))),
        }
    }

    /// Takes a repetition operator of `length` bytes and the `?` that makes it lazy.
    fn repeat(&mut self, length: usize) -> Result<(), Error> {
        let operator = self.rest;
        let lazy = operator.split_at(length).1.starts_with('?');
        let length = length + usize::from(lazy);
        match self.last {
            Last::Item => {}
            Last::Nothing => {
                let bare = length - usize::from(lazy);
                return Err(Error::new("missing argument to repetition operator", prefix(operator, bare)));
            }
            Last::Repetition(first) => {
                let stacked = prefix(first, first.len() - operator.len() + length);
                return Err(Error::new("invalid nested repetition operator", stacked));
            }
        }
        self.out.push_str(prefix(operator, length));
        self.skip(length);
        self.last = Last::Repetition(operator);
        Ok(())
    }

    /// Takes `\…` outside of a class.
    fn escape(&mut self) -> Result<(), Error> {
        let Some(c) = self.rest.chars().nth(1) else {
            return Err(Error::new(TRAILING_BACKSLASH, ""));
        };
        match c {
            'A' | 'z' => self.out.push_str(prefix(self.rest, 2)),
            // Go's word characters are ASCII.
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"(?-u:\B)"),
            'Q' => {
                self.quoted();
                return Ok(());
            }
            _ => {
                if let Some(rest) = class::translate_escape(self.rest, &mut self.out, false)? {
                    self.rest = rest;
                } else {
                    let (literal, rest) = class::escaped(self.rest)?;
                    push_literal(&mut self.out, literal);
                    self.rest = rest;
                }
                self.last = Last::Item;
                return Ok(());
            }
        }
        self.skip(2);
        self.last = Last::Item;
        Ok(())
    }

    /// Takes `\Q…\E`, or `\Q…` to the end.
    fn quoted(&mut self) {
        self.skip(2);
        let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        for c in text.chars() {
            push_literal(&mut self.out, c);
            self.last = Last::Item;
        }
        self.rest = rest;
    }
}

/// Writes a character so that it stands for itself, in a class or out of it.
pub(super) fn push_literal(out: &mut String, c: char) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// The first `bytes` of `text`, or all when that splits a character.
pub(super) fn prefix(text: &str, bytes: usize) -> &str {
    text.split_at_checked(bytes).map_or(text, |(head, _)| head)
}

/// Where `flags` stop being flags of Go.
fn bad_flag(flags: &str) -> Option<usize> {
    let bad = flags.find(|c| !"imsU-".contains(c));
    let second_minus = flags.match_indices('-').nth(1).map(|(at, _)| at);
    let ends_in_minus = flags.ends_with('-').then_some(flags.len());
    bad.or(second_minus).or(ends_in_minus)
}

fn is_count(text: &str) -> bool {
    let zero_padded = text.len() > 1 && text.starts_with('0');
    !text.is_empty() && !zero_padded && text.bytes().all(|b| b.is_ascii_digit())
}
