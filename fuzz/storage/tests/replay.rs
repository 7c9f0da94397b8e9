//! Every target of the storage engine on its corpus with mutations.

#[test]
fn no_damage_goes_unnoticed_or_ends_the_program() {
    fuzz::replay(fuzz_storage::TARGETS, &fuzz::folder(), 200);
}
