//! A visitor's looks as requests.

use serde_json::Value;

use super::{Route, bodies, routes};
use crate::world::Look;

/// A request of a visitor.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What is asked for.
    pub route: Route,
    /// The id in the route.
    pub id: Option<String>,
    /// What is sent.
    pub body: Option<Value>,
    /// What a healthy SHOP answers.
    pub answer: u16,
    /// How many milliseconds SHOP typically needs.
    pub takes_ms: u64,
}

impl Visit {
    /// The request behind a look; `order` is the one that [`Look::Order`] means.
    pub fn of(look: &Look, order: u64) -> Self {
        let visit = |route, answer, takes_ms| Self { route, id: None, body: None, answer, takes_ms };
        let of_article = |id, answer| Self { id: Some(id), ..visit(routes::ARTICLE, answer, 9) };
        let of_item = |body, answer| Self { body: Some(body), ..visit(routes::ADD_TO_CART, answer, 6) };
        match look {
            Look::Catalog => visit(routes::CATALOG, 200, 18),
            Look::Article(item) => of_article(item.sku.clone(), 200),
            Look::Gone(number) => of_article(format!("{}{number:03}", GONE), 404),
            Look::Add(item) => of_item(bodies::cart_item(item), 201),
            Look::AddBroken(item) => of_item(bodies::broken_cart_item(item), 400),
            Look::Cart => visit(routes::CART, 200, 5),
            Look::Order => Self { id: Some(order.to_string()), ..visit(routes::LOOK, 200, 7) },
        }
    }
}

/// How the numbers of articles that are no more begin.
pub const GONE: &str = "OLD-";
/// What SHOP says to the broken release of the mobile app.
pub const SIZE_IS_MISSING: &str = "size is missing";
