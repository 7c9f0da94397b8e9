//! The window against sets that forget nothing.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

fn mark(tenant: &str, agent: u128, sequence: u64) -> Mark {
    Mark { tenant: Tenant::new(tenant).unwrap(), id: BatchId { agent, sequence } }
}

/// Every number ever kept; those far below the highest count as kept.
#[derive(Default)]
struct Model(HashMap<Agent, HashSet<u64>>);

impl Model {
    fn contains(&self, mark: &Mark) -> bool {
        let Some(kept) = self.0.get(&mark.agent()) else { return false };
        let highest = kept.iter().max().unwrap();
        kept.contains(&mark.id.sequence) || mark.id.sequence + WINDOW <= *highest
    }
}

/// Numbers that are near each other, a window's width apart, or anywhere.
fn sequences() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..40_u64,
        3 => 900..1_200_u64,
        2 => 0..5_000_u64,
        1 => 1_000_000..1_000_100_u64,
        1 => (1 << 63) - 2_000..1_u64 << 63,
    ]
}

fn step() -> impl Strategy<Value = (bool, Mark)> {
    let agent = (prop_oneof![Just("a"), Just("b")], 0..2_u128, sequences());
    (proptest::bool::weighted(0.03), agent.prop_map(|(tenant, agent, sequence)| mark(tenant, agent, sequence)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_window_knows_what_a_set_of_all_numbers_knows(
        steps in proptest::collection::vec(step(), 1..200),
        probes in proptest::collection::vec(sequences(), 50),
    ) {
        let (mut seen, mut model) = (Seen::default(), Model::default());
        for (through, mark) in &steps {
            prop_assert_eq!(seen.contains(mark), model.contains(mark), "{:?}", mark);
            let kept = model.0.entry(mark.agent()).or_default();
            if *through {
                let highest = mark.id.sequence;
                *kept = (highest.saturating_sub(WINDOW)..=highest).collect();
                seen.insert_through(mark);
            } else {
                kept.insert(mark.id.sequence);
                seen.insert(mark);
            }
            prop_assert!(seen.contains(mark));
        }
        for sequence in probes {
            for (tenant, agent) in [("a", 0), ("a", 1), ("b", 0), ("b", 1)] {
                let probe = mark(tenant, agent, sequence);
                prop_assert_eq!(seen.contains(&probe), model.contains(&probe), "{:?}", probe);
            }
        }
    }
}

#[test]
fn the_agent_that_is_silent_longest_is_forgotten() {
    let mut seen = Seen { limit: 2, ..Seen::default() };
    seen.insert(&mark("a", 1, 7));
    seen.insert(&mark("a", 2, 7));
    seen.insert(&mark("a", 1, 8));
    seen.insert(&mark("b", 1, 7));
    assert!(!seen.contains(&mark("a", 2, 7)), "it was silent longest");
    assert!(seen.contains(&mark("a", 1, 7)) && seen.contains(&mark("a", 1, 8)) && seen.contains(&mark("b", 1, 7)));
    seen.insert(&mark("a", 2, 9));
    assert!(!seen.contains(&mark("a", 1, 8)));
    assert_eq!((seen.agents.len(), seen.turns.len()), (2, 2));
}

#[test]
fn changes_are_given_once_with_the_highest_number() {
    let mut seen = Seen::default();
    seen.insert_through(&mark("a", 3, 100));
    assert_eq!(seen.take_changed(), [], "it was told so, nothing came");
    seen.insert(&mark("a", 1, 8));
    seen.insert(&mark("a", 1, 5));
    assert_eq!(seen.take_changed(), [mark("a", 1, 8)]);
    assert_eq!(seen.take_changed(), []);
    seen.insert(&mark("a", 1, 6));
    assert_eq!(seen.take_changed(), [mark("a", 1, 8)]);
}
