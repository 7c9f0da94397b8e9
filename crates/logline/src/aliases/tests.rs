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
