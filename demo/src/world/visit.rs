//! What visitors of the shop do.

use stdx::Rng;

use super::Item;

/// One thing a visitor does.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// At the catalogue.
    Catalog,
    /// At one article.
    Article(Item),
    /// At an article that is no more.
    Gone(u64),
    /// Puts it into the cart.
    Add(Item),
    /// Puts it into the cart with the broken release of the mobile app.
    AddBroken(Item),
    /// At the cart.
    Cart,
    /// At an order of theirs.
    Order,
}

/// The looks of one visit, which may end in an order.
pub fn visit(buys: bool, rng: &mut Rng) -> Vec<Look> {
    let mut looks = Vec::new();
    if !buys {
        looks.push(Look::Catalog);
    }
    for _ in 0..rng.below(if buys { 2 } else { 4 }) {
        looks.push(Look::Article(Item::draw(rng)));
    }
    if !buys && rng.chance(0.08) {
        looks.push(Look::Gone(rng.below(400)));
    }
    if buys || rng.chance(0.3) {
        looks.push(Look::Add(Item::draw(rng)));
        looks.push(Look::Cart);
    }
    if !buys && rng.chance(0.5) {
        looks.push(Look::Order);
    }
    looks
}
