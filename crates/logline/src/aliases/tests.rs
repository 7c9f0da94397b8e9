//! Cases for names.

use super::*;

#[test]
fn names_are_compared_without_case_and_separators() {
    let aliases = Aliases::default();
    let order = Some(&Target::Field("order_id".into()));
    for name in ["order_id", "orderId", "OrderID", "order-id", "order.id", "ORDER_ID"] {
        assert_eq!(aliases.get(NameHash::EMPTY.then(name)), order, "{name}");
    }
    assert_eq!(aliases.get(NameHash::EMPTY.then("order").then("id")), order, "a member of a nested object");
    assert_eq!(aliases.get(NameHash::EMPTY.then("order")), None);
}

#[test]
fn no_default_name_is_given_twice() {
    let names: Vec<_> = DEFAULTS.iter().flat_map(|(_, names)| *names).collect();
    assert_eq!(Aliases::default().table.len(), names.len());
}

#[test]
fn what_is_wrong_with_names_is_told_with_the_fact_and_a_remedy() {
    let names = |pairs: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        pairs.iter().map(|(fact, all)| ((*fact).to_owned(), names(all))).collect()
    };
    let fine = names(&[("order_id", &["bestellnummer", "zakaz.nr"]), ("invoice_id", &["beleg"]), ("*", &["payload2"])]);
    assert_eq!(Aliases::problems(&fine), []);
    let wrong = names(&[("order_id", &["nr", "_"]), ("peer", &[]), ("status", &["Nr"]), ("statuss", &["zustand"])]);
    let told: Vec<String> =
        Aliases::problems(&wrong).into_iter().map(|(fact, problem)| format!("{fact} {problem}")).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with("order_id has `_`, which has no letters"), "{}", told[0]);
    assert!(told[1].starts_with("peer has no names"), "{}", told[1]);
    assert!(told[2].starts_with("status has `Nr`, which `order_id` has as well"), "{}", told[2]);
    assert!(told[3].starts_with("statuss is no fact; there are time, kind,"), "{}", told[3]);
}
