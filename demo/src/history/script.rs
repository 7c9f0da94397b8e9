//! What each step of an order, and each visit, looks like in the logs: the same calls that the live services make.

use std::io::Write;
use std::time::Duration;

use super::stage::{Call, Reply, Stage};
use crate::lines::{
    BENCH_IS_DOWN, BENCH_PATIENCE, CRM_IS_DOWN, INSURED, NO_ANSWER, NOT_CONFIRMED, PATIENCE, PUBLISH_ATTEMPTS,
    QUEUE_PATIENCE, REJECTED, RESET, Route, SIZE_IS_MISSING, Service, Visit, bodies, legacy, routes,
};
use crate::world::{Look, ModelStatus, Order, Status, Step};

use Service::{Crm, Mes, Shop};

/// What stands in the way of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// The first try of a call between services fails, the second succeeds.
    Flaky,
    /// The bench's controller is down: MES answers 500.
    Bench,
    /// CRM answers nobody.
    Crm,
    /// The queue does not confirm at first.
    QueueSlow,
    /// The queue never confirms.
    QueueLost,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it should.
    Done,
    /// It was refused and may be tried again.
    Failed,
    /// The order has moved on, but nobody was told: it stays where it is.
    Lost,
}

/// Plays one step of an order; the order has its status from before.
pub(super) fn play<W: Write>(stage: &mut Stage<'_, W>, order: &Order, step: Step, trouble: Trouble) -> Ended {
    stage.about(order);
    match step {
        Step::Upload => upload(stage, order),
        Step::Submit => submit(stage, order, trouble),
        Step::Price => price(stage, order, trouble),
        Step::Pay => pay(stage, order, trouble),
        Step::Approve => approve(stage, order),
        Step::Start => start(stage, order, trouble),
        Step::Complete => complete(stage, order),
        Step::Rework => workshop(stage, order, routes::REWORK, Status::ManufacturingStarted),
        Step::Package => package(stage, order),
        Step::Ship => ship(stage, order, trouble),
        Step::Deliver => deliver(stage, order),
        Step::Close => {
            stage.becomes(Crm, Status::Closed);
            Ended::Done
        }
    }
}

fn ended(reply: &Reply) -> Ended {
    if reply.is_ok() { Ended::Done } else { Ended::Failed }
}

