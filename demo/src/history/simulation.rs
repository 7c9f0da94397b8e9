//! The event loop: visits, orders' steps, health checks and incidents in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::time::Duration;

use logline::Timestamp;
use stdx::Rng;

use super::journal::Journal;
use super::script::{self, Ended, Trouble};
use super::stage::Stage;
use super::{BROKEN_GAP, HEALTH_GAP, LATEST, LOOK_GAP, Plan, Progress};
use crate::faults::{Fault, Incidents};
use crate::lines::{FLAKY, Service, legacy};
use crate::state::State;
use crate::world::{FIRST_ORDER, Ids, Item, Look, Order, Status, Step, Traffic, World, visit};

/// No order's step begins later than this before the end, so that it is over by then.
const MARGIN: Duration = Duration::from_secs(40);
const FURNACE: Duration = Duration::from_mins(7);

/// Something that is due; what it means stands in [`Simulation::happen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Visit { buys: bool },
    Create { customer: u32 },
    Step { order: usize },
    Broken,
    Health,
    Furnace,
}

#[derive(Debug)]
struct Simulation<'p, W> {
    plan: &'p Plan,
    world: World,
    incidents: Incidents,
    journal: Journal<W>,
    ids: Ids,
    rng: Rng,
    due: BinaryHeap<Reverse<(Timestamp, u64, Event)>>,
    planned: u64,
    orders: Vec<Order>,
}

/// Runs a plan into three outputs, in the order of [`Service::ALL`], and returns what is open at the end.
pub fn simulate<W: Write>(
    plan: &Plan,
    outs: [W; 3],
    mut progress: impl FnMut(Progress),
) -> io::Result<(State, [W; 3])> {
    let mut simulation = Simulation::new(plan, outs);
    let length = plan.end.since(plan.start).as_secs_f64();
    let mut events = 0_u64;
    while let Some(Reverse((at, _, event))) = simulation.due.pop() {
        simulation.happen(at, event);
        events += 1;
        if events.is_multiple_of(512) {
            simulation.journal.settle(at)?;
            let share = at.since(plan.start).as_secs_f64() / length;
            progress(Progress { lines: simulation.journal.lines(), share });
        }
    }
    simulation.finish(progress)
}

impl<'p, W: Write> Simulation<'p, W> {
    fn new(plan: &'p Plan, outs: [W; 3]) -> Self {
        let mut rng = Rng::seeded(plan.seed);
        let mut incidents = Incidents::of_history(plan.start, plan.end);
        incidents.keep(&plan.faults);
        let mut simulation = Self {
            plan,
            world: World::new(rng.fork(), FIRST_ORDER, 1.0),
            incidents,
            journal: Journal::new(outs, plan.end),
            ids: Ids::new(rng.fork()),
            rng,
            due: BinaryHeap::new(),
            planned: 0,
            orders: Vec::new(),
        };
        for event in [Event::Visit { buys: true }, Event::Visit { buys: false }, Event::Health, Event::Furnace] {
            simulation.plan(plan.start, event);
        }
        let broken = simulation.incidents.iter().find(|incident| incident.fault == Fault::BadRequests);
        if let Some(from) = broken.map(|incident| incident.from) {
            simulation.plan(from, Event::Broken);
        }
        simulation
    }

    fn plan(&mut self, at: Timestamp, event: Event) {
        if at < self.plan.end.before(MARGIN) {
            self.planned += 1;
            self.due.push(Reverse((at, self.planned, event)));
        }
    }

    fn happen(&mut self, at: Timestamp, event: Event) {
        match event {
            Event::Visit { buys } => self.visit(at, buys),
            Event::Create { customer } => self.create(at, customer),
            Event::Step { order } => self.step(at, order),
            Event::Broken => self.broken(at),
            Event::Health => self.health(at),
            Event::Furnace => self.furnace(at),
        }
    }

    fn visit(&mut self, at: Timestamp, buys: bool) {
        let boost = self.incidents.boost(at);
        let per_day = if buys { self.plan.orders_per_day } else { self.plan.visits_per_day };
        let next = Traffic::per_day(per_day).next(at, boost, &mut self.rng);
        self.plan(next, Event::Visit { buys });
        let customer = self.world.visitor();
        let mut when = at;
        for look in visit(buys, &mut self.rng) {
            when = self.looked(when, customer, &look).after(self.rng.exponential(LOOK_GAP));
        }
        if buys {
            self.plan(when, Event::Create { customer });
        }
    }

    fn looked(&mut self, at: Timestamp, customer: u32, look: &Look) -> Timestamp {
        let order = if *look == Look::Order { self.latest() } else { None };
        let order = order.and_then(|index| self.orders.get(index));
        let customer = order.map_or(customer, |order| order.customer);
        let mut stage = Stage::new(&mut self.journal, &mut self.ids, &mut self.rng, at);
        script::look(&mut stage, customer, look, order);
        stage.now()
    }

    /// One of the latest orders, by its place.
    fn latest(&mut self) -> Option<usize> {
        let back = 1 + self.rng.below(LATEST.min(self.orders.len() as u64));
        self.orders.len().checked_sub(usize::try_from(back).ok()?)
    }

    fn create(&mut self, at: Timestamp, customer: u32) {
        let order = self.world.create(customer, at);
        let mut stage = Stage::new(&mut self.journal, &mut self.ids, &mut self.rng, at);
        script::create(&mut stage, &order);
        let due = order.next.map(|(_, due)| due.max(stage.now()));
        self.orders.push(order);
        if let Some(due) = due {
            self.plan(due, Event::Step { order: self.orders.len() - 1 });
        }
    }

