//! Collects structured metadata under the names it came with: sorted by name, names unique, no empty values.
//!
//! Names become such that a label can have them once the values are masked, since names tell what to mask.

/// Metadata under collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a pair. Of equal names the last one counts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if !name.is_empty() && !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The pairs.
    pub(crate) fn finish(mut self) -> Vec<(String, String)> {
        self.0.reverse();
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        self.0.dedup_by(|later, first| later.0 == first.0);
        self.0
    }
}
