//! Settings of a program: one TOML file, overridden by the environment; every problem is reported at once, with its
//! key and line, and every key documents itself where it is read.

mod flatten;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use value::{Setting, parse_duration, show_duration};

/// The settings as they were written. Read every key once, then [`Settings::finish`].
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<String, Written>,
    used: BTreeSet<String>,
    problems: Vec<Problem>,
    docs: Vec<KeyDoc>,
}

/// A leaf of the file: `auth.token[0].name`.
#[derive(Clone, Debug)]
struct Written {
    value: toml::Value,
    origin: Origin,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Line of the file, from 1.
    Line(usize),
    /// Name of the environment variable.
    Variable(String),
    /// Nowhere: the key is missing.
    Missing,
}

impl Origin {
    const fn line(&self) -> Option<usize> {
        match self {
            Self::Line(line) => Some(*line),
            Self::Variable(_) | Self::Missing => None,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    origin: Origin,
    key: String,
    text: String,
}

/// Everything that is wrong, a line each, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// What a key is for, for the generated reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDoc {
    /// The key, with `[]` for the items of an array of tables.
    pub key: String,
    /// What to write there.
    pub want: &'static str,
    /// The default as one would write it; empty when there is none.
    pub default: String,
    /// What it does.
    pub doc: &'static str,
}

impl Settings {
    /// Takes the text of the file and the environment: `PREFIX__SECTION__KEY=value` sets `section.key`.
    pub fn parse(text: &str, prefix: &str, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut settings =
            Self { values: BTreeMap::new(), used: BTreeSet::new(), problems: Vec::new(), docs: Vec::new() };
        flatten::file(text, &mut settings);
        flatten::environment(prefix, environment, &mut settings);
        settings
    }

    /// The value of a key, if it was written.
    pub fn optional<T: Setting>(&mut self, key: &str, doc: &'static str) -> Option<T> {
        self.document::<T>(key, doc, String::new());
        self.read(key)
    }

    /// The value of a key, or what holds without it.
    pub fn or<T: Setting>(&mut self, key: &str, default: T, doc: &'static str) -> T {
        self.document::<T>(key, doc, default.show());
        self.read(key).unwrap_or(default)
    }

    /// The value of a key that must be written; `None` was reported.
    pub fn required<T: Setting>(&mut self, key: &str, doc: &'static str) -> Option<T> {
        self.document::<T>(key, doc, String::new());
        if !self.has(key) {
            self.problem(key, format!("is missing; want {}", T::WANT));
        }
        self.read(key)
    }

