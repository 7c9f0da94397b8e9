//! The company's orders, shared by its services as one database would be: carts, open orders and their status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sdk::OrderContext;

use crate::world::{Order, Status, Step};

/// Carts and open orders; clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    carts: BTreeMap<u64, Order>,
    open: BTreeMap<u64, Case>,
}

/// An order, and its status as the services know it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) order: Order,
    pub(super) context: OrderContext,
}

impl Case {
    fn new(order: Order) -> Self {
        let context = OrderContext::new(order.id.to_string(), order.status.as_str());
        Self { order, context }
    }

    /// The status now.
    pub(super) fn status(&self) -> Status {
        Status::parse(&self.context.status()).unwrap_or(self.order.status)
    }
}

impl Book {
    /// A book of these open orders.
    pub fn new(orders: impl IntoIterator<Item = Order>) -> Self {
        let book = Self::default();
        book.pages().open.extend(orders.into_iter().map(|order| (order.id, Case::new(order))));
        book
    }

    /// Keeps what a customer has put together until they order it; the cart has the id that the order will have.
    pub fn fill_cart(&self, order: Order) {
        self.pages().carts.insert(order.id, order);
    }

    /// Makes an order of a cart; none if there is no such cart.
    pub(super) fn check_out(&self, cart: u64) -> Option<Case> {
        let mut pages = self.pages();
        let case = Case::new(pages.carts.remove(&cart)?);
        pages.open.insert(cart, case.clone());
        Some(case)
    }

    /// An open order.
    pub(super) fn case(&self, id: u64) -> Option<Case> {
        self.pages().open.get(&id).cloned()
    }

    /// An open order as it is now.
    pub fn order(&self, id: u64) -> Option<Order> {
        self.case(id).map(|case| case.order)
    }

    /// Notes what happens outside of the services: what is planned next, who tried how often. A closed order leaves.
    pub fn change<T>(&self, id: u64, change: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let mut pages = self.pages();
        let order = &mut pages.open.get_mut(&id)?.order;
        let result = change(order);
        if order.status == Status::Closed {
            pages.open.remove(&id);
        }
        Some(result)
    }

    /// Every open order.
    pub fn orders(&self) -> Vec<Order> {
        self.pages().open.values().map(|case| case.order.clone()).collect()
    }

    /// Orders whose next step the services have done already, although it is still planned.
    pub fn done_unnoticed(&self) -> Vec<(u64, Step)> {
        let pages = self.pages();
        let done = |case: &Case| {
            let step = case.order.next.map(|(step, _)| step)?;
            let moved = case.status() != case.order.status && step.leads_to() == Some(case.status());
            moved.then_some((case.order.id, step))
        };
        pages.open.values().filter_map(done).collect()
    }

    /// The open order with the nearest id at or after this one, else the last one.
    pub fn near(&self, id: u64) -> Option<Order> {
        let pages = self.pages();
        let near = pages.open.range(id..).next().or_else(|| pages.open.last_key_value());
        near.map(|(_, case)| case.order.clone())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use logline::Timestamp;
    use stdx::Rng;

    use super::*;
    use crate::world::World;

    #[test]
    fn a_cart_becomes_an_order_once_and_a_closed_order_leaves_the_book() {
        let order = World::new(Rng::seeded(1), 7, 1.0).create(10_001, Timestamp(0));
        let book = Book::default();
        book.fill_cart(order);
        assert!(book.order(7).is_none());
        assert_eq!(book.check_out(7).unwrap().status(), Status::Created);
        assert!(book.check_out(7).is_none());
        assert_eq!(book.near(1).unwrap().id, 7);
        assert!(book.done_unnoticed().is_empty());
        book.change(7, |order| order.next = Some((Step::Submit, Timestamp(1))));
        book.case(7).unwrap().context.set_status(Status::Submitted.as_str());
        assert_eq!(book.done_unnoticed(), [(7, Step::Submit)]);
        book.change(7, |order| order.status = Status::Closed);
        assert!(book.orders().is_empty());
    }
}
