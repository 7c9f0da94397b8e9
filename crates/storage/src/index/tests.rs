//! What an index says against what the texts have: never a block too few, however the needle is made; and damage of any
//! byte is found.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// An index in memory.
struct Memory {
    head: Head,
    bytes: Vec<u8>,
    /// Blocks that have rows.
    count: usize,
}

impl Memory {
    /// The index of blocks of texts.
    fn of(blocks: &[Vec<String>]) -> Self {
        let (bytes, head) = built(blocks);
        Self { count: blocks.len(), ..Self::open(bytes, head).unwrap() }
    }

    fn open(bytes: Vec<u8>, head: usize) -> Result<Self, Damaged> {
        Ok(Self { head: Head::decode(&bytes[head..], head as u64)?, bytes, count: 0 })
    }

    fn part(&self, part: &Part) -> Result<Arc<Vec<u8>>, Damaged> {
        let at = |offset| usize::try_from(offset).unwrap();
        part.decode(&self.bytes[at(part.at.start)..at(part.at.end)]).map(Arc::new)
    }

    fn ask(&self, need: &Need) -> Result<Blocks, Damaged> {
        blocks(&self.head, need, self, &first(self.count))
    }
}

impl Chunks for Memory {
    type Error = Damaged;

    fn texts(&self, chunks: Range<usize>) -> Result<Vec<Arc<Vec<u8>>>, Damaged> {
        chunks.map(|chunk| self.part(self.head.parts(chunk).unwrap().0)).collect()
    }

    fn postings(&self, chunk: usize) -> Result<Arc<Vec<u8>>, Damaged> {
        self.part(self.head.parts(chunk).unwrap().1)
    }

