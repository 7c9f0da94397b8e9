//! Every target on its corpus with mutations, and the driver itself.

use fuzz::{Budget, Target};

#[test]
fn no_target_breaks_a_law() {
    fuzz::replay(fuzz::TARGETS, &fuzz::folder(), 3_000);
}

#[test]
fn a_law_that_mutations_break_is_reported_with_the_input() {
    let fragile = |input: &[u8]| assert!(!input.windows(2).any(|pair| pair == b"42"), "no answer wanted");
    let target = Target { name: "fragile", run: fragile, words: &["4", "2"] };
    let corpus = [b"a question".to_vec()];
    let crash = fuzz::run(&target, &corpus, 7, Budget::Inputs(100_000)).unwrap_err();
    assert!(crash.input.windows(2).any(|pair| pair == b"42"));
    assert_eq!(crash.message, "no answer wanted");
    let again = fuzz::run(&target, &corpus, 7, Budget::Inputs(100_000)).unwrap_err();
    assert_eq!(again.input, crash.input, "the same seed makes the same mutations");
}
