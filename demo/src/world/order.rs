//! An order, and the world that creates orders and moves them on.

use logline::Timestamp;
use stdx::Rng;

use super::{Customer, Item, Model, ModelStatus, Status, Step, dwell};

/// One order of one customer.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Counts up from the first order of the history.
    pub id: u64,
    /// Whose it is.
    pub customer: u32,
    /// At least one.
    pub items: Vec<Item>,
    /// A 3D model of the customer's own, in some orders.
    pub model: Option<Model>,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// What somebody will do next, and when; none when it is closed or stuck for good.
    pub next: Option<(Step, Timestamp)>,
    /// Which try of the next step this will be, from 1.
    pub attempt: u32,
    /// How often quality control sent it back.
    pub reworks: u32,
}

/// What differs from run to run: the seed, how far the ids have come, how fast time runs.
#[derive(Debug)]
pub struct World {
    rng: Rng,
    next_order: u64,
    speed: f64,
}

/// The id of the first order of a history.
pub const FIRST_ORDER: u64 = 40_001;
const CUSTOMERS: u64 = 9_000;
const WITH_MODEL: f64 = 0.4;

impl World {
    /// A world whose next order has this id. Waits are divided by `speed`.
    pub const fn new(rng: Rng, next_order: u64, speed: f64) -> Self {
        Self { rng, next_order, speed }
    }

    /// The id that the next order will have.
    pub const fn next_order(&self) -> u64 {
        self.next_order
    }

    /// Somebody who visits the shop.
    pub fn visitor(&mut self) -> u32 {
        u32::try_from(10_000 + self.rng.below(CUSTOMERS)).unwrap_or(10_000)
    }

    /// An order that this customer puts together now.
    pub fn create(&mut self, customer: u32, at: Timestamp) -> Order {
        let id = self.next_order;
        self.next_order += 1;
        let items = (0..1 + self.rng.below(3)).map(|_| Item::draw(&mut self.rng)).collect();
        let model = self.rng.chance(WITH_MODEL).then(|| Model::draw(&mut self.rng));
        let (since, status) = (at, Status::Created);
        let mut order = Order { id, customer, items, model, status, since, next: None, attempt: 1, reworks: 0 };
        let first = Step::first(&order);
        self.plan(&mut order, Some(first), at);
        order
    }

    /// Moves an order on after `step` has succeeded at `at`, and plans what comes next.
    pub fn advance(&mut self, order: &mut Order, step: Step, at: Timestamp) {
        if let Some(status) = step.leads_to() {
            order.status = status;
            order.since = at;
        }
        order.reworks += u32::from(step == Step::Rework);
        if let Some(model) = &mut order.model {
            model.status = model_after(step, model.status);
        }
        order.attempt = 1;
        let next = step.next(&mut self.rng);
        self.plan(order, next, at);
    }

    /// Plans the same step again after a failure.
    pub fn retry(&mut self, order: &mut Order, step: Step, at: Timestamp) {
        order.attempt += 1;
        order.next = Some((step, at));
    }

    fn plan(&mut self, order: &mut Order, next: Option<Step>, at: Timestamp) {
        order.next = next.map(|step| (step, dwell::wait(step, at, self.speed, &mut self.rng)));
    }
}

impl Order {
    /// Who ordered.
    pub fn customer(&self) -> Customer {
        Customer::of(self.customer)
    }

    /// What the whole order costs, in whole euros.
    pub fn price(&self) -> u32 {
        self.items.iter().map(Item::price).sum()
    }
}

fn model_after(step: Step, status: ModelStatus) -> ModelStatus {
    match step {
        Step::Upload => ModelStatus::Checked,
        Step::Start => ModelStatus::InProduction,
        Step::Complete => ModelStatus::Cast,
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_reaches_the_end_along_the_graph() {
        let mut world = World::new(Rng::seeded(11), FIRST_ORDER, 1.0);
        let start = Timestamp(1_800_000_000_000_000_000);
        let (mut reworks, mut days) = (0, 0.0);
        for _ in 0..500 {
            let mut order = world.create(10_001, start);
            while let Some((step, at)) = order.next {
                let before = order.status;
                assert!(order.since <= at);
                world.advance(&mut order, step, at);
                assert!(before == order.status || before.may_become(order.status), "{before} to {}", order.status);
            }
            assert_eq!(order.status, Status::Closed);
            reworks += order.reworks;
            days += order.since.since(start).as_secs_f64() / 86_400.0;
        }
        assert!((3..30).contains(&reworks), "{reworks} of 500 came back from quality control");
        assert!((2.5..6.0).contains(&(days / 500.0)), "an order takes {} days", days / 500.0);
        assert_eq!(world.next_order(), FIRST_ORDER + 500);
    }
}