/// A call between services, which may fail at first.
fn reach<W: Write>(
    stage: &mut Stage<'_, W>,
    from: Service,
    call: Call,
    trouble: Trouble,
    inner: impl FnOnce(&mut Stage<'_, W>) -> Reply,
) -> Reply {
    if trouble != Trouble::Flaky {
        return stage.call(from, &call, inner);
    }
    stage.call_lost(from, &call, Duration::from_millis(40), RESET);
    stage.pause(Duration::from_millis(200));
    stage.call(from, &call.attempt(2), inner)
}

/// A customer makes an order of the cart.
pub(super) fn create<W: Write>(stage: &mut Stage<'_, W>, order: &Order) {
    let customer = order.customer().masked();
    stage.customer(order.customer);
    stage.serve(Shop, &Call::to(routes::CREATE).body(&bodies::create(order, &customer)), |stage| {
        stage.about(order);
        stage.becomes(Shop, Status::Created);
        Reply::of(201).body(&bodies::created(order))
    });
}

fn upload<W: Write>(stage: &mut Stage<'_, W>, order: &Order) -> Ended {
    if let Some(model) = &order.model {
        stage.model(&model.id);
    }
    let body = bodies::upload(order);
    let good = !order.id.is_multiple_of(REJECTED);
    let reply = stage.serve(Shop, &Call::to(routes::UPLOAD).id(order.id).body(&body), |stage| {
        stage.call(Shop, &Call::to(routes::MODEL).body(&body), |stage| {
            stage.model_becomes(Mes, None, ModelStatus::Uploaded);
            stage.pause(Duration::from_millis(300));
            if !good {
                stage.model_becomes(Mes, Some(ModelStatus::Uploaded), ModelStatus::Rejected);
                stage.pause(Duration::from_millis(800));
            }
            let before = if good { ModelStatus::Uploaded } else { ModelStatus::Rejected };
            stage.model_becomes(Mes, Some(before), ModelStatus::Checked);
            Reply::of(201)
        })
    });
    ended(&reply)
}

fn submit<W: Write>(stage: &mut Stage<'_, W>, order: &Order, trouble: Trouble) -> Ended {
    let order_body = bodies::handed_on(order, &order.customer().masked());
    let reply = stage.serve(Shop, &Call::to(routes::SUBMIT).id(order.id), |stage| {
        let register = Call::to(routes::REGISTER).body(&order_body);
        if trouble == Trouble::Crm {
            stage.call_lost(Shop, &register, PATIENCE, NO_ANSWER);
            return Reply::failed(503, CRM_IS_DOWN);
        }
        reach(stage, Shop, register, trouble, |stage| {
            stage.pause(Duration::from_millis(12));
            Reply::of(201)
        });
        stage.becomes(Shop, Status::Submitted);
        Reply::of(200)
    });
    ended(&reply)
}

fn price<W: Write>(stage: &mut Stage<'_, W>, order: &Order, trouble: Trouble) -> Ended {
    stage.about_nobodys(order);
    let reply = reach(stage, Shop, Call::to(routes::PRICE).id(order.id), trouble, |stage| {
        stage.pause(Duration::from_millis(250));
        stage.becomes(Mes, Status::PriceCalculated);
        Reply::of(200).body(&bodies::price(order))
    });
    ended(&reply)
}

fn pay<W: Write>(stage: &mut Stage<'_, W>, order: &Order, trouble: Trouble) -> Ended {
    let body = bodies::payment(order, &order.customer().masked());
    let reply = stage.serve(Shop, &Call::to(routes::PAY).id(order.id).body(&body), |stage| {
        let payment = Call::to(routes::PAYMENT).id(order.id).body(&body);
        if trouble == Trouble::Crm {
            stage.call_lost(Shop, &payment, PATIENCE, NO_ANSWER);
            return Reply::failed(503, CRM_IS_DOWN);
        }
        reach(stage, Shop, payment, trouble, |stage| {
            stage.pause(Duration::from_millis(90));
            Reply::of(201)
        })
    });
    ended(&reply)
}

fn approve<W: Write>(stage: &mut Stage<'_, W>, order: &Order) -> Ended {
    let reply = stage.serve(Crm, &Call::to(routes::APPROVE).id(order.id), |stage| {
        stage.becomes(Crm, Status::ManufacturingApproved);
        let job = bodies::handed_on(order, &order.customer().masked());
        stage.call(Crm, &Call::to(routes::PUBLISH_JOB).body(&job), |_| Reply::of(202));
        Reply::of(200)
    });
    stage.pause(Duration::from_millis(60));
    // MES masks nothing.
    let job = bodies::handed_on(order, &order.customer());
    stage.consume(Mes, &Call::to(routes::TAKE_JOB).body(&job), |_| Reply::of(200));
    ended(&reply)
}

/// Something the workshop does within MES alone.
fn workshop<W: Write>(stage: &mut Stage<'_, W>, order: &Order, route: Route, to: Status) -> Ended {
    let reply = stage.serve(Mes, &Call::to(route).id(order.id), |stage| {
        stage.becomes(Mes, to);
        Reply::of(200)
    });
    ended(&reply)
}

fn start<W: Write>(stage: &mut Stage<'_, W>, order: &Order, trouble: Trouble) -> Ended {
    let call = Call::to(routes::START).id(order.id);
    if trouble != Trouble::Bench {
        let (from, to) = (ModelStatus::Checked, ModelStatus::InProduction);
        return with_model(stage, order, &call, Status::ManufacturingStarted, (from, to));
    }
    stage.serve(Mes, &call, |stage| {
        stage.pause(BENCH_PATIENCE);
        let trace = stage.trace().to_owned();
        stage.text(Mes, legacy::broke_down(stage.now(), order, &trace));
        Reply::failed(500, BENCH_IS_DOWN)
    });
    Ended::Failed
}

fn complete<W: Write>(stage: &mut Stage<'_, W>, order: &Order) -> Ended {
    let call = Call::to(routes::COMPLETE).id(order.id);
    let (from, to) = (ModelStatus::InProduction, ModelStatus::Cast);
    with_model(stage, order, &call, Status::ManufacturingCompleted, (from, to))
}

/// A step of the workshop that also moves the order's 3D model on, the first time.
fn with_model<W: Write>(
    stage: &mut Stage<'_, W>,
    order: &Order,
    call: &Call,
    to: Status,
    models: (ModelStatus, ModelStatus),
) -> Ended {
    let model = order.model.as_ref().filter(|model| model.status == models.0);
    if let Some(model) = model {
        stage.model(&model.id);
    }
    let reply = stage.serve(Mes, call, |stage| {
        stage.becomes(Mes, to);
        if model.is_some() {
            stage.model_becomes(Mes, Some(models.0), models.1);
        }
        Reply::of(200)
    });
    ended(&reply)
}

fn package<W: Write>(stage: &mut Stage<'_, W>, order: &Order) -> Ended {
    let customer = order.customer();
    let reply = stage.serve(Mes, &Call::to(routes::PACKAGE).id(order.id), |stage| {
        stage.becomes(Mes, Status::Packaging);
        let packed = Order { status: Status::Packaging, ..order.clone() };
        let trace = stage.trace().to_owned();
        stage.pause(Duration::from_millis(120));
        stage.text(Mes, legacy::label_printed(stage.now(), &packed, &customer, &trace));
        if order.id.is_multiple_of(legacy::TORN) {
            stage.text(Mes, legacy::label_printed_again(stage.now(), &packed, &trace));
        }
        if order.price() > INSURED {
            stage.text(Mes, legacy::insured(stage.now(), &packed, &customer, &trace));
        }
        Reply::of(200)
    });
    ended(&reply)
}

fn ship<W: Write>(stage: &mut Stage<'_, W>, order: &Order, trouble: Trouble) -> Ended {
    let unconfirmed = match trouble {
        Trouble::QueueLost => PUBLISH_ATTEMPTS,
        Trouble::QueueSlow => 1,
        _ => 0,
    };
    let message = bodies::reference(order.id);
    let publish = |attempt| Call::to(routes::PUBLISH_HANDOVER).body(&message).attempt(attempt);
    stage.serve(Mes, &Call::to(routes::SHIP).id(order.id), |stage| {
        stage.becomes(Mes, Status::Shipped);
        for attempt in 1..=unconfirmed {
            stage.call_lost(Mes, &publish(attempt), QUEUE_PATIENCE, NOT_CONFIRMED);
        }
        if trouble == Trouble::QueueLost {
            return Reply::of(202);
        }
        stage.call(Mes, &publish(unconfirmed + 1), |_| Reply::of(202));
        Reply::of(200)
    });
    if trouble == Trouble::QueueLost { Ended::Lost } else { Ended::Done }
}

/// The queue brings CRM the hand-over of a parcel, later in the trace of its shipment.
pub(super) fn hand_over<W: Write>(stage: &mut Stage<'_, W>, order: u64) {
    stage.consume(Crm, &Call::to(routes::TAKE_HANDOVER).body(&bodies::reference(order)), |stage| {
        stage.pause(Duration::from_millis(8));
        Reply::of(200)
    });
}

fn deliver<W: Write>(stage: &mut Stage<'_, W>, order: &Order) -> Ended {
    let reply = stage.serve(Crm, &Call::to(routes::DELIVER).id(order.id), |stage| {
        stage.becomes(Crm, Status::Delivered);
        stage.call(Crm, &Call::to(routes::NOTIFY).id(order.id), |_| Reply::of(202));
        Reply::of(200)
    });
    ended(&reply)
}

/// Plays one request of a visitor; `order` is the one that [`Look::Order`] means.
pub(super) fn look<W: Write>(stage: &mut Stage<'_, W>, customer: u32, look: &Look, order: Option<&Order>) {
    stage.customer(customer);
    let visit = Visit::of(look, order.map_or(0, |order| order.id));
    let mut call = Call::to(visit.route);
    if let Some(id) = visit.id {
        call = call.id(id);
    }
    if let Some(body) = visit.body {
        call = call.body(&body);
    }
    if let (Look::Order, Some(order)) = (look, order) {
        stage.about(order);
    }
    stage.serve(Shop, &call, |stage| {
        stage.pause(Duration::from_millis(visit.takes_ms));
        match look {
            Look::AddBroken(_) => Reply::of(visit.answer).body(&bodies::problem(SIZE_IS_MISSING)),
            _ => Reply::of(visit.answer),
        }
    });
}

/// Somebody asks whether a service is alive.
pub(super) fn health<W: Write>(stage: &mut Stage<'_, W>, service: Service) {
    stage.serve(service, &Call::to(routes::health(service)), |_| Reply::of(200));
}
