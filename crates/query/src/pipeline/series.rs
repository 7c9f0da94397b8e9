//! The series that a sample belongs to: the labels left after grouping, as one text.

use logline::Labels;
use serde::{Deserialize, Serialize};

use super::LabelSet;

/// Ends each name and each value in a series' key; never part of one.
const END: char = '\0';

/// Which labels a series keeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Grouping {
    /// These, sorted.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

impl Grouping {
    pub(crate) fn by(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        names.dedup();
        Self::By(names)
    }

    /// The same with one label less.
    pub(crate) fn less(self, name: &str) -> Self {
        match self {
            Self::By(names) => Self::By(names),
            Self::Without(mut names) => {
                names.push(name.to_owned());
                Self::Without(names)
            }
        }
    }

    /// Writes the key of the series that these labels belong to. A line with an error keeps all its labels, so that
    /// the message can show them.
    pub(crate) fn write_key(&self, labels: &LabelSet<'_>, key: &mut String) {
        key.clear();
        match self {
            Self::By(names) if !labels.has_failed() => {
                for name in names {
                    push(key, name, labels.get(name).unwrap_or_default());
                }
            }
            Self::Without(names) if !labels.has_failed() => {
                write_sorted(labels, key, |name| !names.iter().any(|other| other == name));
            }
            Self::By(_) | Self::Without(_) => write_sorted(labels, key, |_| true),
        }
    }
}

fn write_sorted(labels: &LabelSet<'_>, key: &mut String, keep: impl Fn(&str) -> bool) {
    let mut pairs: Vec<_> = labels.iter().filter(|(name, ..)| keep(name)).collect();
    pairs.sort_unstable_by_key(|(name, ..)| *name);
    pairs.into_iter().for_each(|(name, value, _)| push(key, name, value));
}

fn push(key: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    for part in [name, value] {
        if part.contains(END) {
            key.extend(part.chars().map(|c| if c == END { ' ' } else { c }));
        } else {
            key.push_str(part);
        }
        key.push(END);
    }
}

/// The labels that a key stands for.
pub(crate) fn read_key(key: &str) -> Labels {
    let mut parts = key.split(END);
    let mut pairs = Vec::with_capacity(2);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Labels::new(pairs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::labels::{Failure, Source};

    fn check(grouping: &Grouping, fail: bool, want: &str) {
        let stream = Labels::parse(r#"{app="shop", env="prod"}"#).unwrap();
        let mut labels = LabelSet::new(&stream);
        labels.set("level", "in\0fo", Source::Parsed);
        if fail {
            labels.fail(Failure::Json, "broken");
        }
        let mut key = String::from("left over");
        grouping.write_key(&labels, &mut key);
        assert_eq!(read_key(&key).to_string(), want);
    }

    #[test]
    fn a_series_keeps_the_labels_of_its_grouping() {
        check(&Grouping::by(["level".into(), "app".into()]), false, r#"{app="shop", level="in fo"}"#);
        check(&Grouping::by(["nothing".into()]), false, "{}");
        check(&Grouping::Without(vec!["app".into()]), false, r#"{env="prod", level="in fo"}"#);
    }

    #[test]
    fn an_error_shows_all_labels() {
        let want = r#"{__error__="JSONParserErr", __error_details__="broken", app="shop", env="prod", level="in fo"}"#;
        check(&Grouping::by([]), true, want);
    }
}