    fn grams(&self, bucket: usize) -> Result<Arc<Vec<u8>>, Damaged> {
        let bucket = &self.head.grams()[bucket];
        let at = |offset| usize::try_from(offset).unwrap();
        let bytes = self.bytes[at(bucket.at.start)..at(bucket.at.end)].to_vec();
        bucket.check(&bytes).map(|()| Arc::new(bytes))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unjoined(String);

impl From<Damaged> for Unjoined {
    fn from(damage: Damaged) -> Self {
        Self(damage.to_string())
    }
}

impl From<std::io::Error> for Unjoined {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl ReadPart for &Memory {
    type Error = Unjoined;

    fn read(&self, at: &Range<u64>) -> Result<Vec<u8>, Unjoined> {
        let place = |offset: u64| usize::try_from(offset).unwrap();
        Ok(self.bytes[place(at.start)..place(at.end)].to_vec())
    }
}

/// All bytes of an index, and where its head begins.
fn built(blocks: &[Vec<String>]) -> (Vec<u8>, usize) {
    let mut builder = Builder::default();
    for texts in blocks {
        texts.iter().for_each(|text| builder.add(text.as_bytes()));
        builder.end_block(texts.len());
    }
    builder.finish().unwrap()
}

/// The blocks of an index that have rows.
fn first(count: usize) -> Blocks {
    let mut first = Blocks::none(count.next_multiple_of(COARSE));
    (0..count).for_each(|block| first.insert(block));
    first
}

/// Those of several files, one behind the other: each begins where a sample from inside of an id can tell it.
fn one_behind_the_other(parts: &[Vec<Vec<String>>]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for part in parts {
        all.resize(all.len().next_multiple_of(COARSE), Vec::new());
        all.extend_from_slice(part);
    }
    all
}

/// Blocks with a text that passes, by looking at all of them.
fn naive(blocks: &[Vec<String>], passes: impl Fn(&str) -> bool) -> Blocks {
    let mut found = Blocks::none(blocks.len().next_multiple_of(COARSE));
    let with = blocks.iter().enumerate().filter(|(_, texts)| texts.iter().any(|text| passes(text)));
    with.for_each(|(block, _)| found.insert(block));
    found
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "order_id=",
            "4711",
            " ",
            "[REQ]",
            "status=",
            "CREATED",
            "заказ",
            "=",
            "a",
            "ab",
            "ÉTÉ",
            "_",
            "\n",
            "03af91c25d7b4e60",
            "tok_8812345671aa",
            "fail",
            "E"
        ])
        .prop_map(str::to_owned),
        "[0-9a-f]{1,12}",
        "[ab]{120,140}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = Vec<Vec<String>>> {
    proptest::collection::vec(proptest::collection::vec(text(), 1..5), 1..20)
}

/// A part of one of the texts, cut at any two characters.
fn part_of(blocks: &[Vec<String>], block: Index, text: Index, cut: (Index, Index)) -> String {
    let texts: &Vec<String> = block.get(blocks);
    let text: &String = text.get(texts);
    let chars: Vec<char> = text.chars().collect();
    let (a, b) = (cut.0.index(chars.len() + 1), cut.1.index(chars.len() + 1));
    chars[a.min(b)..a.max(b)].iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_block_with_a_needle_is_missing(
        blocks in texts(),
        place in any::<(Index, Index, (Index, Index))>(),
        other in text(),
    ) {
        let index = Memory::of(&blocks);
        for needle in [part_of(&blocks, place.0, place.1, place.2), other] {
            let found = index.ask(&Need::contains(needle.as_bytes())).unwrap();
            prop_assert!(found.covers(&naive(&blocks, |text| text.contains(&needle))), "{:?}", needle);
            let found = index.ask(&Need::equals(&needle)).unwrap();
            prop_assert!(found.covers(&naive(&blocks, |text| text == needle)), "{:?}", needle);
        }
    }

    #[test]
    fn no_block_that_an_expression_matches_is_missing(
        blocks in texts(),
        place in any::<(Index, Index, (Index, Index))>(),
        shape in select(vec![
            "{}", "^{}", "{}$", "(?i){}", "(?i)^{}$", "x?{}", "({}|nothing)", "(?:{})+", r"\b{}", r"{}\s*$", "[ab]{}.?",
            "(?m)^{}$", "(?:{}){0}", "({}|a|[^b]b)c?", r"\w+{}\W", "(?i)(?:{}){2}", "a{}|{}b",
        ]),
    ) {
        let index = Memory::of(&blocks);
        let needle = part_of(&blocks, place.0, place.1, place.2);
        let pattern = shape.replace("{}", &::regex::escape(&needle));
        let regex = ::regex::Regex::new(&pattern).unwrap();
        let found = index.ask(&Need::regex(&pattern)).unwrap();
        prop_assert!(found.covers(&naive(&blocks, |text| regex.is_match(text))), "{}", pattern);
    }

    #[test]
    fn joined_indexes_are_the_index_of_all_their_blocks(parts in proptest::collection::vec(texts(), 1..6)) {
        let memories: Vec<Memory> = parts.iter().map(|blocks| Memory::of(blocks)).collect();
        let inputs: Vec<(&Head, &Memory)> = memories.iter().map(|memory| (&memory.head, memory)).collect();
        prop_assert_eq!(join(&inputs).unwrap(), built(&one_behind_the_other(&parts)));
    }

    #[test]
    fn a_damaged_byte_is_found(blocks in texts(), place in any::<Index>(), flip in 1_u8..=255) {
        let (mut bytes, head) = built(&blocks);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        match Memory::open(bytes, head) {
            Err(_) => prop_assert!(head <= place),
            Ok(index) => {
                let parts = (0..index.head.chunks()).flat_map(|chunk| {
                    let (text, postings) = index.head.parts(chunk).unwrap();
                    [text, postings]
                });
                let damaged = parts.map(|part| index.part(part)).any(|part| part.is_err());
                prop_assert!(damaged || (0..index.head.grams().len()).any(|bucket| index.grams(bucket).is_err()));
            }
        }
    }

    #[test]
    fn whatever_stands_in_the_place_of_an_index_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Head::decode(&bytes, 1_000).is_err());
        // With a checksum that is right, it is still read within its bounds.
        let mut signed = [b"LAPIDX03".as_slice(), &bytes].concat();
        signed.extend(crc32fast::hash(&signed).to_le_bytes());
        drop(Head::decode(&signed, 1_000));
        let mut rest = bytes.as_slice();
        let mut into = Blocks::none(77);
        while postings::read(&mut rest, 77, Some(&mut into)).is_ok() {}
    }

    #[test]
    fn blocks_of_a_word_come_back(blocks in proptest::collection::btree_set(0_u32..300, 1..300)) {
        let blocks: Vec<u32> = blocks.into_iter().collect();
        let mut bytes = Vec::new();
        postings::write(&mut bytes, &blocks, 300);
        postings::write(&mut bytes, &[7], 300);
        let mut rest = bytes.as_slice();
        let mut found = Blocks::none(300);
        postings::read(&mut rest, 300, Some(&mut found)).unwrap();
        prop_assert_eq!((0..300).filter(|block| found.contains(*block as usize)).collect::<Vec<_>>(), blocks);
        postings::read(&mut rest, 300, None).unwrap();
        prop_assert!(rest.is_empty());
    }
}

