//! A column of which each text stands in many rows: few texts, and for each row the number of its own. Rows next to
//! each other mostly have the same one, so that is looked at before anything is hashed.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{DictionaryArray, Int32Builder, StringArray};
use arrow::datatypes::Int32Type;

/// So many texts are compared one after the other, which takes less time than a hash.
const FEW: usize = 4;

/// A column being made.
#[derive(Debug, Default)]
pub(super) struct Words {
    keys: Int32Builder,
    texts: Vec<Arc<str>>,
    known: HashMap<Arc<str>, usize, ahash::RandomState>,
    last: usize,
}

impl Words {
    /// A column without rows.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub(super) fn append_value(&mut self, text: &str) {
        if self.texts.get(self.last).is_none_or(|last| **last != *text) {
            self.last = self.number(text);
        }
        self.keys.append_option(i32::try_from(self.last).ok());
    }

    /// Adds a row, with null for no text.
    pub(super) fn append_option(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.append_value(text),
            None => self.keys.append_null(),
        }
    }

    /// The column.
    pub(super) fn finish(mut self) -> DictionaryArray<Int32Type> {
        let texts = StringArray::from_iter_values(&self.texts);
        DictionaryArray::try_new(self.keys.finish(), Arc::new(texts)).expect("each key is the number of a text")
    }

    fn number(&mut self, text: &str) -> usize {
        let found = match self.texts.len() {
            ..=FEW => self.texts.iter().position(|known| **known == *text),
            _ => self.known.get(text).copied(),
        };
        found.unwrap_or_else(|| {
            let text: Arc<str> = text.into();
            self.known.insert(Arc::clone(&text), self.texts.len());
            self.texts.push(text);
            self.texts.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, StringDictionaryBuilder};

    use super::*;

    #[test]
    fn a_column_is_what_it_was_made_of() {
        let texts: Vec<Option<String>> =
            (0..500_usize).map(|row| (!row.is_multiple_of(7)).then(|| format!("text {}", row / 3 % 11))).collect();
        let (mut words, mut expected) = (Words::new(), StringDictionaryBuilder::<Int32Type>::new());
        for text in &texts {
            words.append_option(text.as_deref());
            expected.append_option(text.as_deref());
        }
        let (words, expected) = (words.finish(), expected.finish());
        let read = |column: &DictionaryArray<Int32Type>| -> Vec<Option<String>> {
            column.downcast_dict::<StringArray>().unwrap().into_iter().map(|text| text.map(str::to_owned)).collect()
        };
        assert_eq!(read(&words), read(&expected));
        assert_eq!(read(&words), texts);
        assert_eq!((words.values().len(), words.null_count()), (11, expected.null_count()));
    }
}
