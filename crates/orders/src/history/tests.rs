//! What is put is found, what is put again counts once, and the bound holds.

use super::*;
use crate::Evidence;
use crate::symbols::Symbol;
use crate::trail::Stay;

fn trail(id: u64, stays: u64) -> Trail {
    let symbol = |number| Symbol::from_number(number).unwrap();
    let stay = |index: u64| Stay {
        status: symbol(index),
        service: symbol(3),
        evidence: Evidence::Line,
        told: None,
        entered: (1_700_000_000_000 + id * 1_000 + index).cast_signed(),
        confirmed: None,
        failures: 0,
    };
    Trail { id: id.to_string(), stays: (0..stays).map(stay).collect(), end: Some(0), ..Trail::default() }
}

fn put(history: &mut History, id: u64, stays: u64) {
    history.put(id, &trail(id, stays), &mut Vec::new());
}

fn all(history: &History) -> Vec<(String, usize)> {
    let (mut found, mut trail) = (Vec::new(), Trail::default());
    for segment in history.segments() {
        each(&segment, &mut trail, |_, trail| found.push((trail.id.clone(), trail.stays.len())));
    }
    found
}

#[test]
fn a_path_that_changes_counts_once_and_leaves_no_waste_behind() {
    let mut history = History::default();
    for round in 1..=20 {
        for id in 0..50 {
            put(&mut history, id, round);
        }
    }
    let mut found = all(&history);
    found.sort();
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|(_, stays)| *stays == 20), "{found:?}");
    let wanted: usize = (0..50)
        .map(|id| {
            let mut bytes = Vec::new();
            trail(id, 20).pack(&mut bytes);
            bytes.len() + 9
        })
        .sum();
    assert!(history.bytes <= 2 * wanted + 1_000, "{} bytes are held, {wanted} are needed", history.bytes);
    history.remove(7);
    assert!(!history.has(7) && history.has(8));
    assert_eq!(all(&history).len(), 49);
}

#[test]
fn when_there_is_too_much_the_oldest_go_and_it_is_told_how_far_back_all_are_here() {
    let mut history = History::default();
    for id in 0..90_000 {
        put(&mut history, id, 10);
    }
    let before = history.segments.len();
    assert!(3 < before);
    history.shrink(2 * SEGMENT);
    assert!(history.bytes <= 2 * SEGMENT);
    let found = all(&history);
    assert_eq!(found.len(), history.len());
    let (dropped, since) = history.dropped();
    assert_eq!(dropped, 90_000 - found.len() as u64);
    let oldest: u64 = found.first().unwrap().0.parse().unwrap();
    assert_eq!((oldest, since), (dropped, Some(trail(dropped - 1, 1).began())));
    put(&mut history, 89_999, 3);
    assert_eq!(all(&history).iter().filter(|(id, _)| id == "89999").count(), 1);
}

#[test]
fn who_reads_sees_the_moment_at_which_the_reading_began() {
    let mut history = History::default();
    put(&mut history, 1, 3);
    let held = history.segments();
    put(&mut history, 1, 5);
    put(&mut history, 2, 5);
    let mut seen = Vec::new();
    held.iter().for_each(|segment| each(segment, &mut Trail::default(), |_, trail| seen.push(trail.stays.len())));
    assert_eq!(seen, [3]);
}