#[test]
fn dictionaries_of_many_chunks_and_ids_of_many_buckets_are_joined() {
    let blocks = |part: usize| -> Vec<Vec<String>> {
        let id = |row: usize| blake3::hash(format!("{part} {}", row / 2).as_bytes()).to_hex().to_string();
        // In capitals it is no id.
        let text = |row: usize| if row.is_multiple_of(3) { id(row) } else { id(row).to_ascii_uppercase() };
        (0..3).map(|block| (0..9_000).map(|row| text(block * 6_000 + row)).collect()).collect()
    };
    let parts: Vec<_> = (0..3).map(blocks).collect();
    let memories: Vec<Memory> = parts.iter().map(|blocks| Memory::of(blocks)).collect();
    assert!(memories.iter().all(|memory| memory.head.chunks() > 1 && memory.head.grams().len() > 1));
    let inputs: Vec<(&Head, &Memory)> = memories.iter().map(|memory| (&memory.head, memory)).collect();
    assert!(join(&inputs).unwrap() == built(&one_behind_the_other(&parts)));
}

/// 64 blocks of 50 lines, a trace id in each line, an order in some.
fn orders() -> Vec<Vec<String>> {
    let line = |block: usize, row: usize| {
        let trace = blake3::hash(format!("{block} {row}").as_bytes()).to_hex();
        format!("[REQ][POST /orders] order_id={} trace_id={trace} took={row}ms", block / 4 * 100 + row)
    };
    (0..64).map(|block| (0..50).map(|row| line(block, row)).collect()).collect()
}

#[track_caller]
fn check(index: &Memory, need: &Need, blocks: &[Vec<String>], passes: impl Fn(&str) -> bool, at_most: usize) {
    let found = index.ask(need).unwrap();
    assert!(found.covers(&naive(blocks, passes)), "{need:?}");
    assert!(found.count() <= at_most, "{need:?}: {} blocks", found.count());
}

#[test]
fn a_needle_leaves_few_blocks() {
    let blocks = orders();
    let index = Memory::of(&blocks);
    let trace = blocks[17][3].split(['=', ' ']).find(|word| word.len() == 64).unwrap();
    let needle = |needle: &str, at_most| {
        check(&index, &Need::contains(needle.as_bytes()), &blocks, |text| text.contains(needle), at_most);
    };
    needle(trace, 1);
    needle(trace.get(7..18).unwrap(), COARSE);
    needle(&format!("trace_id={trace} took"), 1);
    needle("order_id=1642", 6);
    needle("order_id=16421", 0);
    needle(trace.get(..9).unwrap(), 64);
    needle(&format!("={}", trace.get(..9).unwrap()), 1);
    needle("nosuchword", 0);
    needle(" nosuchword ", 0);
    needle("e", 64);
    let regex = |pattern: &str, at_most| {
        let regex = ::regex::Regex::new(pattern).unwrap();
        check(&index, &Need::regex(pattern), &blocks, |text| regex.is_match(text), at_most);
    };
    regex("order_id=1642 .*took=4.ms", 4);
    regex("(?i)ORDER_ID=1642", 6);
    regex("(?i)NoSuchWord", 0);
    regex("nosuch|nothing here", 0);
    regex(&format!("({trace}|nosuch)"), 1);
    regex("^.REQ..GET", 0);
    regex("[a-z]+", 64);
}

#[test]
fn words_too_long_for_the_dictionary_are_never_missed() {
    let long = "x".repeat(1_000);
    let blocks = vec![vec!["short".to_owned()], vec![format!("a={long}y b")], vec![format!("{long} c")]];
    let index = Memory::of(&blocks);
    let needle = |needle: &str| {
        check(&index, &Need::contains(needle.as_bytes()), &blocks, |text| text.contains(needle), 2);
    };
    needle(&long);
    needle("xxxy");
    needle("=xxx");
    needle(&format!("={long}y"));
}

#[test]
fn an_index_without_words_answers_too() {
    for blocks in [Vec::new(), vec![vec![String::new()]]] {
        let index = Memory::of(&blocks);
        assert!(index.ask(&Need::contains(b"needle")).unwrap().is_empty());
        assert_eq!(index.ask(&Need::contains(b"-")).unwrap(), first(blocks.len()));
    }
}

proptest! {
    #[test]
    fn words_are_cut_where_their_bytes_end(text in proptest::collection::vec(text(), 0..40)) {
        let text = text.concat();
        let mut found = Vec::new();
        words::each(text.as_bytes(), |at| found.push(&text.as_bytes()[at]));
        let expected = text.as_bytes().split(|byte| !is_word(*byte)).filter(|word| !word.is_empty());
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
