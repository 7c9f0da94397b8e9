//! Collects structured metadata as entries hold it: sorted by name, names unique, no empty values, bounded in number.

/// Pairs that are kept.
const MAX: usize = 128;

/// Metadata under collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a pair; characters that a label's name cannot have become `_`. Of equal names the last one counts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if name.is_empty() || value.is_empty() || self.0.len() >= MAX {
            return;
        }
        let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
        let digit = name.starts_with(|c: char| c.is_ascii_digit());
        let name = if digit { "key_" } else { "" }.chars().chain(name.chars().map(legal)).collect();
        self.0.push((name, value.to_owned()));
    }

    /// The pairs.
    pub(crate) fn finish(mut self) -> Vec<(String, String)> {
        self.0.reverse();
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        self.0.dedup_by(|later, first| later.0 == first.0);
        self.0
    }
}
