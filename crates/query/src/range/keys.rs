//! The keys of series, each once, by number: one text behind the other, since a query may have a million of them.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Keys in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Keys {
    /// The number of a key, and whether it is new.
    pub(crate) fn number(&mut self, key: &str) -> (usize, bool) {
        let Self { texts, ends, numbers, hasher } = self;
        let hash = hasher.hash_one(key);
        let text = |number: u32| text(texts, ends, number as usize).unwrap_or_default();
        if let Some(number) = numbers.find(hash, |number| text(*number) == key) {
            return (*number as usize, false);
        }
        let number = ends.len();
        // Each takes some sixty bytes, so memory ends long before numbers do.
        let short = u32::try_from(number).expect("fewer than 2^32 series");
        numbers.insert_unique(hash, short, |number| hasher.hash_one(text(*number)));
        texts.push_str(key);
        ends.push(texts.len());
        (number, true)
    }

    /// The key of a number.
    pub(crate) fn get(&self, number: usize) -> Option<&str> {
        text(&self.texts, &self.ends, number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|number| self.get(number))
    }

    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes they take, more or less: a number in the table has a byte beside it.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.len() + self.len() * (size_of::<usize>() + size_of::<u32>() + 1)
    }
}

fn text<'t>(texts: &'t str, ends: &[usize], number: usize) -> Option<&'t str> {
    let start = number.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    texts.get(start..*ends.get(number)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_the_number_of_its_first_time() {
        let mut keys = Keys::default();
        let key = |n: usize| if n == 0 { String::new() } else { format!("order_id\0{n}\0") };
        for round in 0..2 {
            for n in 0..5_000 {
                assert_eq!(keys.number(&key(n)), (n, round == 0));
            }
        }
        assert_eq!((keys.len(), keys.get(5_000)), (5_000, None));
        assert!(keys.iter().enumerate().all(|(n, text)| text == key(n)));
    }
}
