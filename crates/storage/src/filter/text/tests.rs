//! Conditions on a column say of each row what they say of its text alone.

use std::sync::Arc;

use arrow::array::{BinaryArray, StringArray};
use stdx::Rng;

use super::*;

fn text(rng: &mut Rng) -> Option<String> {
    let len = rng.below(12) * rng.below(2);
    (rng.below(9) > 0)
        .then(|| (0..len).map(|_| ["a", "b", "ab", "ö"][usize::try_from(rng.below(4)).unwrap()]).collect())
}

fn check(matcher: &Matcher, texts: &[Option<String>], within: &[bool]) {
    let texts: StringArray = texts.iter().map(Option::as_deref).collect();
    let bytes: BinaryArray = texts.iter().map(|text| text.map(str::as_bytes)).collect();
    let mask = BooleanBuffer::from(within);
    let columns: [ArrayRef; 3] = [Arc::new(texts.clone()), Arc::new(bytes), Arc::new(texts.slice(0, texts.len()))];
    for column in columns {
        for within in [None, Some(&mask)] {
            let found = matcher.on_column(&column, within).unwrap();
            for row in (0..texts.len()).filter(|row| within.is_none_or(|within| within.value(*row))) {
                let text = if texts.is_null(row) { "" } else { texts.value(row) };
                assert_eq!(found.value(row), matcher.is_match(text), "{matcher:?} on `{text}` in row {row}");
            }
        }
    }
}

#[test]
fn a_column_is_searched_as_each_of_its_texts() {
    let mut rng = Rng::seeded(3);
    let conditions = [
        TextMatch::Contains("ab".to_owned()),
        TextMatch::Contains("aa".to_owned()),
        TextMatch::Contains("ö".to_owned()),
        TextMatch::Contains(String::new()),
        TextMatch::Regex("ab[ab]b|öö".to_owned()),
        TextMatch::Regex("^ab.*bab$".to_owned()),
        TextMatch::Regex("^$".to_owned()),
        TextMatch::Equals("ab".to_owned()),
        TextMatch::OneOf(vec!["a".to_owned(), "öa".to_owned(), String::new()]),
    ];
    let matchers: Vec<Matcher> = conditions.iter().map(|text| Matcher::new(text).unwrap()).collect();
    for _ in 0..150 {
        let rows = rng.below(90);
        let texts: Vec<Option<String>> = (0..rows).map(|_| text(&mut rng)).collect();
        let within: Vec<bool> = (0..rows).map(|_| rng.below(4) == 0).collect();
        matchers.iter().for_each(|matcher| check(matcher, &texts, &within));
    }
}
