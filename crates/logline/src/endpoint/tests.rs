//! Cases for endpoint templates.

use super::*;

#[track_caller]
fn check(endpoint: &str, want: &str, path: &str) {
    assert_eq!(template(endpoint), Some((want.to_owned(), path)));
    assert_eq!(template(want), None, "a template stays");
}

#[test]
fn ids_in_a_path_become_a_template() {
    check("GET /orders/4711", "GET /orders/{id}", "/orders/4711");
    check("GET /orders/4711/items/2?x=/3", "GET /orders/{id}/items/{id}", "/orders/4711/items/2?x=/3");
    check(
        "/models/6f1c9a2e-0d3b-4c56-8e7f-001122334455",
        "/models/{id}",
        "/models/6f1c9a2e-0d3b-4c56-8e7f-001122334455",
    );
    check("PUT /files/0123456789abcdef", "PUT /files/{id}", "/files/0123456789abcdef");
    check("GET /orders?page=2", "GET /orders", "/orders?page=2");
    check("GET http://crm:8080/orders/7", "GET http://crm:8080/orders/{id}", "http://crm:8080/orders/7");
}

#[test]
fn what_names_no_id_is_left_alone() {
    for endpoint in [
        "GET /",
        "",
        "order",
        "POST /api/v1/orders",
        "GET /orders/{order_id}/4711",
        "GET /cafe/deadbeef",
        "4711",
        "GET /2fa",
    ] {
        assert_eq!(template(endpoint), None, "{endpoint}");
    }
}