    fn step(&mut self, at: Timestamp, index: usize) {
        let Some(order) = self.orders.get_mut(index) else { return };
        let Some((step, _)) = order.next else { return };
        let trouble = match Obstacle::of(step, at, &mut self.incidents, &mut self.rng) {
            Obstacle::Forgotten => {
                order.next = None;
                return;
            }
            Obstacle::Postponed(until) => {
                let late = until.after(self.rng.exponential(Duration::from_mins(8)));
                order.next = Some((step, late));
                return self.plan(late, Event::Step { order: index });
            }
            Obstacle::Trouble(trouble) => trouble,
        };
        let mut stage = Stage::new(&mut self.journal, &mut self.ids, &mut self.rng, at);
        let ended = script::play(&mut stage, order, step, trouble);
        let now = stage.now();
        if step == Step::Ship && ended == Ended::Done {
            // The queue keeps it while CRM is silent.
            let silent = self.incidents.going_on(Fault::SilentService, now).map(|incident| incident.to);
            stage.arrive(silent.unwrap_or(now));
            script::hand_over(&mut stage, order.id);
        }
        self.settle(index, step, ended, now);
    }

    /// Plans what comes after a step that was played.
    fn settle(&mut self, index: usize, step: Step, ended: Ended, now: Timestamp) {
        let Some(order) = self.orders.get_mut(index) else { return };
        match ended {
            Ended::Done => self.world.advance(order, step, now),
            Ended::Lost => {
                self.world.advance(order, step, now);
                order.next = None;
            }
            Ended::Failed => {
                let gives_up = step == Step::Start
                    && order.attempt >= 3
                    && self.incidents.keeps_one_more(Fault::FailedChange, now);
                let again = now.after(Duration::from_secs(45) + self.rng.exponential(Duration::from_mins(4)));
                self.world.retry(order, step, again);
                if gives_up {
                    order.next = None;
                }
            }
        }
        if let Some((_, due)) = order.next {
            self.plan(due, Event::Step { order: index });
        }
    }

    fn broken(&mut self, at: Timestamp) {
        if self.incidents.going_on(Fault::BadRequests, at).is_some() {
            let next = at.after(self.rng.exponential(BROKEN_GAP));
            self.plan(next, Event::Broken);
            let customer = self.world.visitor();
            let look = Look::AddBroken(Item::draw(&mut self.rng));
            self.looked(at, customer, &look);
        }
    }

    fn health(&mut self, at: Timestamp) {
        self.plan(at.after(HEALTH_GAP), Event::Health);
        let silent = self.incidents.going_on(Fault::SilentService, at).is_some();
        for service in Service::ALL.into_iter().filter(|service| !(silent && *service == Service::Crm)) {
            let mut stage = Stage::new(&mut self.journal, &mut self.ids, &mut self.rng, at);
            script::health(&mut stage, service);
        }
    }

    fn furnace(&mut self, at: Timestamp) {
        self.plan(at.after(FURNACE), Event::Furnace);
        let (number, celsius) = (1 + self.rng.below(3), 690 + self.rng.below(60));
        self.journal.text(Service::Mes, at, legacy::furnace(at, number, celsius));
    }

    fn finish(self, mut progress: impl FnMut(Progress)) -> io::Result<(State, [W; 3])> {
        let Self { journal, orders, world, plan, .. } = self;
        let story = story(&orders);
        let open = orders.into_iter().filter(|order| order.status != Status::Closed).collect();
        let mut state = State { seed: plan.seed, next_order: world.next_order(), lines: 0, story, open };
        let (lines, outs) = journal.finish()?;
        state.lines = lines;
        progress(Progress { lines, share: 1.0 });
        Ok((state, outs))
    }
}

/// The order whose story is worth telling: the last closed one that came back from quality control and has a 3D model,
/// else any closed one, else any.
fn story(orders: &[Order]) -> Option<u64> {
    let closed = |order: &&Order| order.status == Status::Closed;
    let eventful = |order: &&Order| closed(order) && order.reworks > 0 && order.model.is_some();
    let last = |fits: &dyn Fn(&&Order) -> bool| orders.iter().rev().find(fits).map(|order| order.id);
    last(&eventful).or_else(|| last(&closed)).or_else(|| last(&|_| true))
}

/// What an order's step meets.
enum Obstacle {
    /// Nobody will do it, ever.
    Forgotten,
    /// Nobody can do it before then.
    Postponed(Timestamp),
    /// It is done, with or without trouble.
    Trouble(Trouble),
}

impl Obstacle {
    fn of(step: Step, at: Timestamp, incidents: &mut Incidents, rng: &mut Rng) -> Self {
        let silent = incidents.going_on(Fault::SilentService, at).map(|incident| incident.to);
        match step {
            Step::Package if incidents.keeps_one_more(Fault::StuckStatus, at) => Self::Forgotten,
            Step::Start if incidents.going_on(Fault::FailedChange, at).is_some() => Self::Trouble(Trouble::Bench),
            Step::Ship if incidents.keeps_one_more(Fault::LostHandover, at) => Self::Trouble(Trouble::QueueLost),
            Step::Ship if incidents.going_on(Fault::LostHandover, at).is_some() => Self::Trouble(Trouble::QueueSlow),
            Step::Submit | Step::Pay if silent.is_some() => Self::Trouble(Trouble::Crm),
            Step::Approve | Step::Deliver | Step::Close => silent.map_or(Self::Trouble(Trouble::None), Self::Postponed),
            Step::Submit | Step::Price | Step::Pay if rng.chance(FLAKY) => Self::Trouble(Trouble::Flaky),
            _ => Self::Trouble(Trouble::None),
        }
    }
}
