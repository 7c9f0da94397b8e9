//! What customers and services say to each other: JSON bodies, with personal data where real ones have it.

use serde_json::{Value, json};

use crate::world::{Customer, Item, Order};

/// A customer's order, with everything one needs to call them.
pub fn create(order: &Order, customer: &Customer) -> Value {
    json!({"customer": contact(customer), "items": order.items, "city": customer.city})
}

/// The answer to it.
pub fn created(order: &Order) -> Value {
    json!({"order_id": order.id, "status": order.status.as_str(), "total": order.price()})
}

/// An article for the cart.
pub fn cart_item(item: &Item) -> Value {
    json!({"sku": item.sku, "size": item.size, "count": item.count})
}

/// What the broken release of the mobile app sends instead: the size is missing and the count is text.
pub fn broken_cart_item(item: &Item) -> Value {
    json!({"sku": item.sku, "count": "NaN"})
}

/// An order as SHOP hands it to CRM, and CRM to MES: whom to call about it.
pub fn handed_on(order: &Order, customer: &Customer) -> Value {
    json!({"order_id": order.id, "recipient": contact(customer)})
}

/// An order, by nothing but its id.
pub fn reference(order: u64) -> Value {
    json!({"order_id": order})
}

/// A 3D model's file, told but not sent.
pub fn upload(order: &Order) -> Value {
    let id = order.model.as_ref().map_or("none", |model| model.id.as_str());
    json!({"order_id": order.id, "model_id": id, "file": format!("{id}.stl"), "triangles": 18_000 + order.id % 7_000})
}

/// A payment by card.
pub fn payment(order: &Order, customer: &Customer) -> Value {
    json!({"amount": order.price(), "currency": "EUR", "card": {"number": customer.card, "holder": customer.name}})
}

/// A price.
pub fn price(order: &Order) -> Value {
    json!({"price": order.price(), "currency": "EUR"})
}

/// Whom to call.
fn contact(customer: &Customer) -> Value {
    json!({"name": customer.name, "phone": customer.phone, "email": customer.email})
}

/// Why a request was refused or failed.
pub fn problem(text: &str) -> Value {
    json!({"error": text})
}