    /// One of a few words, or what holds without it.
    pub fn choice<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&'static str, T)],
        default: &str,
        doc: &'static str,
    ) -> Option<T> {
        let word = self.or(key, default.to_owned(), doc);
        let found = words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = words.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.problem(key, format!("is `{word}`, but must be one of {}", names.join(", ")));
        }
        found
    }

    /// The prefixes of the items of an array of tables: `auth.token` gives `auth.token[0]`, `auth.token[1]` … A single
    /// table of that name is a problem.
    pub fn tables(&mut self, key: &str) -> Vec<String> {
        let single: Vec<_> = self.below(key).filter(|below| !self.used.contains(*below)).cloned().collect();
        if let Some(first) = single.iter().min_by_key(|below| self.values[*below].origin.line()).cloned() {
            self.problem(&first, format!("stands in a single table; there may be several: write `[[{key}]]`"));
        }
        self.used.extend(single);
        self.items(key)
    }

    /// As [`tables`](Self::tables), where a single table of that name stands for one item, and so does none.
    pub fn tables_or_one(&self, key: &str) -> Vec<String> {
        let items = self.items(key);
        if items.is_empty() { vec![key.to_owned()] } else { items }
    }

    fn items(&self, key: &str) -> Vec<String> {
        let item = |index: &usize| format!("{key}[{index}]");
        let exists = |prefix: &String| self.values.keys().any(|key| key.starts_with(&format!("{prefix}.")));
        (0..).map(|index| item(&index)).take_while(exists).collect()
    }

    /// A table whose keys are free: `labels` in `labels = { service = "shop" }`.
    pub fn map<T: Setting>(&mut self, key: &str, doc: &'static str) -> BTreeMap<String, T> {
        self.document::<T>(&format!("{key}.*"), doc, String::new());
        if self.has(key) {
            self.used.insert(key.to_owned());
            self.problem(key, format!("is no table; want `{{ name = … }}`, each with {}", T::WANT));
        }
        let prefix = format!("{key}.");
        let names: Vec<_> = self.below(key).filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned)).collect();
        names.into_iter().filter_map(|name| self.read(&format!("{prefix}{name}")).map(|value| (name, value))).collect()
    }

    /// The keys inside a table.
    fn below(&self, key: &str) -> impl Iterator<Item = &String> {
        let prefix = format!("{key}.");
        self.values.keys().filter(move |key| key.starts_with(&prefix))
    }

    /// Whether a key was written, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Reports what is wrong with a key beyond its type.
    pub fn problem(&mut self, key: &str, text: impl Into<String>) {
        let origin = self.values.get(key).map_or_else(|| self.beside(key), |written| written.origin.clone());
        self.problems.push(Problem { origin, key: key.to_owned(), text: text.into() });
    }

    /// Where the item of an array of tables begins that a key is missing in: there are several, and one is meant.
    fn beside(&self, key: &str) -> Origin {
        let Some((item, _)) = key.rsplit_once('.').filter(|(item, _)| item.ends_with(']')) else {
            return Origin::Missing;
        };
        let line = self.below(item).filter_map(|key| self.values[key].origin.line()).min();
        line.map_or(Origin::Missing, Origin::Line)
    }

    /// What every key that was read is for.
    pub fn docs(&self) -> &[KeyDoc] {
        &self.docs
    }

    /// Adds what keys are for that only other settings have.
    pub fn add_docs(&mut self, other: &Self) {
        for doc in &other.docs {
            if !self.docs.iter().any(|known| known.key == doc.key) {
                self.docs.push(doc.clone());
            }
        }
    }

    /// Fails with all problems at once; a key that nobody read is one of them.
    pub fn finish(mut self) -> Result<(), Problems> {
        let unknown: Vec<_> = self.values.keys().filter(|key| !self.used.contains(*key)).cloned().collect();
        for key in unknown {
            let near =
                self.used.iter().find(|known| are_items_alike(known, &key) && distance(known, &key) <= 2).cloned();
            let hint = near.map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
            self.problem(&key, format!("is not a known key{hint}"));
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by_key(|problem| problem.origin.line().unwrap_or(usize::MAX));
        Err(Problems(self.problems))
    }

    fn read<T: Setting>(&mut self, key: &str) -> Option<T> {
        self.used.insert(key.to_owned());
        let written = self.values.get(key)?;
        let value = T::read(&written.value);
        if value.is_none() {
            self.problem(key, format!("is not {}", T::WANT));
        }
        value
    }

    fn document<T: Setting>(&mut self, key: &str, doc: &'static str, default: String) {
        let digits = |c: char| c.is_ascii_digit();
        let key: String = key.split('[').map(|part| part.trim_start_matches(digits)).collect::<Vec<_>>().join("[");
        if !self.docs.iter().any(|known| known.key == key) {
            self.docs.push(KeyDoc { key, want: T::WANT, default, doc });
        }
    }
}

/// Whether two keys are of the same item of each array of tables that both name: `user[0].name` is not meant where
/// `user[1].nme` stands.
fn are_items_alike(one: &str, other: &str) -> bool {
    let items = |key: &str| key.split('.').filter(|part| part.ends_with(']')).map(str::to_owned).collect::<Vec<_>>();
    items(one) == items(other)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Line(line) => write!(f, "line {line}: ")?,
            Origin::Variable(name) => write!(f, "environment variable {name}: ")?,
            Origin::Missing => {}
        }
        if self.key.is_empty() { f.write_str(&self.text) } else { write!(f, "`{}` {}", self.key, self.text) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// How many letters must be changed, added or removed (Levenshtein) to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
