//! Patterns of paths: `*` and `?` within a name, `**` for any number of folders.
//!
//! A name that begins with a dot is matched only by a pattern that does.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A pattern such as `/var/log/shop/**/*.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    text: String,
    root: PathBuf,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A name without wildcards.
    Literal(String),
    /// A name with wildcards.
    Pattern(String),
    /// `**`.
    AnyDepth,
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let root = PathBuf::from(if text.starts_with('/') { "/" } else { "" });
        let parts = text.split('/').filter(|name| !name.is_empty()).map(Part::new).collect();
        Self { text: text.to_owned(), root, parts }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The folder that the first part is looked for in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether a file's name matches the last part, which is all that `exclude` looks at unless it has a `/`.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let names = names(path);
        let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
        if self.text.contains('/') { matches_parts(&self.parts, &names) } else { self.matches_name(&names) }
    }

    /// Whether the whole path matches.
    pub(crate) fn matches_path(&self, path: &Path) -> bool {
        let names = names(path);
        let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
        path.is_absolute() == self.root.is_absolute() && matches_parts(&self.parts, &names)
    }

    fn matches_name(&self, names: &[&str]) -> bool {
        let (Some(part), Some(name)) = (self.parts.last(), names.last()) else { return false };
        part.matches(name)
    }
}

impl Part {
    pub(crate) fn new(name: &str) -> Self {
        match name {
            "**" => Self::AnyDepth,
            _ if name.contains(['*', '?']) => Self::Pattern(name.to_owned()),
            _ => Self::Literal(name.to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Pattern(text) => text,
            Self::AnyDepth => "**",
        }
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Pattern(pattern) => matches_name(pattern, name),
            Self::AnyDepth => true,
        }
    }
}

/// The names of a path; what is no text in one counts as characters of some kind.
fn names(path: &Path) -> Vec<Cow<'_, str>> {
    path.iter().map(OsStr::to_string_lossy).filter(|name| name != "/").collect()
}

fn matches_parts(parts: &[Part], names: &[&str]) -> bool {
    match (parts, names) {
        ([], []) => true,
        ([Part::AnyDepth, rest @ ..], _) => (0..=names.len()).any(|skip| matches_parts(rest, &names[skip..])),
        ([part, rest @ ..], [name, names @ ..]) => part.matches(name) && matches_parts(rest, names),
        _ => false,
    }
}

/// Wildcards in one pass: on a mismatch the last `*` takes one character more.
fn matches_name(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    // Most names of a large folder end otherwise.
    let end = pattern.rsplit(['*', '?']).next().unwrap_or_default();
    if !name.ends_with(end) {
        return false;
    }
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut star = None;
    loop {
        let here = name.clone();
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                name = here;
                star = Some((pattern.clone(), name.clone()));
            }
            (None, None) => return true,
            (Some(wanted), Some(got)) if wanted == '?' || wanted == got => {}
            _ => {
                let Some((after, taken)) = &mut star else { return false };
                if taken.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), taken.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
